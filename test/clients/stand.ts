import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Stand, withFleetBeside } from '../e2e/stand.ts';
import { type Origin, startOrigin } from '../e2e/tls-origin.ts';
import { Services } from './services.ts';

export const HOST = 'api.test';

/** What clients talk to, at HOST. */
export interface Served {
  readonly services: Services;
  /** Over HTTP/1.1, and WebSocket at any path. */
  readonly origin: Origin;
  /** Over HTTP/2, under a root of its own. */
  readonly http2: Origin;
}

/** The services, behind servers with TLS. @param folder  an empty one of the test's own */
export async function startServed(
  folder: string,
  answer?: (services: Services) => Services['answer'],
): Promise<Served> {
  const services = new Services(folder, HOST);
  const answers = answer?.(services) ?? services.answer;
  const { upgrade } = services;
  const origin = await startOrigin(folder, HOST, answers, { upgrade });
  services.port = origin.port;
  const beside = join(folder, 'http2');
  mkdirSync(beside);
  return { services, origin, http2: await startOrigin(beside, HOST, answers, { http2: true }) };
}

/** A fleet that is up beside such services, with `value` set as its secret `mine`; all of it gone at the end, however `use` ended.
 *  @param answer  instead of the services' own
 *  @param fleet  given where they are */
export async function withClients(
  value: string,
  fleet: (origin: Origin, http2: Origin) => string,
  use: (stand: Stand & Served) => Promise<void>,
  answer?: (services: Services) => Services['answer'],
): Promise<void> {
  await withFleetBeside(
    '',
    async (stand) => {
      const served = await startServed(stand.folder, answer);
      try {
        stand.write(fleet(served.origin, served.http2));
        const set = await stand.bulkhead(['secrets', 'set', 'mine'], { input: value });
        assert.equal(set.status, 0, set.stderr);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        await use({ ...stand, ...served });
      } finally {
        for (const one of [served.origin, served.http2]) one.stop();
      }
    },
    { up: false },
  );
}
