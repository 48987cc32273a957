import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { execsSoFar } from './asking.ts';
import { ESCAPES, HELPERS } from './gate/escapes.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

/** Programs that start others, all of them allowed; `factor` is not. `free` is the positive control: there it is. */
const isHere = (tool: string): boolean =>
  spawnSync('sh', ['-c', `command -v ${tool}`], { stdio: 'ignore' }).status === 0;
const HERE: readonly string[] = Object.keys(ESCAPES).filter(isHere);
const ALLOWED: string = [...HERE, ...HELPERS.filter(isHere)].join(', ');
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
    exec: { sets: [base, git, python, node], allow: [${ALLOWED}], own: allow, ask: on-miss, deny: [factor] }
  free:
    exec: { sets: [base, git, python, node], allow: [${ALLOWED}, factor], own: allow }
`;

/** So many to a command line, which has three minutes; all lines go on at once, as most ways wait for something. */
const IN_A_LINE = 20;

/** Prints for each way its number if `factor` said something, and how many seconds it took. */
const line = ([, text]: readonly [string, string], i: number): string =>
  `s=$(date +%s); mkdir /workspace/w${i} && cd /workspace/w${i} && { timeout -k 1 8 sh -c ${quoted(text)} </dev/null 2>err; cat out 2>/dev/null; } | grep -aq '^15: 3 5' && echo ${i}; echo took ${i} $(($(date +%s)-s)); cd /; rm -rf /workspace/w${i}`;

test('programs that start others gain nothing: each of their children is judged by itself', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside(FLEET, async (stand) => {
    const [works, through] = await Promise.all([ran(stand, 'free'), ran(stand, 'one')]);
    const shown = (ways: readonly number[]): string => ways.map((i) => WAYS[i]?.join(': ')).join('\n');
    const tools = new Set(works.map((i) => WAYS[i]?.[0]));
    await execsSoFar(stand); // what was refused before is in the ledger then
    const { json } = await stand.bulkhead(['ledger', 'tail', '--event', 'exec.denied', '--last', '1000', '--json']);
    const denied = json.entries.filter(({ path }: { path: string }) => path === '/usr/bin/factor');
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
  const all = WAYS.map(line);
  const chunks = Array.from({ length: Math.ceil(all.length / IN_A_LINE) }, (_, i) =>
    all.slice(i * IN_A_LINE, (i + 1) * IN_A_LINE),
  );
  const said = chunks.map(async (some) => {
    const { status, stdout, stderr } = await stand.run(agent, ['sh', '-s'], {
      input: `${some.join('\n')}\necho end\n`,
    });
    assert.equal(status, 0, stderr);
    assert.match(stdout, /end\n$/);
    return stdout.split('\n');
  });
  const lines = (await Promise.all(said)).flat();
  if (process.env.BULKHEAD_ESCAPES)
    for (const [, i, seconds] of lines.map((text) => /^took (\d+) (\d+)$/.exec(text) ?? []))
      if (Number(seconds) > 2) console.log(`${agent} ${seconds} s: ${WAYS[Number(i)]?.[1]}`);
  return lines.filter((text) => /^\d+$/.test(text)).map(Number);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
