import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { lockFile } from '../../../host/lock.ts';
import { thisTree } from '../../../host/tree.ts';
import type { StatusDocument } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { describe } from '../../../plan/describe.ts';
import { type Places, placesOf } from '../../../plan/places.ts';
import type { Client } from '../../../wire/client.ts';
import type { Answer, Call } from '../call.ts';
import { readFleet } from '../config/read.ts';
import { carryOut, mustBeRoot, mustKnowFormat, planMachine } from '../machine.ts';
import { renderStatus, statusExit } from '../render/status.ts';
import { startWarden, wardenGone, wardenThere } from '../warden-process.ts';

/** Puts the fleet up as the file says; returns when it stands and every wall has been measured. */
export async function run({ state, options }: Call): Promise<Answer> {
  const fleet = readFleet(resolve(typeof options.file === 'string' ? options.file : 'fleet.yaml'));
  mustBeRoot('up');
  const places = placesOf(state);
  mustKnowFormat(places);
  mkdirSync(places.state, { recursive: true, mode: 0o711 });
  if (!lockFile(`${places.state}/up.lock`))
    throw new Failure(
      'busy',
      'Another up or down of this state is under way.',
      'Wait for it to end and run the command again.',
      1,
    );
  const machine = await planMachine(places);
  const client = await readyWarden(
    places,
    machine.some(({ what }) => what.kind === 'copy'),
    async () => carryOut(places, machine),
  );
  try {
    const { steps } = (await client.call('fleet.apply', { fleet, letGo: options.letGo === true })) as {
      steps: string[];
    };
    const status = (await client.call('status')) as StatusDocument;
    const done = [...machine.map(describe), ...steps];
    return {
      document: { steps: done, status },
      text: (screen) =>
        `${done.length === 0 ? 'Nothing to do: the machine is as the file says.' : done.join('\n')}\n\n${renderStatus(status, screen)}`,
      exit: statusExit(status),
    };
  } finally {
    client.close();
  }
}

/** A warden that runs the newest copy. One that runs an older copy is ended first: its agents stop, and come back with the new one. */
async function readyWarden(places: Places, newCopy: boolean, prepare: () => Promise<void>): Promise<Client> {
  const before = await wardenThere(places);
  if (before && !newCopy) {
    await prepare();
    return before;
  }
  if (before) {
    const { programs } = (await before.call('status')) as StatusDocument;
    const pid = programs.find(({ name }) => name === 'warden')?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGTERM');
    before.close();
    if (!(await wardenGone(places, 15_000)))
      throw new Failure(
        'old-warden',
        `The warden of the older version (pid ${pid}) does not end.`,
        'See: bulkhead logs warden',
        3,
      );
  }
  await prepare();
  return startWarden(places, thisTree().version);
}
