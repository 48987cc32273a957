import { admit } from '../../ledger/entry.ts';
import { Failure } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import type { Connection, Request } from '../../wire/serve.ts';
import type { Ledger } from './ledger.ts';
import type { Wanted } from './store.ts';
import type { Strength } from './writer.ts';

export type Caller = 'warden' | 'gateway' | 'operator';
type Body = Readonly<Record<string, unknown>>;

const MOST_ENTRIES = 1000;
const DEFAULT_MOST = 1000;
const MOST_READ = 10_000;
const MOST_REPLY_BYTES = 8 * 1024 * 1024;

/** Everything the ledger answers, and to whom. */
export function requests(ledger: Ledger): Record<string, Request<Caller>> {
  const append = async (body: Body, { caller }: Connection<Caller>): Promise<{ index: number }> => {
    if (caller === 'operator') throw new TypeError('the table lets no operator append');
    if (!Array.isArray(body.entries) || body.entries.length === 0 || body.entries.length > MOST_ENTRIES)
      throw malformed(`entries is not a list of 1 to ${MOST_ENTRIES}`);
    return { index: await ledger.append(body.entries.map(admit), caller, strength(body.strength)) };
  };
  return {
    append: { from: ['warden', 'gateway'], answer: append },
    read: {
      from: ['warden', 'operator'],
      answer: (body, { peer, caller }) => {
        stillReader(ledger, caller, peer.uid);
        return read(ledger, body);
      },
    },
    follow: {
      from: ['warden', 'operator'],
      answer: (body, connection) => {
        stillReader(ledger, connection.caller, connection.peer.uid);
        ledger.followers.add(connection, optionalCount(body, 'from') ?? ledger.store.size);
        return {};
      },
    },
    head: { from: ['warden', 'gateway', 'operator'], answer: () => ledger.head() },
    readers: {
      from: ['warden'],
      answer: ({ uids }) => {
        if (!Array.isArray(uids) || !uids.every((uid) => Number.isSafeInteger(uid) && uid >= 0))
          throw malformed('uids is not a list of user ids');
        ledger.setReaders(uids);
        return {};
      },
    },
    health: { from: ['warden', 'gateway', 'operator'], answer: () => ledger.health() },
  };
}

/** Who is calling was decided when it connected; an operator may have been removed since. */
function stillReader(ledger: Ledger, caller: Caller, uid: number): void {
  if (caller === 'operator' && !ledger.readers.has(uid))
    throw new Failure('not-permitted', 'you may no longer read the ledger', 'An operator listed in fleet.yaml may.', 1);
}

/** `from` and `to` bound the indices (`to` is not included); `last` counts back from the end, otherwise the first `most` are
 *  given. Where a reply would be too long it ends early and `next` says where to go on. */
async function read(ledger: Ledger, body: Body): Promise<object> {
  const wanted: Wanted = {
    ...(body.agent === undefined ? {} : { agent: agentName(body.agent) }),
    ...(body.event === undefined ? {} : { event: text(body.event, 'event') }),
  };
  const last = optionalCount(body, 'last');
  const most = Math.min(optionalCount(body, 'most') ?? DEFAULT_MOST, MOST_READ);
  await ledger.settled();
  const size = ledger.store.size;
  const to = Math.min(optionalCount(body, 'to') ?? size, size);
  const from = optionalCount(body, 'from') ?? 0;
  const limit = last === undefined ? most : Math.min(last, MOST_READ);
  const found = last === undefined ? ledger.store.forwards(from, to, wanted) : ledger.store.backwards(from, to, wanted);
  const entries: object[] = [];
  let bytes = 0;
  let next: number | undefined;
  if (limit > 0)
    for await (const { index, entry, bytes: length } of found) {
      bytes += length;
      if (entries.length === limit || bytes > MOST_REPLY_BYTES) {
        next = index;
        break;
      }
      entries.push(entry);
    }
  if (last !== undefined) return { entries: entries.reverse(), size };
  return next === undefined ? { entries, size } : { entries, size, next };
}

function malformed(what: string): Failure {
  return new Failure(
    'bad-request',
    `the ledger cannot read the request: ${what}`,
    'The programs may be of different versions; run bulkhead up again.',
    2,
  );
}

function strength(raw: unknown): Strength {
  if (raw === 'accepted' || raw === 'acknowledged') return raw;
  throw malformed('strength is neither accepted nor acknowledged');
}

function text(raw: unknown, name: string): string {
  if (typeof raw === 'string' && raw.length <= 100) return raw;
  throw malformed(`${name} is not a short text`);
}

function optionalCount(body: Body, name: string): number | undefined {
  const raw = body[name];
  if (raw === undefined) return undefined;
  if (typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0) return raw;
  throw malformed(`${name} is not a count`);
}
