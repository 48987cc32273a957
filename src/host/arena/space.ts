import { execFileSync } from 'node:child_process';
import { readdirSync, rmSync } from 'node:fs';
import { Failure } from '../../model/failure.ts';

/** A network namespace of the arena. */
export interface Space {
  readonly path: string;
  readonly close: () => void;
}

const NAMED = '/run/netns';

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
    rmSync(`/run/bhdrill-${pid}`, { recursive: true, force: true });
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
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', away, 'netns', name);
    if (house !== undefined) run('ip', 'link', 'set', near, 'netns', house);
    within(house, 'ip', 'addr', 'add', '192.0.2.1/30', 'dev', near);
    within(house, 'ip', '-6', 'addr', 'add', '2001:db8:ffff::1/126', 'dev', near, 'nodad');
    within(house, 'ip', 'link', 'set', near, 'up');
    within(path, 'ip', 'link', 'set', 'lo', 'up');
    within(path, 'ip', 'addr', 'add', '192.0.2.2/30', 'dev', away);
    within(path, 'ip', '-6', 'addr', 'add', '2001:db8:ffff::2/126', 'dev', away, 'nodad');
    within(path, 'ip', 'link', 'set', away, 'up');
    for (const range of ['203.0.113.0/24', '198.51.100.0/24', `${metadata.four}/32`]) {
      within(path, 'ip', 'route', 'add', 'local', range, 'dev', 'lo');
      within(house, 'ip', 'route', 'add', range, 'via', '192.0.2.2');
    }
    for (const range of ['2001:db8::/33', `${metadata.six}/128`]) {
      within(path, 'ip', '-6', 'route', 'add', 'local', range, 'dev', 'lo');
      within(house, 'ip', '-6', 'route', 'add', range, 'via', '2001:db8:ffff::2');
    }
    // IPv4 may be bound anywhere in a local route; IPv6 needs the addresses themselves.
    for (const address of ['2001:db8::1', metadata.six])
      within(path, 'ip', '-6', 'addr', 'add', `${address}/128`, 'dev', 'lo', 'nodad');
    return { path, close };
  } catch (error) {
    close();
    const said = String((error as { stderr?: string }).stderr ?? error).trim();
    if (said.includes('File exists'))
      throw new Failure(
        'drill-running',
        'the documentation addresses are already routed on this machine, probably by another drill',
        'Wait for it to end, or look at: ip route show 203.0.113.0/24',
        3,
      );
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
