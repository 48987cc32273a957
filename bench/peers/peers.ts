import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeTree } from '../../src/host/files/mounts.ts';
import { CACHE, type Ground } from '../ground.ts';

const run = promisify(execFile);

/** What is measured beside us, in exact versions. Nothing is installed into the machine: Debian packages are unpacked into the
 *  cache and laid over /usr and /etc in a mount namespace of the bench's own, npm packages run no install script. */
const PINNED: Record<'npm' | 'debian' | 'withDependencies', Record<string, string>> = JSON.parse(
  readFileSync(new URL('../peers.json', import.meta.url), 'utf8'),
);
const NPM = join(CACHE, 'npm');
const DEBIAN = join(CACHE, 'debian');
/** Where Debian's packages are unpacked. */
export const UNPACKED: string = join(DEBIAN, 'root');

/** @returns undefined when the packages from npm are there, else why not */
export async function npmPeers(ground: Ground): Promise<string | undefined> {
  const manifest = JSON.stringify({ private: true, dependencies: PINNED.npm });
  const stamp = join(NPM, 'installed.json');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === manifest) return undefined;
  ground.say('fetching peers from npm (once; large)');
  removeTree(NPM);
  mkdirSync(NPM, { recursive: true });
  writeFileSync(join(NPM, 'package.json'), manifest);
  try {
    await run(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'],
      {
        cwd: NPM,
      },
    );
  } catch (error) {
    return `npm: ${lastLine(error)}`;
  }
  writeFileSync(stamp, manifest);
  return undefined;
}

/** @returns undefined when the packages from Debian are there, else why not */
export async function debianPeers(ground: Ground): Promise<string | undefined> {
  for (const [name, version] of Object.entries(PINNED.debian)) {
    const stamp = join(DEBIAN, `${name}.version`);
    if (existsSync(stamp) && readFileSync(stamp, 'utf8') === version) continue;
    ground.say(`fetching ${name} ${version} from Debian`);
    const fetched = join(CACHE, 'fetched');
    try {
      for (const folder of [fetched, UNPACKED]) mkdirSync(folder, { recursive: true });
      await run('apt-get', ['download', '-q', '-o', 'Acquire::Retries=5', `${name}=${version}`], { cwd: fetched });
      await run('/bin/sh', ['-c', 'dpkg-deb --extract "$1"/*.deb "$2"', 'sh', fetched, UNPACKED]);
      writeFileSync(stamp, version);
    } catch (error) {
      return `${name} ${version}: ${lastLine(error)}`;
    } finally {
      removeTree(fetched);
    }
  }
  return undefined;
}

/** One package from Debian with all of what it needs and this machine has not, which apt finds out; unpacked into a folder of its own.
 *  @returns that folder. @throws Error why it could not be fetched */
export async function debianPeer(ground: Ground, name: string): Promise<string> {
  const version = PINNED.withDependencies[name] ?? '';
  const [home, stamp] = [join(CACHE, name), join(CACHE, name, 'version')];
  const root = join(home, 'root');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === version) return root;
  ground.say(`fetching ${name} ${version} from Debian`);
  removeTree(home);
  for (const folder of [root, join(home, 'archives/partial')]) mkdirSync(folder, { recursive: true });
  const options = ['--download-only', '--no-install-recommends', '-o', `Dir::Cache::Archives=${home}/archives`];
  try {
    await run('apt-get', ['install', '-y', '-q', '-o', 'Acquire::Retries=5', ...options, `${name}=${version}`]);
    const unpack = 'for one in "$1"/*.deb; do dpkg-deb --extract "$one" "$2" || exit 1; done';
    await run('/bin/sh', ['-c', unpack, 'sh', join(home, 'archives'), root]);
  } catch (error) {
    throw new Error(`${name} ${version}: ${lastLine(error)}`);
  }
  removeTree(join(home, 'archives'));
  writeFileSync(stamp, version);
  return root;
}

/** Before a command line: the same command with Debian's peers in /usr and /etc, and, if given, another /etc/hosts. */
export function amongPeers(hosts?: string, root: string = UNPACKED): string[] {
  const lay = (folder: string): string =>
    `{ ! [ -d ${root}${folder} ] || mount -t overlay -o lowerdir=${root}${folder}:${folder} bench ${folder}; }`;
  const script = [lay('/usr'), lay('/etc'), ...(hosts ? [`mount --bind ${hosts} /etc/hosts`] : []), 'exec "$@"'];
  return ['unshare', '--mount', '/bin/sh', '-c', script.join(' && '), 'sh'];
}

export const CODEX: string = join(
  NPM,
  'node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex',
);
export const SANDBOX_RUNTIME: string = join(NPM, 'node_modules/@anthropic-ai/sandbox-runtime/dist/cli.js');

function lastLine(error: unknown): string {
  const { stderr, message } = error as Error & { stderr?: string };
  return (stderr?.trim().split('\n').at(-1) || message).slice(0, 160);
}
