import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcess } from '../../src/host/processes/processes.ts';
import { wardenProcesses } from '../../src/host/processes/warden-processes.ts';
import { ONE, TWO } from './fleets.ts';
import { mountPoints, netnsNames } from './machine.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';
import { processesAbout } from './sweep.ts';

const skip = { skip: NOT_ROOT };

function programOf(status: { programs: { name: string; pid?: number }[] }, name: string): number {
  const pid = status.programs.find((program) => program.name === name)?.pid;
  assert.ok(pid !== undefined, `${name} should run`);
  return pid;
}

async function status(stand: Stand): Promise<{ programs: { name: string; pid?: number }[] }> {
  return (await stand.bulkhead(['status', '--json'])).json;
}

function nothingRuns(stand: Stand): void {
  assert.deepEqual(processesAbout(stand.state), []);
  assert.deepEqual(
    netnsNames().filter((name) => name.startsWith(`bh-${stand.fleet}-`)),
    [],
  );
}

// Two at a time: a warden that hangs is waited for for a minute.
describe('down', { concurrency: 2 }, () => {
  test('down with a dead ledger, and with a warden that hangs, ends everything', skip, async () => {
    await withFleetBeside(TWO, async (stand) => {
      process.kill(programOf(await status(stand), 'ledger'), 'SIGKILL');
      const down = await stand.bulkhead(['down']);
      assert.equal(down.status, 0, down.stderr);
      nothingRuns(stand);
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      const running = await status(stand);
      for (const name of ['warden', 'ledger']) process.kill(programOf(running, name), 'SIGSTOP');
      const hung = await stand.bulkhead(['down', '--purge']);
      assert.equal(hung.status, 0, hung.stderr);
      nothingRuns(stand);
      assert.deepEqual(
        mountPoints().filter((at) => at.startsWith(`${stand.state}/`)),
        [],
      );
    });
  });

  test('agents that ignore every signal end with down; down twice is nothing to do', skip, async () => {
    const stubborn = `
agents:
  one:
    command: [sh, -c, "trap '' TERM INT HUP QUIT; while :; do sleep 1; done"]
    limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
`;
    await withFleetBeside(stubborn, async (stand) => {
      const down = await stand.bulkhead(['down', '--json']);
      assert.equal(down.status, 0, down.stdout + down.stderr);
      nothingRuns(stand);
      const again = await stand.bulkhead(['down']);
      assert.deepEqual([again.status, again.stdout], [0, 'Nothing was up.\n']);
      const purge = await stand.bulkhead(['down', '--purge']);
      assert.equal(purge.status, 0, purge.stderr);
      assert.equal((await stand.bulkhead(['down', '--purge'])).stdout, 'Nothing was up.\n');
    });
  });

  test('down without a warden, whose keeper is about to start another, ends both for good', skip, async () => {
    await withFleetBeside(TWO, async (stand) => {
      for (const pid of wardenProcesses(stand.state).wardens) endProcess(pid);
      await sleep(200);
      assert.ok(wardenProcesses(stand.state).keepers.length > 0, 'the keeper waits');
      const down = await stand.bulkhead(['down']);
      assert.equal(down.status, 0, down.stderr);
      await sleep(1500);
      nothingRuns(stand);
    });
  });

  test('after down, up starts the fleet that the file says, and nothing of the last one before', skip, async () => {
    await withFleetBeside(TWO, async (stand) => {
      assert.equal((await stand.bulkhead(['down'])).status, 0);
      stand.write(ONE);
      const up = await stand.bulkhead(['up', '--let-go']);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      const { stdout } = await stand.bulkhead(['ledger', 'tail', '--json', '--last', '200']);
      const started = (JSON.parse(stdout) as { entries: { event: string; agent?: string }[] }).entries.filter(
        ({ event }) => event === 'agent.started',
      );
      assert.deepEqual(
        started.map(({ agent }) => agent),
        ['one', 'two', 'one'],
      );
    });
  });
});
