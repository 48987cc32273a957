import { type ChildProcess, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { World } from './world.ts';

/** One request as a server made it out, or what it could not. */
export interface Seen {
  readonly server: string;
  /** Where the gateway sent it. */
  readonly port: number;
  readonly method: string;
  /** As the server wrote it down; `normal` after it had undone percent signs and dots. */
  readonly path: string;
  readonly normal?: string;
  readonly host: string;
  readonly status?: number;
}

/** A server of others in front of Node's, each reading the same bytes. `read`: where policy reads the requests; `plain`: where one passes a
 *  connection; `back`: where it sends them on to. */
export interface Front {
  readonly name: string;
  readonly program?: string;
  readonly read: number;
  readonly plain: number;
  readonly back?: number;
}

export const FAR = '203.0.113.10';
export const FRONTS: readonly Front[] = [
  { name: 'node', read: 9101, plain: 9201 },
  { name: 'nginx', program: '/usr/sbin/nginx', read: 9102, plain: 9202, back: 9302 },
  { name: 'haproxy', program: '/usr/sbin/haproxy', read: 9103, plain: 9203, back: 9303 },
  { name: 'squid', program: '/usr/sbin/squid', read: 9104, plain: 9204, back: 9304 },
];

type Config = (front: Front, dir: string) => { text: string; argv: (file: string) => string[] };
const CONFIGS: Readonly<Record<string, Config>> = {
  nginx: ({ read, plain, back }, dir) => ({
    text: `
daemon off; master_process off; pid ${dir}/nginx.pid; error_log ${dir}/nginx.err;
events { worker_connections 4096; }
http {
  log_format seen escape=json '{"port":"$server_port","status":"$status","method":"$request_method","path":"$request_uri","normal":"$uri","host":"$http_host"}';
  access_log ${dir}/nginx.log seen;
  keepalive_requests 1000000; client_max_body_size 0; proxy_temp_path ${dir}/t1; client_body_temp_path ${dir}/t2; fastcgi_temp_path ${dir}/t3;
  uwsgi_temp_path ${dir}/t4; scgi_temp_path ${dir}/t5; proxy_read_timeout 10s; client_body_timeout 10s;
  upstream back { server ${FAR}:${back}; keepalive 64; }
  server {
    listen ${FAR}:${read}; listen ${FAR}:${plain};
    location / { proxy_pass http://back; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_request_buffering off; }
  }
}`,
    argv: (file) => ['/usr/sbin/nginx', '-c', file],
  }),
  haproxy: ({ read, plain, back }, dir) => ({
    text: `
global
  log stdout format raw local0
  maxconn 4096
  nbthread 1
defaults
  mode http
  option http-keep-alive
  option dontlognull
  http-reuse always
  timeout client 10s
  timeout connect 5s
  timeout server 10s
frontend front
  bind ${FAR}:${read}
  bind ${FAR}:${plain}
  log global
  log-format "%fp %ST %HM %HU %hr"
  http-request capture req.hdr(host) len 200
  default_backend back
backend back
  server one ${FAR}:${back}
`,
    argv: (file) => ['/bin/sh', '-c', `exec /usr/sbin/haproxy -f ${file} >${dir}/haproxy.log 2>${dir}/haproxy.err`],
  }),
  squid: ({ read, plain, back }, dir) => ({
    text: `
http_port ${FAR}:${read} accel vhost
http_port ${FAR}:${plain} accel vhost
cache_peer ${FAR} parent ${back} 0 no-query no-digest no-netdb-exchange originserver
acl any src all
http_access allow any
never_direct allow any
cache deny all
cache_mem 8 MB
max_filedescriptors 8192
strip_query_terms off
logformat seen %>lp %>Hs %rm %ru %{Host}>h
access_log stdio:${dir}/squid.log seen
cache_log ${dir}/squid.err
pid_filename ${dir}/squid.pid
coredump_dir ${dir}
pinger_enable off
dns_nameservers 127.0.0.1
shutdown_lifetime 0 seconds
`,
    argv: (file) => ['/usr/sbin/squid', '--foreground', '-N', '-f', file],
  }),
};

/** Node's server, and those of the others that are installed, in the pretended internet. Without `world.stop` they run on. */
export class Fronts {
  readonly there: readonly Front[] = FRONTS.filter(({ program }) => program === undefined || existsSync(program));
  readonly #dir: string;
  readonly #running: { readonly name: string; readonly child: ChildProcess }[] = [];
  readonly #node: { port: number; method?: string; path?: string; host?: string; unreadable?: string }[] = [];

  constructor(world: World) {
    this.#dir = join(world.dir, 'servers');
  }

  async start(world: World): Promise<this> {
    mkdirSync(this.#dir);
    chmodSync(this.#dir, 0o777);
    const program = fileURLToPath(new URL('plain-origin.ts', import.meta.url));
    const ports = this.there.flatMap(({ read, plain, back }) => (back === undefined ? [read, plain] : [back]));
    const node = world.outsideBackground([process.execPath, program, FAR, ...ports.map(String)]);
    node.stderr?.pipe(process.stderr);
    this.#running.push({ name: 'node', child: node });
    await new Promise<void>((resolve, reject) => {
      node.once('close', () => reject(new Error('the server ended')));
      let text = '';
      node.stdout?.on('data', (chunk) => {
        text += chunk;
        const lines = text.split('\n');
        text = lines.pop() ?? '';
        for (const line of lines.map((one) => JSON.parse(one))) {
          if (line.ready) resolve();
          else this.#node.push(line);
        }
      });
    });
    for (const front of this.there) {
      const config = CONFIGS[front.name]?.(front, this.#dir);
      if (config === undefined) continue;
      const file = join(this.#dir, `${front.name}.conf`);
      writeFileSync(file, config.text);
      const child = world.outsideBackground(config.argv(file));
      this.#running.push({ name: front.name, child });
      let said = '';
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (said += chunk));
      await listens(world, front.read, () => (child.exitCode === null ? undefined : `${front.name}: ${said}`));
    }
    return this;
  }

  /** Those that have ended. */
  ended(): string[] {
    return this.#running.filter(({ child }) => (child.exitCode ?? child.signalCode) !== null).map(({ name }) => name);
  }

  /** What each has seen so far, as it wrote it down itself, and what came out of it at Node's. */
  seen(): Seen[] {
    const node = this.#node.map(({ port, method = '', path = '', host = '', unreadable }): Seen => {
      const front = FRONTS.find((one) => [one.read, one.plain, one.back].includes(port));
      const at = { server: front?.back === port ? `node behind ${front.name}` : 'node', port, method, path, host };
      return unreadable === undefined ? at : { ...at, status: 400 };
    });
    const log = (name: string): string[] => {
      const path = join(this.#dir, `${name}.log`);
      return existsSync(path) ? readFileSync(path, 'latin1').split('\n').slice(0, -1) : [];
    };
    const nginx = log('nginx').map((line) => ({ server: 'nginx', ...JSON.parse(line) }));
    const spaced = ['haproxy', 'squid'].flatMap((server) =>
      log(server)
        .filter((line) => !line.includes('error:transaction-end-before-headers')) // a connection without a request
        .map((line) => {
          const [port = '0', status = '400', method = '', ...rest] = line.split(' ');
          const [path, host] = [rest.slice(0, -1).join(' '), (rest.at(-1) ?? '').replace(/^\{(.*)\}$/, '$1')];
          return { server, port, status: path.startsWith('error:') ? '400' : status, method, path, host };
        }),
    );
    const others = [...nginx, ...spaced].map(
      (one): Seen => ({ ...one, port: Number(one.port), status: Number(one.status) }),
    );
    return [...node, ...others];
  }
}

/** As the programs say themselves. */
export function versions(fronts: readonly Front[]): string {
  const said = (program: string, flag: string): string =>
    String(spawnSync(program, [flag], { encoding: 'utf8' }).output.join('')).match(/\d+\.\d+[\w.+-]*/)?.[0] ?? '?';
  return fronts
    .map(
      ({ name, program }) =>
        `${name} ${program === undefined ? process.versions.node : said(program, name === 'haproxy' ? '-vv' : '-v')}`,
    )
    .join(', ');
}

async function listens(world: World, port: number, ended: () => string | undefined): Promise<void> {
  const code = `const t=Date.now();(function go(){require('node:net').connect(${port},'${FAR}').on('connect',()=>process.exit(0)).on('error',()=>Date.now()-t>15000?process.exit(1):setTimeout(go,50))})()`;
  const { status } = await world.outsideRun([process.execPath, '-e', code]);
  const why = ended();
  if (status !== 0 || why !== undefined) throw new Error(why ?? `nothing listens on ${port}`);
}
