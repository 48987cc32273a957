import type { ArgumentType, ElevatedRule } from '../../model/elevated.ts';
import { elevatedWord } from '../../model/elevated.ts';
import { elevatedText } from './text.ts';

/** An agent as sudo knows it: its Unix user, its rules, and what each of them leads to. */
export interface SudoAgent {
  readonly name: string;
  readonly user: string;
  readonly rules: readonly ElevatedRule[];
  readonly programs: readonly { readonly file: string; readonly digest: string }[];
}

/** More lines than this are no policy that anybody reads. */
const MOST_LINES = 100;

/** The elevated commands of a fleet as a sudoers(5) file, for machines that must use sudo itself. What cannot be said there exactly is left
 *  out, with the reason in a comment: sudo compares arguments as one text with wildcards, has nobody to ask, and knows no folders.
 *  @returns the text, which `visudo -c` accepts, and how many commands it grants and leaves out */
export function sudoersText(
  fleet: string,
  agents: readonly SudoAgent[],
): { readonly text: string; readonly granted: number; readonly refused: readonly string[] } {
  const refused: string[] = [];
  let granted = 0;
  const parts = agents.flatMap(({ name, user, rules, programs }) => {
    const lines = rules.flatMap((rule, i) => {
      const found = linesOf(user, rule, programs[i]);
      if (typeof found !== 'string') {
        granted += 1;
        return found;
      }
      const why = `agents.${name}.elevated[${i}] ${found}: ${elevatedText(rule)}`;
      refused.push(why);
      return [`# left out: ${why.replace(/[^ -~]/g, '?')}`];
    });
    // Nothing of what it set itself reaches the command (sudoers(5), env_reset).
    const own = lines.some((line) => !line.startsWith('#'));
    const defaults = `Defaults:${user} env_reset, !setenv, !env_keep, !env_check, !use_loginclass, secure_path="${PATH}", umask=0022`;
    return lines.length === 0 ? [] : ['', `# ${name}`, ...(own ? [defaults] : []), ...lines];
  });
  const head = [
    `# Commands that agents of the fleet ${fleet} may run as other users. From fleet.yaml, by bulkhead plan --sudoers.`,
  ];
  return { text: `${[...head, ...parts].join('\n')}\n`, granted, refused };
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** One line for each command line that a rule stands for; or why sudoers(5) cannot say it. */
function linesOf(
  user: string,
  rule: ElevatedRule,
  program: SudoAgent['programs'][number] | undefined,
): string[] | string {
  if (!program) return 'has not been looked at';
  if (rule.ask) return 'asks a person, which sudo cannot';
  if (!SAFE.test(program.file)) return 'has a program whose path sudoers would read otherwise';
  let all: string[][] = [[]];
  for (const pattern of rule.run.slice(1)) {
    const { before, name, after } = elevatedWord(pattern);
    const type = name === undefined ? undefined : rule.with[name];
    const values = name === undefined ? [''] : type && valuesOf(type);
    if (values === undefined)
      return `takes {${name}}, which sudoers could say by a wildcard only, and that would take any argument`;
    all = all.flatMap((words) => values.map((value) => [...words, `${before}${value}${after}`]));
    if (all.length > MOST_LINES) return `stands for more than ${MOST_LINES} command lines`;
  }
  if (all.some((words) => words.some((word) => !SAFE.test(word))))
    return 'has an argument that sudoers would read otherwise';
  const seconds = Math.ceil(rule.time / 1000);
  return all.map((words) => {
    // Without arguments "" says so; nothing at all would mean any (sudoers(5), Cmnd).
    const args = words.length === 0 ? '""' : words.map(escaped).join(' ');
    return `${user} ALL=(${rule.as}) TIMEOUT=${seconds} NOPASSWD: NOSETENV: sha256:${program.digest} ${escaped(program.file)} ${args}`;
  });
}

function valuesOf(type: ArgumentType): readonly string[] | undefined {
  if (type.kind === 'words') return type.words;
  if (type.kind !== 'integer' || type.most - type.least >= MOST_LINES) return undefined;
  return Array.from({ length: type.most - type.least + 1 }, (_, i) => String(type.least + i));
}

/** What means itself there: no blanks, quotes, wildcards or comments; `,` `:` `=` with a backslash. */
const SAFE = /^[A-Za-z0-9@%+=:,._/-]+$/;

function escaped(word: string): string {
  return word.replace(/[,:=]/g, '\\$&');
}
