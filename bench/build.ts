import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { type Ground, TOP } from './ground.ts';
import { type Line, line } from './line.ts';
import { timedRun } from './session.ts';
import type { Stand } from './stand.ts';

const BUILD = 'npm ci --offline --cache cache --no-audit --no-fund && npm test';

/** A project that is installed by `npm ci` from a local cache, built and tested by npm: its scripts start a program of node_modules/.bin and machine code
 *  that the build made itself (exec.own: allow). @param agents  gated, ungated */
export async function buildLine(
  ground: Ground,
  stand: Stand,
  [gated, plain]: readonly [string, string],
): Promise<Line> {
  const pack = [
    'czf',
    '-',
    '-C',
    join(TOP, 'test/harness/exercise'),
    '.',
    '-C',
    join(TOP, 'examples/studio/forge/project'),
    'elf.mjs',
    '-C',
    join(TOP, 'bench/build-project'),
    'prepare.mjs',
  ];
  const text = execFileSync('tar', pack).toString('base64');
  const script = `echo ${text} | base64 -d | tar xz && sed -i 's/a - b/a + b/' sum.mjs && node prepare.mjs`;
  for (const agent of [gated, plain]) await stand.bulkhead('run', agent, '--', 'sh', '-c', script);
  const took: Record<string, number[]> = { [gated]: [], [plain]: [] };
  for (let round = ground.count(8, 1) + 1; round > 0; round--)
    for (const agent of [gated, plain])
      took[agent]?.push(await timedRun(stand.places.wardenSocket, agent, ['sh', '-c', `exec >log 2>&1; ${BUILD}`]));
  const of = (agent: string): number[] => took[agent]?.slice(1) ?? [];
  return line(
    'npm ci from a local cache and npm test of a project, own programs allowed',
    'ms',
    { timesAtMost: 1.05 },
    of(gated),
    {
      'same, ungated': of(plain),
    },
  );
}
