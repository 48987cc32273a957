import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess, signalGroup } from '../../src/host/processes/processes.ts';
import { wardenProcesses } from '../../src/host/processes/warden-processes.ts';
import type { Result, Started } from './command.ts';
import { TWO } from './fleets.ts';
import { changesSince, machineSnapshot } from './snapshot.ts';
import { EMPTY_PLAN, NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';
import { processesAbout } from './sweep.ts';

const skip = { skip: NOT_ROOT };
const LONG = process.env.BULKHEAD_LONG === '1';

/** Waits until the journal has this many lines, or the command has ended. @returns how many it has
 *  @param from  lines count from the first one that has this in it */
async function journalled(stand: Stand, lines: number, started: Started, from = ''): Promise<number> {
  const path = join(stand.state, 'made');
  for (;;) {
    const all = existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
    const first = all.findIndex((line) => line.includes(from));
    const count = first < 0 ? 0 : all.length - first;
    if (count >= lines || started.child.exitCode !== null || started.child.signalCode !== null) return count;
    await sleep(1);
  }
}

/** @returns false when the command had ended by itself before */
function killGroup({ child }: Started): boolean {
  try {
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}

async function mustConverge(stand: Stand): Promise<void> {
  const up = await stand.bulkhead(['up']);
  assert.equal(up.status, 0, up.stdout + up.stderr);
  assert.deepEqual((await stand.bulkhead(['plan', '--json'])).json, EMPTY_PLAN);
  assert.equal((await stand.run('two', ['true'])).status, 0);
}

async function mustLeaveNothing(stand: Stand, before: ReadonlySet<string>): Promise<void> {
  const gone = await stand.bulkhead(['uninstall']);
  assert.equal(gone.status, 0, gone.stdout + gone.stderr);
  assert.deepEqual(await changesSince(before, stand), []);
}

/** The fleet's own part of the first journal, which is what the warden does, begins with the first agent's group. */
const FIRST_OF_FLEET = '"kind":"group","name":"bh-';
const FLEET_LINES = 42;

test('the warden killed at a step of up: up again converges, and uninstall leaves nothing', skip, async () => {
  const every = LONG ? 1 : 12;
  await withFleetBeside(
    TWO,
    async (stand) => {
      const before = machineSnapshot(stand.state);
      let killed = 0;
      for (let at = 1; at <= FLEET_LINES; at += every) {
        const up = stand.start(['up']);
        await journalled(stand, at, up, FIRST_OF_FLEET);
        const { wardens } = wardenProcesses(stand.state);
        for (const pid of wardens) endProcess(pid);
        killed += wardens.length;
        const said = await up.ended;
        if (said.status !== 0)
          assert.match(
            said.stderr,
            /^[^\n]+\n[^\n]+\n$/,
            `two lines: ${said.status} ${said.signal} ${said.stdout}${said.stderr}`,
          );
        if (at % 4 === 1) await mustConverge(stand);
        await mustLeaveNothing(stand, before);
      }
      // A line may be written while no warden of the name is seen: one that has just been started, or ends.
      const rounds = Math.ceil(FLEET_LINES / every);
      assert.ok(killed >= Math.floor(0.9 * rounds), `${killed} wardens were killed in ${rounds} rounds`);
    },
    { up: false },
  );
});

test(
  'the command line killed at any moment of up: up again converges, and uninstall leaves nothing',
  skip,
  async () => {
    await withFleetBeside(
      TWO,
      async (stand) => {
        const before = machineSnapshot(stand.state);
        let killed = 0;
        const rounds = LONG ? Array.from({ length: 40 }, (_, i) => 2 * i) : [3, 14, 31, 63];
        for (const at of rounds)
          for (let tries = 0, hit = false; !hit && tries < (LONG ? 1 : 3); tries++) {
            const up = stand.start(['up']);
            await journalled(stand, at, up);
            hit = killGroup(up);
            if (hit) killed++;
            const said = await up.ended;
            if (said.signal === null) assert.equal(said.status, 0, said.stdout + said.stderr);
            if (at % 7 === 0) await mustConverge(stand);
            await mustLeaveNothing(stand, before);
          }
        assert.ok(killed >= (LONG ? 5 : 3), `${killed} were killed in time`);
      },
      { up: false },
    );
  },
);

test('Ctrl-C during up stops between two steps, says so in two lines, and status 1', skip, async () => {
  await withFleetBeside(
    TWO,
    async (stand) => {
      const before = machineSnapshot(stand.state);
      const interrupted = async (at: number): Promise<Result> => {
        const up = stand.start(['up']);
        await journalled(stand, at, up);
        signalGroup(up.child.pid ?? 0, 'SIGINT');
        return up.ended;
      };
      for (const at of LONG ? [2, 12, 40] : [2, 40]) {
        let said = await interrupted(at);
        // It was through before we came to it: we may be held up.
        for (let tries = 0; said.status === 0 && tries < 4; tries++) {
          await mustLeaveNothing(stand, before);
          said = await interrupted(at);
        }
        assert.deepEqual([said.status, said.signal, said.stdout], [1, null, '']);
        assert.match(said.stderr, /^It was stopped between two steps[^\n]*\nbulkhead up goes on from here[^\n]*\n$/);
        const journal = readFileSync(join(stand.state, 'made'), 'utf8').split('\n').length;
        await sleep(500);
        assert.ok(
          readFileSync(join(stand.state, 'made'), 'utf8').split('\n').length <= journal + 1,
          'no further step was begun',
        );
      }
      await mustConverge(stand);
      await mustLeaveNothing(stand, before);
    },
    { up: false },
  );
});

test('down cut off at any moment is finished by the next one', skip, async () => {
  await withFleetBeside(
    TWO,
    async (stand) => {
      const before = machineSnapshot(stand.state);
      let killed = 0;
      const waits = LONG ? [100, 250, 500] : [150, 400];
      for (const wait of waits)
        for (let tries = 0, hit = false; !hit && tries < 3; tries++) {
          await mustConverge(stand);
          const down = stand.start(['down', '--purge']);
          await sleep(wait);
          hit = killGroup(down);
          if (hit) killed++;
          await down.ended;
          await mustLeaveNothing(stand, before);
        }
      assert.ok(killed >= waits.length - 1, `${killed} were killed in time`);
    },
    { up: false },
  );
});

test('two ups at once: one is told that it is busy, the other goes through', skip, async () => {
  await withFleetBeside(
    TWO,
    async (stand) => {
      const seen: string[] = [];
      // Who comes when the first is through goes through as well: on a busy machine it may take a few rounds to meet it.
      for (let tries = 0; seen.length < 2 && tries < 5; tries++) {
        seen.length = 0;
        const first = stand.start(['up']);
        await journalled(stand, 1, first);
        for (const command of ['up', 'down']) {
          const { status, json } = await stand.bulkhead([command, '--json']);
          if (first.child.exitCode !== null) break;
          assert.deepEqual([status, json?.error?.code], [1, 'busy'], command);
          seen.push(command);
        }
        const { status, stderr } = await first.ended;
        assert.equal(status, 0, stderr);
        assert.equal((await stand.bulkhead(['uninstall'])).status, 0);
      }
      assert.deepEqual(seen, ['up', 'down']);
    },
    { up: false },
  );
});

test('a warden that is killed while the fleet stands is started again with its agents', skip, async () => {
  await withFleetBeside(TWO, async (stand) => {
    const [old] = wardenProcesses(stand.state).wardens;
    endProcess(old ?? assert.fail('no warden'));
    const late = Date.now() + 60_000;
    for (;;) {
      const runs = await Promise.all(['one', 'two'].map((agent) => stand.run(agent, ['true'])));
      if (runs.every(({ status }) => status === 0)) break;
      assert.ok(Date.now() < late, 'the fleet should be back');
      await sleep(300);
    }
    const keepers = (): readonly number[] => wardenProcesses(stand.state).keepers;
    for (let n = 0; n < 100 && keepers().length > 1; n++) await sleep(50); // a shell that asks for the date is two for a moment
    assert.equal(keepers().length, 1);
    assert.ok(processesAbout(stand.state).length > 0);
    assert.equal((await stand.bulkhead(['up', '--json'])).json.steps.length, 0);
  });
});

test('ups of several states at once do not give out the same numbers', skip, async () => {
  await withFleetBeside(
    TWO,
    async (one) =>
      withFleetBeside(
        TWO,
        async (other) => {
          const ups = await Promise.all([one.bulkhead(['up']), other.bulkhead(['up'])]);
          for (const up of ups) assert.equal(up.status, 0, up.stdout + up.stderr);
          const [mine, theirs] = await Promise.all([one, other].map((stand) => stand.run('one', ['id', '-u'])));
          assert.notEqual(mine?.stdout, theirs?.stdout);
        },
        { up: false },
      ),
    { up: false },
  );
});
