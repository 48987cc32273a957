import { type ChildProcess, spawn } from 'node:child_process';
import { userInfo } from 'node:os';
import { launch } from '../../host/launch/launch.ts';
import { accountOf } from '../../host/machine/accounts.ts';
import { Failure } from '../../model/failure.ts';
import { whyNoSecret } from '../../policy/placeholder.ts';
import type { Order } from '../../tiers/orders.ts';

const LONGEST_MS = 120_000;
const MOST_BYTES = 64 * 1024;
const PATH = '/usr/local/bin:/usr/bin:/bin';

/** Runs the command that mints a new value, as a person and never as root, with an environment of PATH, HOME and LANG alone, and takes the value from
 *  its standard output. What it says besides is shown nowhere: it may hold the value.
 *  @param user  whom it runs as when root asks
 *  @throws Failure `not-minted` */
export async function mint(argv: readonly string[], user: string | undefined): Promise<string> {
  const child = process.getuid?.() === 0 ? asUser(argv, user) : asOurselves(argv);
  const parts: Buffer[] = [];
  let bytes = 0;
  child.stdout?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= MOST_BYTES) parts.push(chunk);
  });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, LONGEST_MS);
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    child.once('close', (status, signal) => resolve(signal ?? `status ${status}`));
  });
  clearTimeout(timer);
  if (late) throw notMinted(argv, `did not end in ${LONGEST_MS / 1000} s`);
  if (how !== 'status 0') throw notMinted(argv, `ended with ${how}`);
  const value = Buffer.concat(parts)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  const wrong = bytes > MOST_BYTES ? 'is longer than any secret' : whyNoSecret(value);
  if (wrong !== undefined) throw notMinted(argv, `printed no secret: what came ${wrong}`);
  return value;
}

function asUser(argv: readonly string[], user: string | undefined): ChildProcess {
  const account = user === undefined ? undefined : accountOf(user);
  if (account === undefined || account.uid === 0)
    throw new Failure(
      'no-operator',
      'the command of rotate: has nobody to run as: it never runs as root',
      'Name a person in fleet.yaml, then bulkhead up: operators: { owner: { user: LOGIN } }. Or give the value yourself: --by-hand.',
    );
  const orders: Order[] = [
    { do: 'uid', id: account.uid },
    { do: 'gid', id: account.gid },
    { do: 'umask', mode: '077' },
    { do: 'env', name: 'PATH', value: PATH },
    { do: 'env', name: 'HOME', value: account.home },
    { do: 'env', name: 'LANG', value: 'C.UTF-8' },
    ...argv.map((value): Order => ({ do: 'arg', value })),
    { do: 'keep', count: 0 },
  ];
  return launch('program', orders, ['ignore', 'pipe', 'ignore']);
}

function asOurselves([program = '', ...args]: readonly string[]): ChildProcess {
  const env = { PATH, HOME: userInfo().homedir, LANG: 'C.UTF-8' };
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env, cwd: '/' });
}

function notMinted(argv: readonly string[], how: string): Failure {
  return new Failure(
    'not-minted',
    `${argv[0]} ${how}, so nothing was changed`,
    'Run it by itself to see why; or take the value by hand: bulkhead secrets rotate NAME --by-hand',
    1,
  );
}
