import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';
import { removeTree } from '../files/mounts.ts';

/** A network namespace of the arena. */
export interface Space {
  readonly path: string;
  readonly close: () => void;
}

const NAMED = '/run/netns';

/** The two ends of the link to the far side: what is left of a documentation range whose lower half is routed there. */
export const HOUSE_ADDRESS = '198.51.100.193';
const FAR_ADDRESS = '198.51.100.194';
/** Routed to the far side. */
const FAR_RANGES = ['203.0.113.0/24', '198.51.100.0/25'];
const LINK_RANGE = '198.51.100.192/30';
const FAR_RANGES6 = ['2001:db8::/33'];

function run(...argv: string[]): string {
  const [command = '', ...rest] = argv;
  return execFileSync(command, rest, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

function within(path: string | undefined, ...argv: string[]): string {
  return path === undefined ? run(...argv) : run('nsenter', `--net=${path}`, ...argv);
}

/** Takes away what drills left behind that were killed. Their names carry their process id. */
export function sweep(house: string | undefined): void {
  let names: string[] = [];
  try {
    names = readdirSync(NAMED);
  } catch {
    return; // no namespace was ever named on this machine
  }
  for (const name of names) {
    const pid = /^bhdrill-(\d+)(?:-bare)?$/.exec(name)?.[1];
    if (pid === undefined || alive(Number(pid))) continue;
    unlink(house, `bhd${pid}`);
    run('ip', 'netns', 'del', name);
    removeTree(`/run/bhdrill-${pid}`);
  }
}

/** A veth pair goes with its namespace, but only some time later; its routes must be gone at once. */
function unlink(house: string | undefined, link: string): void {
  if (
    within(house, 'ip', '-br', 'link')
      .split('\n')
      .some((line) => line.startsWith(`${link}@`))
  )
    within(house, 'ip', 'link', 'del', link);
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** A machine that uses a documentation address for itself would lose its way to it while a drill runs.
 *  @throws Failure when one of the ranges is routed or is an address here, by another drill or otherwise */
function mustBeFree(house: string | undefined): void {
  const used = (family: '-4' | '-6', range: string): boolean =>
    within(house, 'ip', family, 'route', 'show', 'table', 'all', 'root', range).trim() !== '';
  const taken = [
    ...[...FAR_RANGES, LINK_RANGE].filter((range) => used('-4', range)),
    ...['2001:db8::/32'].filter((range) => used('-6', range)),
  ];
  if (taken.length > 0)
    throw new Failure(
      'drill-running',
      `the documentation addresses ${taken.join(', ')} are routed on this machine, probably by another drill`,
      `Wait for it to end, or look at: ip route show table all root ${taken[0]}`,
      3,
    );
}

/** One hop from the house over a veth pair; the house gets routes to the documentation ranges through it, and the far side
 *  holds their addresses on `lo` as whole networks (AnyIP), so that anything sent there arrives. */
export function farSpace(
  name: string,
  house: string | undefined,
  metadata: { readonly four: string; readonly six: string },
): Space {
  const path = `${NAMED}/${name}`;
  const [near, away] = [`bhd${process.pid}`, `bhf${process.pid}`];
  run('ip', 'netns', 'add', name);
  const close = (): void => {
    unlink(house, near);
    run('ip', 'netns', 'del', name);
  };
  try {
    mustBeFree(house);
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', away, 'netns', name);
    if (house !== undefined) run('ip', 'link', 'set', near, 'netns', house);
    within(house, 'ip', 'addr', 'add', `${HOUSE_ADDRESS}/30`, 'dev', near);
    within(house, 'ip', '-6', 'addr', 'add', '2001:db8:ffff::1/126', 'dev', near, 'nodad');
    within(house, 'ip', 'link', 'set', near, 'up');
    within(path, 'ip', 'link', 'set', 'lo', 'up');
    within(path, 'ip', 'addr', 'add', `${FAR_ADDRESS}/30`, 'dev', away);
    within(path, 'ip', '-6', 'addr', 'add', '2001:db8:ffff::2/126', 'dev', away, 'nodad');
    within(path, 'ip', 'link', 'set', away, 'up');
    // By way of the link by name: a route that is not ours could lead to its address as well, and these end with the link.
    for (const range of [...FAR_RANGES, `${metadata.four}/32`]) {
      within(path, 'ip', 'route', 'add', 'local', range, 'dev', 'lo');
      within(house, 'ip', 'route', 'add', range, 'via', FAR_ADDRESS, 'dev', near);
    }
    for (const range of [...FAR_RANGES6, `${metadata.six}/128`]) {
      within(path, 'ip', '-6', 'route', 'add', 'local', range, 'dev', 'lo');
      within(house, 'ip', '-6', 'route', 'add', range, 'via', '2001:db8:ffff::2', 'dev', near);
    }
    // IPv4 may be bound anywhere in a local route; IPv6 needs the addresses themselves.
    for (const address of ['2001:db8::1', metadata.six])
      within(path, 'ip', '-6', 'addr', 'add', `${address}/128`, 'dev', 'lo', 'nodad');
    return { path, close };
  } catch (error) {
    close();
    if (error instanceof Failure) throw error;
    const said = String((error as { stderr?: string }).stderr ?? error).trim();
    throw new Failure('drill-no-network', `the drill's network cannot be made: ${said}`, 'Run: bulkhead doctor', 3);
  }
}

/** Every address is local, as in a compartment, but nothing catches what is sent there; ping sockets are open to everyone. */
export function bareSpace(name: string): Space {
  const path = `${NAMED}/${name}`;
  run('ip', 'netns', 'add', name);
  within(path, 'ip', 'link', 'set', 'lo', 'up');
  within(path, 'ip', 'route', 'add', 'local', 'default', 'dev', 'lo');
  within(path, 'ip', '-6', 'route', 'add', 'local', 'default', 'dev', 'lo');
  within(path, 'sh', '-c', 'echo "0 2147483647" > /proc/sys/net/ipv4/ping_group_range');
  return {
    path,
    close: () => {
      run('ip', 'netns', 'del', name);
    },
  };
}
