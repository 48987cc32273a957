import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../src/host/files/mounts.ts';
import { lifted, OPENED_HOME, type Sabotage, tool } from './sabotage.ts';

/** The mounts of a compartment of tier `user` belong to the host's user namespace, so root can take their flags off; always in the
 *  compartment's own mount namespace. */
function remounted(at: string, options: string, back: string): Sabotage['down'] {
  return ({ firstPid }) => {
    const mount = (with_: string): string =>
      tool('nsenter', `--target=${firstPid}`, '--mount', 'mount', '-o', with_, at);
    mount(options);
    return () => void mount(back);
  };
}

/** A process that ends with what it began as: both tools exec what they are told. It is there once it `stands`: by default as `sleep`. */
function beside(argv: readonly string[], stands: (pid: number) => boolean = isSleep): () => void {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: 'ignore' });
  const { pid = 0 } = child;
  for (const late = Date.now() + 30_000; !stands(pid); execFileSync('sleep', ['0.1']))
    if (Date.now() > late) throw new Error(`it did not come up: ${argv.join(' ')}`);
  return () => void child.kill('SIGKILL');
}

function isSleep(pid: number): boolean {
  return readFileSync(`/proc/${pid}/comm`, 'utf8') === 'sleep\n';
}

const SILENT = { throwIfNoEntry: false } as const;
const LISTEN = `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0) or die; bind($s, sockaddr_un($ARGV[0])) or die "bind: $!";
  listen($s, 1); chmod 0666, $ARGV[0]; sleep 600`;

export function userSabotage(inHost: readonly string[]): readonly Sabotage[] {
  return [
    {
      what: 'proc shows everybody again',
      wall: 'processes',
      says: /sees processes of the host/,
      down: remounted('/proc', 'remount,hidepid=off', 'remount,hidepid=invisible'),
    },
    {
      what: '/tmp is made executable',
      wall: 'exec',
      says: /ran in \/tmp.*executable: \/tmp/s,
      down: remounted('/tmp', 'remount,bind,exec,nosuid,nodev', 'remount,bind,noexec,nosuid,nodev'),
    },
    {
      what: 'a folder of the host is made writable',
      wall: 'files',
      says: /writable besides its own places: \/srv/,
      down: remounted('/srv', 'remount,bind,rw,nosuid,nodev', 'remount,bind,ro,nosuid,nodev'),
    },
    {
      what: 'the product’s own folder is uncovered',
      wall: 'identity',
      says: /can enter \/var\/lib\/bh-e2e-/,
      down: ({ firstPid, state }) => {
        const inside = (...args: string[]): string => tool('nsenter', `--target=${firstPid}`, '--mount', ...args);
        inside('umount', state);
        return () => void inside('mount', '-t', 'tmpfs', '-o', 'ro,nosuid,nodev,noexec,mode=755', 'none', state);
      },
    },
    OPENED_HOME,
    {
      what: 'a service of the host opens a socket to everybody',
      wall: 'files',
      says: /sockets of the host that everybody may write to: \/srv\/bh-test-\w+\/x/,
      down: () => {
        const folder = mkdtempSync('/srv/bh-test-');
        chmodSync(folder, 0o755);
        const at = join(folder, 'x');
        const end = beside([...inHost, 'perl', '-e', LISTEN, at], () => ((statSync(at, SILENT)?.mode ?? 0) & 2) === 2);
        return () => {
          end();
          removeTree(folder);
        };
      },
    },
    {
      what: 'root enters its mounts with nsenter',
      wall: 'processes',
      says: /less confined.*sleep/,
      down: ({ firstPid }) => beside(['nsenter', `--target=${firstPid}`, '--mount', 'sleep', '600']),
    },
    {
      what: 'a program runs under its uid without its walls',
      wall: 'processes',
      says: /less confined.*sleep/,
      down: ({ fleet, agent }) => {
        const user = `bh-${fleet}-${agent}`;
        return beside(['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', 'sleep', '600']);
      },
    },
    {
      what: 'the limit of processes is lifted in the kernel',
      wall: 'limits',
      says: /processes/,
      down: (target) => lifted(target, 'pids'),
    },
  ];
}
