import { HARNESSES, refreshed, type SignIn } from '../../policy/sign-in.ts';
import { ownRequest } from './own-request.ts';
import type { Outside } from './passage.ts';
import { inTime, judgeAddresses } from './resolve.ts';

const LONGEST_MS = 20_000;
const MOST_CHARACTERS = 64 * 1024;

/** `refused`: the refresh token is good for nothing any more. `later`: nothing is known; it may be tried again. */
export type Refreshed =
  | { readonly kind: 'signed-in'; readonly signIn: SignIn }
  | { readonly kind: 'refused' | 'later'; readonly why: string };

/** Has a new access token for a refresh token (RFC 6749, 6), from a server that proves who it is, at a public address. Recorded before it goes. */
export async function refreshAtEndpoint(
  { recorder, resolve, keys }: Pick<Outside, 'recorder' | 'resolve' | 'keys'>,
  secret: string,
  before: SignIn,
): Promise<Refreshed> {
  const { host, path, client } = HARNESSES[before.harness].token;
  try {
    await recorder.append([{ event: 'secret.refreshing', secret, host, path }], 'acknowledged');
    const judged = judgeAddresses(await inTime(resolve(host), LONGEST_MS));
    const [address] = judged.kind === 'addresses' ? judged.addresses : [];
    if (address === undefined) return { kind: 'later', why: `${host} resolves to no public address` };
    const body = JSON.stringify({ grant_type: 'refresh_token', refresh_token: before.refresh, client_id: client });
    const { status, text } = await post(address, body);
    if (status === 400 || status === 401 || status === 403)
      return { kind: 'refused', why: `${host} answered ${status}` };
    const signIn = status === 200 ? refreshed(before, text, Date.now()) : undefined;
    if (signIn) return { kind: 'signed-in', signIn };
    return { kind: 'later', why: `${host} answered ${status}${status === 200 ? ', without a token' : ''}` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { kind: 'later', why: `${host} was not reached: ${code ?? message}` };
  }

  function post(address: string, body: string): Promise<{ status: number; text: string }> {
    return ownRequest({
      ...{
        protocol: 'https:',
        host: address,
        port: 443,
        servername: host,
        rejectUnauthorized: true,
        method: 'POST',
        path,
      },
      headers: { host, accept: 'application/json', 'content-type': 'application/json' },
      ...{ body, longestMs: LONGEST_MS, longestAnswer: MOST_CHARACTERS, secureContext: keys.roots.context },
    });
  }
}
