import { LONGEST_PATH, LONGEST_WORD } from '../../../model/bounds.ts';
import type { WantedExec } from '../../../model/fleet.ts';
import { isProgram } from '../../../model/programs.ts';
import { allowedPrograms, EXEC_SETS } from '../../../policy/exec-sets.ts';
import type { Word } from './file.ts';
import { type Path, pathText, quoted } from './shown.ts';
import type { Where } from './where.ts';

/** A word of a command or a variable, as it was written: `60` and `1e3` are text there. */
export function word(where: Where, path: Path, value: Word): string {
  const text = typeof value === 'string' ? value : (where.document.written(path) ?? String(value));
  if (!text.includes('\0') && text.length <= LONGEST_WORD) return text;
  throw where.document.failure('bad-value', path, `${pathText(path)} is too long`, 'Put it into a file.');
}

/** `exec.allow` and `exec.deny`: names and absolute paths. */
export function programs(where: Where, path: Path, given: readonly (string | boolean)[]): string[] {
  return given.map((raw, i) => {
    const program = word(where, [...path, i], raw);
    const at = [...path, i];
    if (/^(?:.*\/)?ld(?:-linux|-musl|\.so|64?\.so)/.test(program))
      throw where.document.failure(
        'bad-program',
        at,
        `${quoted(program)} in ${pathText(at)} is the loader: it starts any file, allowed or not`,
        'Allow the program itself.',
      );
    if (isProgram(program) && program.length <= LONGEST_PATH) return program;
    throw where.document.failure(
      'bad-program',
      at,
      `${quoted(program)} in ${pathText(at)} is not a program`,
      'Write a name (jq) or an absolute path without ".." (/opt/tool/bin/tool); arguments do not belong here.',
    );
  });
}

/** A command whose program the agent may not start would fail every time: said here instead, with the line that mends it. */
export function commandCanStart(where: Where, path: Path, command: readonly string[], exec: WantedExec): void {
  const [program = ''] = command;
  if (program === '')
    throw where.document.failure('bad-value', path, `${pathText(path)} names no program`, 'Begin it with the program.');
  if (program.includes('/') || allowedPrograms(exec).programs.includes(program)) return;
  const denied = exec.deny.includes(program);
  const set = Object.entries(EXEC_SETS).find(([, one]) => one.programs.includes(program))?.[0];
  const sets = JSON.stringify([...exec.sets, set])
    .replaceAll('"', '')
    .replaceAll(',', ', ');
  const mend = set === undefined ? `exec: { allow: [${program}] }` : `exec: { sets: ${sets} }`;
  throw where.document.failure(
    'command-not-allowed',
    [...path, 0],
    `${quoted(program)} in ${pathText(path)} is not among the programs that the agent may start`,
    denied ? 'exec.deny names it; take it out there.' : `Add ${mend}, or give its absolute path to exec.allow.`,
  );
}
