import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { execs } from './asking.ts';
import { ESCAPES } from './gate/escapes.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

/** Programs that start others, all of them allowed; `factor` is not. `free` is the positive control: there it is. */
const HERE: readonly string[] = Object.keys(ESCAPES).filter(
  (tool) => spawnSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' }).status === 0,
);
const WAYS: readonly (readonly [tool: string, text: string])[] = HERE.flatMap((tool) =>
  (ESCAPES[tool] ?? []).map((text) => [tool, text] as const),
);
/** Fewer here, and the test says too little. */
const ENOUGH = 40;

const FLEET = `
defaults:
  limits: { memory: 1G, processes: 512, cpu: 200%, disk: 256M }
agents:
  one:
    exec: { sets: [base, git, python, node], allow: [${HERE.join(', ')}], own: allow, ask: on-miss, deny: [factor] }
  free:
    exec: { sets: [base, git, python, node], allow: [${HERE.join(', ')}, factor], own: allow }
`;

/** Prints for each way its number and what `factor` said. */
const ALL = WAYS.map(
  ([, text], i) =>
    `mkdir /tmp/w${i} && cd /tmp/w${i} && { timeout 20 sh -c ${quoted(text)} </dev/null 2>err; cat out 2>/dev/null; } | grep -aq '^15: 3 5' && echo ${i}\ncd /; rm -rf /tmp/w${i}`,
).join('\n');

test('programs that start others gain nothing: each of their children is judged by itself', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleet(FLEET, async (stand) => {
    const works = await ran(stand, 'free');
    const through = await ran(stand, 'one');
    const shown = (ways: readonly number[]): string => ways.map((i) => WAYS[i]?.join(': ')).join('\n');
    const tools = new Set(works.map((i) => WAYS[i]?.[0]));
    await sleep(1500);
    const denied = (await execs(stand, 1000)).filter(
      ({ event, path }) => event === 'exec.denied' && path === '/usr/bin/factor',
    );
    const silent = WAYS.flatMap((_, i) => (works.includes(i) ? [] : [i]));
    t.diagnostic(
      `${works.length} ways of ${tools.size} programs start factor where it is allowed; refused by the gate: ${denied.length} times`,
    );
    t.diagnostic(
      `not here: ${
        Object.keys(ESCAPES)
          .filter((tool) => !HERE.includes(tool))
          .join(' ') || 'none'
      }; without effect here: ${silent.length}`,
    );
    if (process.env.BULKHEAD_ESCAPES) t.diagnostic(shown(silent));
    assert.equal(shown(through), '', 'ran what is not allowed');
    assert.ok(tools.size >= ENOUGH, `only ${tools.size} programs are here to be tried`);
    assert.ok(denied.length >= works.length, 'the gate saw each of them');
  });
});

async function ran(stand: Stand, agent: string): Promise<number[]> {
  const { status, stdout, stderr } = await stand.run(agent, ['sh', '-s'], { input: `${ALL}\necho end\n` });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /end\n$/);
  return stdout
    .split('\n')
    .filter((line) => /^\d+$/.test(line))
    .map(Number);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
