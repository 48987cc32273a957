import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Args, Positive } from '../../drill/attack.ts';

/** What a text said, wherever it ran. `timedOut`: it was ended by us. */
export interface Spoken {
  readonly stdout: string;
  readonly stderr?: string;
  readonly timedOut: boolean;
}

export interface Places {
  readonly house: string | undefined;
  readonly bare: string;
  readonly far?: string;
  readonly folder: string;
  readonly uid: number;
  /** There is no root: what would run as root runs as root of a user namespace of its own. */
  readonly rootless?: true;
}

/** Given as text, not as a file: who runs it may not be let into the folder that this tree lies in (/root, a home). */
const CONTROL = readFileSync(fileURLToPath(new URL('./control.pl', import.meta.url)), 'utf8');

/** Puts the arena's resolver in the place of the machine's, in a mount namespace of its own, and goes on. */
const WITH_RESOLVER =
  'for f in resolv.conf nsswitch.conf; do [ -e /etc/$f ] && mount --bind "$0/$f" /etc/$f; done; exec "$@"';

function argvFor(where: Positive, places: Places): string[] {
  const perl = ['perl', '-e', CONTROL];
  const spare = ['setpriv', `--reuid=${places.uid}`, `--regid=${places.uid}`, '--clear-groups'];
  const house = places.house === undefined ? [] : ['nsenter', `--net=${places.house}`];
  const resolver = ['unshare', '--mount', 'sh', '-c', WITH_RESOLVER, places.folder];
  if (places.rootless) return [...BOXES_WITHOUT_ROOT[where], ...perl];
  // Root's texts try to mount: in a mount namespace of their own (unshare(1) makes it private all the way down, or fails), so that
  // nothing they do can be a mount of the host when folders are removed afterwards.
  const aside = ['unshare', '--mount', '--propagation', 'private'];
  switch (where) {
    case 'host-root':
      return [...house, ...aside, ...perl];
    case 'host-user':
    case 'leaky':
      return [...house, ...spare, ...perl];
    case 'far-user':
      return ['nsenter', `--net=${places.far}`, ...spare, ...perl];
    case 'open-net':
      return [...house, ...resolver, ...spare, ...perl];
    case 'open-net-root':
      return [...house, ...resolver, ...perl];
    case 'bare-net-root':
      return ['nsenter', `--net=${places.bare}`, ...aside, ...perl];
    case 'weak-box-root':
      return ['unshare', '--mount', '--pid', '--ipc', '--uts', '--net', '--fork', '--mount-proc', ...perl];
  }
}

const AS_ROOT = ['unshare', '--user', '--map-root-user', '--mount'];
const BOX = ['--pid', '--ipc', '--uts', '--net', '--fork', '--mount-proc'];
const BOXES_WITHOUT_ROOT: Readonly<Record<Positive, readonly string[]>> = {
  'host-root': AS_ROOT,
  'host-user': [],
  leaky: [],
  'far-user': [],
  'open-net': [],
  'open-net-root': AS_ROOT,
  'bare-net-root': [...AS_ROOT, '--net'],
  'weak-box-root': [...AS_ROOT, ...BOX],
};

function hex(text: string): string {
  return Buffer.from(text, 'utf8').toString('hex');
}

/** Runs a text (with its prelude) at `where`. The whole process group is ended when the time is up. */
export function control(places: Places, where: Positive, text: string, args: Args, timeoutMs: number): Promise<Spoken> {
  writeFileSync(`${places.folder}/resolv.conf`, 'nameserver 203.0.113.53\noptions timeout:2 attempts:1\n', {
    mode: 0o644,
  });
  writeFileSync(`${places.folder}/nsswitch.conf`, 'hosts: files dns\n', { mode: 0o644 });
  const [command = '', ...rest] = argvFor(where, places);
  // `pipe` is a socket pair in Node, so one more of them is a socket that was left open.
  const stdio: 'pipe'[] = where === 'leaky' ? ['pipe', 'pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe'];
  const child = spawn(command, rest, { stdio, cwd: '/', detached: true, env: { PATH: process.env.PATH ?? '' } });
  const said = { stdout: '', stderr: '' };
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }, timeoutMs);
  child.stdout?.on('data', (chunk: Buffer) => {
    said.stdout += chunk.toString('latin1');
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    said.stderr += chunk.toString('latin1');
  });
  child.stdin?.on('error', () => {}); // it ended before it read: its output says why
  child.stdin?.end(
    `${Object.entries(args)
      .map(([name, value]) => `set\t${name}\t${hex(value)}\n`)
      .join('')}text\t${hex(text)}\n`,
  );
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', () => {
      clearTimeout(timer);
      resolve({ ...said, timedOut });
    });
  });
}
