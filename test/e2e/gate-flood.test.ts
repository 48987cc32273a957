import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { execs } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = `
agents:
  one:
    exec: { sets: [base], ask: on-miss }
    ask: { wait: 1s }
`;
const TRIES = 300;

type Entry = Awaited<ReturnType<typeof execs>>[number] & { relayed?: number; denied?: number };

test('of a flood of questions the record has few lines, and by their counts every exec', {
  skip: NOT_ROOT,
}, async () => {
  await withFleetBeside(FLEET, async (stand) => {
    const script = `for i in $(seq ${TRIES}); do factor $i & [ $((i % 50)) = 0 ] && wait; done; wait; sleep 6`;
    const { stderr } = await stand.run('one', ['bash', '-c', script]);
    const said = stderr.split('\n').filter((line) => line.startsWith('bulkhead: '));
    assert.equal(said.length, TRIES, stderr.slice(0, 2000));
    const refused = said.filter((line) => line.startsWith('bulkhead: factor is refused: ')).length;
    assert.ok(refused > TRIES / 2, `${refused} were refused`);
    const entries = await counted(stand);
    const sum = (field: 'relayed' | 'denied'): number => entries.reduce((all, one) => all + (one[field] ?? 0), 0);
    const lines = (event: string, rule?: string): number =>
      entries.filter((one) => one.event === event && (rule === undefined || one.rule === rule)).length;
    assert.equal(lines('exec.denied', 'flood') + sum('denied'), refused);
    assert.equal(lines('exec.relayed') + sum('relayed'), TRIES);
    assert.ok(lines('exec.denied', 'flood') <= refused / 5, 'most are counted');
  });
});

/** What there is about the program, once every exec is in it, if it comes to that, and nothing more comes. */
async function counted(stand: Stand): Promise<Entry[]> {
  const late = Date.now() + 60_000;
  for (let before = -1; ; await sleep(1500)) {
    const all: Entry[] = (await execs(stand, 2000)).filter(({ path }) => path === '/usr/bin/factor');
    const relayed = all.reduce((sum, one) => sum + (one.event === 'exec.relayed' ? 1 : 0) + (one.relayed ?? 0), 0);
    if (all.length === before && (relayed >= TRIES || Date.now() > late)) return all;
    before = all.length;
  }
}
