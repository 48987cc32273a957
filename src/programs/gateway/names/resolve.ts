import { lookup } from 'node:dns/promises';
import { inTime } from '../../../host/in-time.ts';
import { type Refused, refusedAddress } from '../../../policy/addresses.ts';
import { type Address, parseAddress } from '../../../protocol/address.ts';

/** Asks the host's resolver, once. @throws the resolver's error (ENOTFOUND, EAI_AGAIN) */
export type Resolve = (name: string) => Promise<readonly string[]>;

export const hostResolver: Resolve = async (name) => {
  const found = await lookup(name, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
};

export type Resolved =
  | { readonly kind: 'addresses'; readonly addresses: readonly Address[] }
  | { readonly kind: 'refused'; readonly address: string; readonly is: Refused | 'no address' };

/** What a name resolved to, judged: a single address that is not an ordinary one refuses all of them, since a mixed answer is
 *  how a name is rebound to an inner service. Whoever runs the name's DNS controls the list. */
export function judgeAddresses(found: readonly string[]): Resolved {
  const addresses: Address[] = [];
  for (const text of found) {
    const address = parseAddress(text);
    const is = address === undefined ? 'no address' : refusedAddress(address);
    if (address === undefined || is !== undefined) return { kind: 'refused', address: text, is: is ?? 'no address' };
    addresses.push(address);
  }
  return { kind: 'addresses', addresses };
}

/** Where a host is dialled: at the address that policy names, of which nobody is asked, or at those that its name resolves to.
 *  @param ms  how long that may take. @throws the resolver's error, or an Error when it takes longer */
export async function addressesOf(
  resolve: Resolve,
  host: string,
  pinned: Address | undefined,
  ms: number,
): Promise<Resolved> {
  if (pinned !== undefined) return { kind: 'addresses', addresses: [pinned] };
  return judgeAddresses(await inTime(resolve(host), ms));
}
