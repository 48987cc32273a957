import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ground } from '../ground.ts';
import { amongPeers } from './peers.ts';

/** A proxy of others, running on the host's loopback with one name allowed, its log kept as it does by default. */
export interface Running {
  readonly pid: number;
  readonly port: number;
}

export const SQUID_PORT = 38_128;
export const SQUID_READING_PORT = 38_127;
export const TINYPROXY_PORT = 38_129;

/** @param hosts  the file that says where the allowed name is */
export function squid(ground: Ground, folder: string, hosts: string, host: string): Promise<Running> {
  const home = open(folder, 'squid');
  return startedSquid(ground, { home, hosts, host, port: SQUID_PORT, reading: '', also: '' });
}

/** The same squid, reading what passes (ssl-bump) under an authority of its own; the server's certificate is verified. */
export function squidReading(ground: Ground, folder: string, hosts: string, host: string): Promise<Running> {
  const home = open(folder, 'squid-reading');
  const subject = ['-subj', '/CN=bench', '-addext', 'basicConstraints=critical,CA:TRUE'];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const [key, cert] = [join(home, 'ca.key'), join(home, 'ca.pem')];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'pipe' });
  for (const file of [key, cert]) chmodSync(file, 0o644);
  const minting = '/usr/lib/squid/security_file_certgen';
  const reading = `ssl-bump generate-host-certificates=on dynamic_cert_mem_cache_size=4MB tls-cert=${cert} tls-key=${key}`;
  const also = `
sslcrtd_program ${minting} -s ${home}/certificates -M 4MB
tls_outgoing_options cafile=${folder}/cert.pem
ssl_bump bump all`;
  const [command = '', ...args] = [...amongPeers(hosts), minting, '-c', '-s', join(home, 'certificates'), '-M', '4MB'];
  execFileSync(command, args, { stdio: 'pipe' });
  execFileSync('chmod', ['-R', 'a+rwX', home]);
  return startedSquid(ground, { home, hosts, host, port: SQUID_READING_PORT, reading, also });
}

interface Squid {
  readonly home: string;
  readonly hosts: string;
  readonly host: string;
  readonly port: number;
  /** Of its port. */
  readonly reading: string;
  readonly also: string;
}

function startedSquid(ground: Ground, { home, hosts, host, port, reading, also }: Squid): Promise<Running> {
  const config = `
http_port 127.0.0.1:${port} ${reading}${also}
hosts_file ${hosts}
acl allowed dstdomain ${host}
http_access allow allowed
http_access deny all
cache deny all
cache_mem 8 MB
access_log daemon:${home}/access.log squid
cache_log ${home}/cache.log
pid_filename ${home}/squid.pid
coredump_dir ${home}
pinger_enable off
shutdown_lifetime 0 seconds
`;
  const file = join(home, 'squid.conf');
  writeFileSync(file, config);
  return started(ground, [...amongPeers(hosts), 'squid', '--foreground', '-N', '-f', file], port);
}

export function tinyproxy(ground: Ground, folder: string, hosts: string, host: string): Promise<Running> {
  const home = open(folder, 'tinyproxy');
  writeFileSync(join(home, 'allowed'), `^${host.replaceAll('.', '\\.')}$\n`);
  const config = `
User nobody
Group nogroup
Port ${TINYPROXY_PORT}
Listen 127.0.0.1
Timeout 600
LogFile "${home}/tinyproxy.log"
LogLevel Connect
MaxClients 1000
ConnectPort 443
Filter "${home}/allowed"
FilterDefaultDeny Yes
FilterExtended On
`;
  writeFileSync(join(home, 'tinyproxy.conf'), config);
  return started(ground, [...amongPeers(hosts), 'tinyproxy', '-d', '-c', join(home, 'tinyproxy.conf')], TINYPROXY_PORT);
}

/** A folder that the proxy's own user may write. */
export function open(folder: string, name: string): string {
  const home = join(folder, name);
  mkdirSync(home);
  chmodSync(home, 0o777);
  return home;
}

export async function started(
  ground: Ground,
  [program = '', ...args]: readonly string[],
  port: number,
): Promise<Running> {
  // A session of its own, as a service has: the kernel shares the processors out between sessions first (sched(7), autogroup).
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-2000);
    });
  ground.keep(() => ended(child));
  for (const late = Date.now() + 15_000; Date.now() < late && child.exitCode === null; await sleep(50))
    if (await answers(port)) return { pid: child.pid ?? 0, port };
  throw new Error(said.trim().split('\n').at(-1) || 'it does not listen');
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), 3000);
  await gone;
  clearTimeout(hard);
}
