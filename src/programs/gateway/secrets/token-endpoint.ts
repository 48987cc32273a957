import { LENT_ENDPOINT } from '../../../model/lent-key.ts';
import { HARNESSES, type Harness, refreshed, type SignIn } from '../../../policy/sign-in.ts';
import type { Address } from '../../../protocol/address.ts';
import type { Outside } from '../door.ts';
import { addressesOf } from '../names/resolve.ts';
import { ownRequest } from '../own-request.ts';

const LONGEST_MS = 20_000;
/** An answer that comes slowly is waited for: with it comes the only refresh token that is still good. */
const LONGEST_ANSWER_MS = 120_000;
const MOST_CHARACTERS = 64 * 1024;

/** What was answered, with tokens in it. */
export interface TokenAnswer {
  readonly status: number;
  readonly text: string;
  /** What went out for it, and must not come back. */
  readonly sent: readonly string[];
}

/** Who wants it, where it is not the gateway itself. */
export interface Asker {
  readonly agent: string;
  /** The address that policy dials for the endpoint; absent: it is resolved. */
  readonly address?: string;
}

/** `refused`: the refresh token is good for nothing any more. `later`: nothing is known; it may be tried again. */
export type Refreshed = { readonly answer?: TokenAnswer } & (
  | { readonly kind: 'signed-in'; readonly signIn: SignIn }
  | { readonly kind: 'refused' | 'later'; readonly why: string }
);

type World = Pick<Outside, 'recorder' | 'resolve' | 'keys'>;

/** Has a new access token for a refresh token (RFC 6749, 6), from a server that proves who it is, at a public address. Recorded before it goes. */
export function refreshAtEndpoint(
  world: World,
  secret: string,
  before: SignIn,
  asker: Asker | undefined,
): Promise<Refreshed> {
  return refreshAt(world, secret, before, HARNESSES[before.harness].token, asker);
}

/** The same for what a drill lends, which no store has: at the drill's own target on this machine's loopback, and so by plain HTTP. */
export function refreshLent(
  world: World,
  secret: string,
  { value, refresh, port }: { readonly value: string; readonly refresh: string; readonly port: number },
  agent: string,
): Promise<Refreshed> {
  // Of no harness, so none's endpoint is asked; what comes is kept nowhere.
  const before: SignIn = { harness: 'claude-code', access: value, refresh, until: Date.now() };
  return refreshAt(world, secret, before, LENT_ENDPOINT, { agent, address: '127.0.0.1' }, port);
}

/** @param plain  the port, where it is not TLS on 443 */
async function refreshAt(
  { recorder, resolve, keys }: World,
  secret: string,
  before: SignIn,
  { host, path, client }: Harness['token'],
  asker: Asker | undefined,
  plain?: number,
): Promise<Refreshed> {
  try {
    await recorder.append(
      [{ event: 'secret.refreshing', secret, host, path, ...(asker && { agent: asker.agent }) }],
      'acknowledged',
    );
    const found = await addressesOf(resolve, host, asker?.address as Address | undefined, LONGEST_MS);
    const [address] = found.kind === 'addresses' ? found.addresses : [];
    if (address === undefined) return { kind: 'later', why: `${host} resolves to no public address` };
    const body = JSON.stringify({ grant_type: 'refresh_token', refresh_token: before.refresh, client_id: client });
    const answer = await post(address, body);
    const { status, text } = answer;
    // 403 is not the standard's word for a token that is good for nothing (RFC 6749, 5.2), but that of filters before the endpoint.
    if (status === 400 || status === 401) return { kind: 'refused', why: `${host} answered ${status}`, answer };
    const signIn = status === 200 ? refreshed(before, text, Date.now()) : undefined;
    if (signIn) return { kind: 'signed-in', signIn, answer };
    return { kind: 'later', why: `${host} answered ${status}${status === 200 ? ', without a token' : ''}`, answer };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { kind: 'later', why: `${host} was not reached: ${code ?? message}` };
  }

  async function post(address: string, body: string): Promise<TokenAnswer> {
    const answer = await ownRequest({
      ...{
        protocol: plain === undefined ? 'https:' : 'http:',
        host: address,
        port: plain ?? 443,
        servername: host,
        rejectUnauthorized: true,
        method: 'POST',
        path,
      },
      headers: { host, accept: 'application/json', 'content-type': 'application/json' },
      ...{ body, longestMs: LONGEST_ANSWER_MS, longestAnswer: MOST_CHARACTERS, secureContext: keys.roots.context },
    });
    return { ...answer, sent: [before.access, before.refresh] };
  }
}
