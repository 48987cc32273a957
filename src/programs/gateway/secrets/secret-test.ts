import type { SecretPlace } from '../../../model/secret-binding.ts';
import type { SecretTest, SecretTried } from '../../../model/secret-upkeep.ts';
import { refusedAddress } from '../../../policy/addresses.ts';
import type { Address } from '../../../protocol/address.ts';
import type { Outside } from '../door.ts';
import { addressesOf } from '../names/resolve.ts';
import { ownRequest } from '../own-request.ts';

const LONGEST_MS = 10_000;

/** Sends one request with a value to where it is bound, and says whether it was accepted. Recorded before it goes. The server proves who it is
 *  as to any agent; of its answer only the status is read, and redirects are not followed.
 *  @param pinned  the address that policy dials for this host; undefined: it is resolved, to public addresses only */
export async function testSecret(
  { recorder, resolve, keys }: Pick<Outside, 'recorder' | 'resolve' | 'keys'>,
  secret: string,
  test: SecretTest,
  pinned: string | undefined,
  [which, value]: readonly ['new' | 'old', string],
): Promise<SecretTried> {
  const { scheme, method, host, port } = test;
  const wanted = which === 'new' ? 'works' : 'refused';
  const what = { secret, value: which, method, host, port, path: test.path.replace(/\?.*$/, '') };
  const unclear = (why: string): SecretTried => ({ value: which, wanted, found: 'unclear', why });
  try {
    await recorder.append([{ event: 'secret.testing', ...what }], 'acknowledged');
  } catch {
    return unclear('the record cannot be written, so nothing was sent');
  }
  const tried = await send();
  const { value: _, ...result } = tried;
  await recorder.append([{ event: 'secret.tested', ...what, ...result }], 'accepted').catch(() => {}); // that it was sent is on record
  return tried;

  async function send(): Promise<SecretTried> {
    try {
      const address = await addressOf();
      if (scheme === 'http' && refusedAddress(address) !== 'loopback')
        return unclear('plain HTTP carries a secret only to a pinned address of this machine');
      const status = await statusOf(address);
      if (status >= 200 && status < 300) return { value: which, wanted, found: 'works', status };
      if (status === 401 || status === 403) return { value: which, wanted, found: 'refused', status };
      return { ...unclear(`${host} answered ${status}, which says nothing about the value`), status };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return unclear(`${host} was not reached: ${code ?? message}`);
    }
  }

  async function addressOf(): Promise<Address> {
    const resolved = await addressesOf(resolve, host, pinned as Address | undefined, LONGEST_MS);
    if (resolved.kind === 'refused') throw new Error(`it resolves to ${resolved.address}, which is ${resolved.is}`);
    const [address] = resolved.addresses;
    if (address === undefined) throw new Error('the name has no address');
    return address;
  }

  async function statusOf(address: Address): Promise<number> {
    const named = host.includes(':') ? `[${host}]` : host;
    const at = port === (scheme === 'https' ? 443 : 80) ? named : `${named}:${port}`;
    const tls = { servername: /^[0-9.]+$|:/.test(host) ? '' : host, rejectUnauthorized: true };
    const { status } = await ownRequest({
      ...{ protocol: `${scheme}:`, host: address, port, method, path: test.path },
      ...(scheme === 'https' && { ...tls, secureContext: keys.roots.context }),
      headers: { host: at, accept: '*/*', ...placed(test.in, value) },
      ...{ longestMs: LONGEST_MS, longestAnswer: 0 },
    });
    return status;
  }
}

function placed(place: SecretPlace, value: string): Record<string, string> {
  if (place === 'bearer') return { authorization: `Bearer ${value}` };
  if (place === 'basic') return { authorization: `Basic ${Buffer.from(`bulkhead:${value}`).toString('base64')}` };
  return { [place.slice('header '.length)]: value };
}
