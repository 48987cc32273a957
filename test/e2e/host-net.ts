import assert from 'node:assert/strict';
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
/** A frame of a type that is for experiments (IEEE 802, 0x88b5), which asks neither routes nor packet filter (packet(7)): `MARK LINK TEXT`. */
const MARK = `my ($link, $text) = @ARGV; socket(my $s, 17, 3, 0) or die "socket: $!";
  ioctl($s, 0x8933, my $found = pack('a16 x24', $link)) or die "$link: $!"; # netdevice(7), SIOCGIFINDEX
  my $all = pack('H*', 'ffffffffffff');
  my $to = pack('S n i S C C a8', 17, 0x88b5, unpack('x16 i', $found), 0, 0, 6, $all);
  send($s, $all . pack('H*', "02000000000188b5$text") . pack('x40'), 0, $to) or die "send: $!"`;
const LATE_MS = 30_000;
let count = 0;
let marks = 0;

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
    const ended = once(server, 'exit').then(() => 'ended');
    while (!text.includes('ready\n'))
      assert.notEqual(await Promise.race([sleep(20), ended]), 'ended', 'nobody plays the world');
    const arrived = async (): Promise<string[]> => {
      // What is under way: until something that was sent after it is here, and nothing comes any more.
      const mark = Buffer.from(`mark${String(++marks).padStart(8, '0')}`).toString('hex');
      run(...inside, 'perl', '-e', MARK, link, mark);
      for (const late = Date.now() + LATE_MS; !text.includes(mark); await sleep(20))
        assert.ok(Date.now() < late, 'what is sent is not seen');
      for (let [had, n] = [-1, 0]; had !== text.length && n < 30; n++) {
        had = text.length;
        await sleep(300);
      }
      const end = text.lastIndexOf('\n') + 1; // the last line may not be whole yet
      const all = text.slice(0, end).split('\n');
      const lines = all.filter((line) => line.startsWith('packet '));
      text = text.slice(end);
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
