import { type Enforcement, WALLS, type Wall } from '../../model/enforcement.ts';
import { exec } from './exec.ts';
import { type Expected, type Judge, one, type ProbeFacts } from './facts.ts';
import { files } from './files.ts';
import { identity } from './identity.ts';
import { limits } from './limits.ts';
import { network } from './network.ts';
import { processes } from './processes.ts';
import { record } from './record.ts';
import { syscalls } from './syscalls.ts';

const JUDGES: Readonly<Record<Wall, Judge>> = { identity, files, exec, processes, syscalls, network, limits, record };

/** Every wall, from what one round of probes found. A probe that did not come to its end proves nothing.
 *  @param ended  how it ended, in words, should it not have come so far */
export function judgeWalls(facts: ProbeFacts, expected: Expected, ended = ''): Record<Wall, Enforcement> {
  const whole = one(facts, 'end') === 'yes';
  const judged = WALLS.map((wall): [Wall, Enforcement] => [
    wall,
    whole
      ? JUDGES[wall](facts, expected)
      : { level: 'unknown', why: `the probe did not come to its end${ended && ` (${ended})`}` },
  ]);
  return Object.fromEntries(judged) as Record<Wall, Enforcement>;
}

/** `fact NAME VALUE` lines; anything else is left out. The agent may write to its own processes' output, so nothing here is
 *  trusted to be well formed. */
export function readFacts(text: string): Map<string, string[]> {
  const facts = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^fact (\S+) ?(.*)$/.exec(line) ?? [];
    if (name !== undefined) facts.set(name, [...(facts.get(name) ?? []), value ?? '']);
  }
  return facts;
}
