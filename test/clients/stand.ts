import assert from 'node:assert/strict';
import { type Stand, withFleetBeside } from '../e2e/stand.ts';
import { type Origin, startOrigin } from '../e2e/tls-origin.ts';
import { Services } from './services.ts';

export const HOST = 'api.test';

/** What clients talk to, at HOST. */
export interface Served {
  readonly services: Services;
  readonly origin: Origin;
}

/** The services, behind a server with TLS. @param folder  an empty one of the test's own */
export async function startServed(
  folder: string,
  answer?: (services: Services) => Services['answer'],
): Promise<Served> {
  const services = new Services(folder, HOST);
  const origin = await startOrigin(folder, HOST, answer?.(services) ?? services.answer);
  services.port = origin.port;
  return { services, origin };
}

/** A fleet that is up beside such services, with `value` set as its secret `mine`; all of it gone at the end, however `use` ended.
 *  @param answer  instead of the services' own
 *  @param fleet  given where they are */
export async function withClients(
  value: string,
  fleet: (origin: Origin) => string,
  use: (stand: Stand & Served) => Promise<void>,
  answer?: (services: Services) => Services['answer'],
): Promise<void> {
  await withFleetBeside(
    '',
    async (stand) => {
      const served = await startServed(stand.folder, answer);
      try {
        stand.write(fleet(served.origin));
        const set = await stand.bulkhead(['secrets', 'set', 'mine'], { input: value });
        assert.equal(set.status, 0, set.stderr);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        await use({ ...stand, ...served });
      } finally {
        served.origin.stop();
      }
    },
    { up: false },
  );
}
