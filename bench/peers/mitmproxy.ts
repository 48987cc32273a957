import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ground } from '../ground.ts';
import { amongPeers, debianPeer } from './peers.ts';
import { open, type Running, started } from './proxies.ts';

const MITMPROXY_PORT = 38_126;

/** mitmproxy without a screen: large bodies pass as they come, each request is a line of its log, certificates are made once for a name and kept, and under an
 *  authority of the same kind of key as everybody's. The server's certificate is verified.
 *  @param hosts  the file that says where the name is. @throws Error why it is not there */
export async function mitmproxy(ground: Ground, folder: string, hosts: string): Promise<Running> {
  const root = await debianPeer(ground, 'mitmproxy');
  const home = open(folder, 'mitmproxy');
  const conf = join(home, 'conf');
  mkdirSync(conf);
  const subject = ['-subj', '/CN=bench', '-addext', 'basicConstraints=critical,CA:TRUE'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const [key, cert] = [join(home, 'ca.key'), join(home, 'ca.pem')];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'pipe' });
  writeFileSync(join(conf, 'mitmproxy-ca.pem'), readFileSync(key, 'utf8') + readFileSync(cert, 'utf8'));
  const settings = {
    confdir: conf,
    ssl_verify_upstream_trusted_ca: join(folder, 'cert.pem'),
    stream_large_bodies: '1m',
  };
  const set = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`]);
  const run = ['mitmdump', '--listen-host', '127.0.0.1', '--listen-port', String(MITMPROXY_PORT), ...set];
  const logged = ['/bin/sh', '-c', `exec "$@" >>${home}/log 2>&1`, 'sh', ...run];
  return started(ground, [...amongPeers(hosts, root), ...logged], MITMPROXY_PORT);
}
