import { launch } from '../../../host/launch/launch.ts';
import { accountOf } from '../../../host/machine/accounts.ts';
import type { OrdinaryUser } from '../../../host/machine/ordinary-user.ts';
import type { Order } from '../../../tiers/orders.ts';

const LONGEST_MS = 20_000;

/** Runs the operator's command as that operator: never as root, without capabilities, unable to gain privileges, with an environment of
 *  PATH, HOME and LANG alone. Its input is the notice; what it says goes nowhere but into the reason why it failed.
 *  @throws Error with one line why: it could not be started, took too long, or ended with another status than 0 */
export async function runNotifyCommand(
  argv: readonly string[],
  user: string,
  input: string,
  rootless: OrdinaryUser | undefined,
): Promise<void> {
  const account = accountOf(user);
  if (account === undefined) throw new Error(`there is no user ${user} on this machine`);
  const { uid, gid, home } = rootless ? { ...rootless, home: account.home } : account;
  const orders: Order[] = [
    ...(rootless ? [{ do: 'rootless' } as const] : []),
    { do: 'uid', id: uid },
    { do: 'gid', id: gid },
    { do: 'umask', mode: '077' },
    { do: 'env', name: 'PATH', value: '/usr/local/bin:/usr/bin:/bin' },
    { do: 'env', name: 'HOME', value: home },
    { do: 'env', name: 'LANG', value: 'C.UTF-8' },
    ...argv.map((value): Order => ({ do: 'arg', value })),
    { do: 'keep', count: 0 },
  ];
  const child = launch('program', orders, ['pipe', 'ignore', 'pipe']);
  child.stdin?.on('error', () => {}); // it need not read what it is told
  child.stdin?.end(`${input}\n`);
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-300);
  });
  const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS);
  const how = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (status, signal) => resolve(signal ?? `status ${status}`));
  });
  clearTimeout(late);
  child.stderr?.destroy();
  if (how === 'SIGKILL') throw new Error(`it was ended after ${LONGEST_MS / 1000} s`);
  if (how !== 'status 0')
    throw new Error(`it ended with ${how}${said.trim() ? `: ${said.trim().split('\n').at(-1)}` : ''}`);
}
