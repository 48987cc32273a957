import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Ground } from './ground.ts';

/** Documentation addresses (RFC 5737): ours on the host's side, the server's in a network namespace of the bench. */
export const ORIGIN = '198.51.100.130';
const OURS = '198.51.100.129';
export const HOST = 'origin.test';
export const HTTPS = 443;

/** A TLS server at ORIGIN:443, reachable from this machine alone. @param folder  where its certificate may lie. @returns its pid */
export async function pretendedInternet(ground: Ground, folder: string): Promise<number> {
  const name = `bhbench${process.pid}`;
  const [here, there] = [`bhb${process.pid}a`, `bhb${process.pid}b`];
  const ip = (...args: readonly string[]): void => void execFileSync('ip', args, { stdio: 'pipe' });
  ip('netns', 'add', name);
  ground.keep(() => ip('netns', 'delete', name)); // the pair of links goes with it
  ip('link', 'add', here, 'type', 'veth', 'peer', 'name', there, 'netns', name);
  ip('addr', 'add', `${OURS}/30`, 'dev', here);
  ip('link', 'set', here, 'up');
  ip('-n', name, 'addr', 'add', `${ORIGIN}/30`, 'dev', there);
  for (const link of [there, 'lo']) ip('-n', name, 'link', 'set', link, 'up');
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
    '-subj',
    `/CN=${HOST}`,
    '-addext',
    `subjectAltName=DNS:${HOST}`,
  ];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert], { stdio: 'pipe' });
  const origin = fileURLToPath(new URL('clients/tls-origin.ts', import.meta.url));
  const argv = ['netns', 'exec', name, process.execPath, origin, ORIGIN, String(HTTPS), key, cert];
  const server = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  ground.keep(async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const gone = once(server, 'exit');
    server.kill('SIGKILL');
    await gone;
  });
  await Promise.race([
    once(server.stdout, 'data'),
    once(server, 'exit').then(() => Promise.reject(new Error('the server ended'))),
  ]);
  return server.pid ?? 0; // ip becomes the server
}
