import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** A network namespace that plays the host, for agents that live in the host's own network, and one hop from it another that plays
 *  the world. All of the product runs in the first; nothing is sent from the machine's own. `nsenter --net` keeps the mounts as they
 *  are, so that cgroups and named namespaces are where they were (ip-netns(8), exec, would hide the cgroups below a new /sys). */
export interface HostNet {
  /** Words before a command, so that it runs in there. */
  readonly inside: readonly string[];
  readonly outside: readonly string[];
  /** The host's link. */
  readonly link: string;
  /** Packets that have reached the world since it was last asked, hexadecimal, without neighbour discovery and the like. */
  arrived(): Promise<string[]>;
}

/** Of the host in there, and of places in the world that answer `world` on TCP and UDP ports 53, 80 and 9. */
export const HOST4 = '203.0.113.1';
export const HOST6 = '2001:db8:1::1';
export const WORLD4 = '198.51.100.9';
export const WORLD6 = '2001:db8:9::9';
const NEXT4 = '203.0.113.2';
const NEXT6 = '2001:db8:1::2';
const SCRIPT = fileURLToPath(new URL('outside.pl', import.meta.url));
let count = 0;

export async function withHostNet<T>(use: (net: HostNet) => Promise<T>): Promise<T> {
  const id = `bht${process.pid}x${++count}`;
  const names = { host: `${id}h`, world: `${id}w` };
  const inside = ['nsenter', `--net=/run/netns/${names.host}`];
  const outside = ['nsenter', `--net=/run/netns/${names.world}`];
  const [link, far] = [`${id}a`.slice(-15), `${id}b`.slice(-15)];
  let server: ChildProcess | undefined;
  try {
    for (const name of Object.values(names)) run('ip', 'netns', 'add', name);
    run('ip', 'link', 'add', link, 'netns', names.host, 'type', 'veth', 'peer', 'name', far, 'netns', names.world);
    setUp(inside, link, [`${HOST4}/24`, `${HOST6}/64`]);
    setUp(outside, far, [`${NEXT4}/24`, `${NEXT6}/64`]);
    run(...inside, 'ip', 'route', 'add', 'default', 'via', NEXT4);
    run(...inside, 'ip', '-6', 'route', 'add', 'default', 'via', NEXT6);
    for (const range of ['198.51.100.0/24']) run(...outside, 'ip', 'route', 'add', 'local', range, 'dev', 'lo');
    run(...outside, 'ip', '-6', 'addr', 'add', `${WORLD6}/128`, 'dev', 'lo', 'nodad');
    server = spawn('nsenter', [...outside.slice(1), 'perl', SCRIPT, 'world', '53', '80', '9'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    server.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    while (!text.includes('ready\n'))
      await Promise.race([sleep(20), once(server, 'exit').then(() => Promise.reject())]);
    const arrived = async (): Promise<string[]> => {
      // What is under way: until nothing comes any more.
      for (let [had, n] = [-1, 0]; had !== text.length && n < 30; n++) {
        had = text.length;
        await sleep(300);
      }
      const lines = text.split('\n').filter((line) => line.startsWith('packet '));
      text = text.slice(text.lastIndexOf('\n') + 1);
      return lines.map((line) => line.slice('packet '.length)).filter(isTraffic);
    };
    await arrived();
    return await use({ inside, outside, link, arrived });
  } finally {
    server?.kill('SIGKILL');
    for (const name of Object.values(names)) gone('ip', 'netns', 'delete', name);
  }
}

/** Neither ARP nor what a kernel says about itself by ICMPv6: 133 to 136 is neighbour discovery (RFC 4861), 143 lists of multicast groups
 *  (RFC 3810). */
function isTraffic(frame: string): boolean {
  const type = frame.slice(24, 28);
  if (type === '0800') return true;
  if (type !== '86dd') return false;
  const [next, icmp] =
    frame.slice(40, 42) === '00'
      ? [frame.slice(108, 110), frame.slice(124, 126)]
      : [frame.slice(40, 42), frame.slice(108, 110)];
  return !(next === '3a' && ['85', '86', '87', '88', '8f'].includes(icmp)) && !(frame.slice(40, 42) === '00');
}

function setUp(prefix: readonly string[], link: string, addresses: readonly string[]): void {
  run(...prefix, 'ip', 'link', 'set', 'lo', 'up');
  for (const address of addresses)
    run(...prefix, 'ip', 'addr', 'add', address, 'dev', link, ...(address.includes(':') ? ['nodad'] : []));
  run(...prefix, 'ip', 'link', 'set', link, 'up');
}

export function run(...argv: string[]): string {
  const [program = '', ...args] = argv;
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function gone(...argv: string[]): void {
  try {
    run(...argv);
  } catch {
    // never made
  }
}
