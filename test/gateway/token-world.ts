import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateX25519Identity } from 'age-encryption';
import { startOrigin } from '../e2e/tls-origin.ts';
import type { World } from './world.ts';

/** A world in which a token endpoint may stand at its own name.
 *  @returns the root that signs for it, PEM, and the files of its key and certificate */
export async function startWithEndpoint(
  world: World,
  host: string,
  at: string,
): Promise<{ root: string; files: string[] }> {
  world.identity = await generateX25519Identity();
  await world.start({ [host]: at });
  execFileSync('ip', ['-n', world.outside, 'addr', 'add', `${at}/32`, 'dev', 'lo']);
  const keys = await startOrigin(world.dir, host, () => {});
  keys.stop(); // only its certificates are wanted
  return {
    root: readFileSync(keys.root, 'utf8'),
    files: ['leaf.key', 'leaf.pem'].map((file) => join(world.dir, file)),
  };
}
