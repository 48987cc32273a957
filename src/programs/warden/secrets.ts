import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { MissingSecret, SecretEntry, SecretsDocument } from '../../model/documents.ts';
import { Failure } from '../../model/failure.ts';
import { secretName } from '../../model/names.ts';
import type { Places } from '../../plan/places.ts';
import type { Request } from '../../wire/serve.ts';
import type { StandingFleet } from './fleet.ts';
import type { GatewayLink } from './gateway-link.ts';
import type { Record } from './record.ts';

type Caller = 'root' | 'operator';
const PEOPLE: readonly Caller[] = ['root', 'operator'];

interface Around {
  readonly fleet: StandingFleet;
  readonly record: Record;
  readonly gateway: () => GatewayLink | undefined;
}

/** Secrets pass the warden sealed to the gateway: it records that they come and go, and cannot open them. */
export function secretRequests({ fleet, record, gateway }: Around): Readonly<{ [name: string]: Request<Caller> }> {
  const needed = (): GatewayLink => {
    const link = gateway();
    if (link) return link;
    const hint = 'It is being started again; the reason is in: bulkhead logs gateway';
    throw new Failure('no-gateway', 'The gateway is not running, so no secret is in use.', hint, 1);
  };
  return {
    'secrets.recipient': { from: PEOPLE, answer: () => needed().secrets('recipient') },
    'secrets.set': {
      from: PEOPLE,
      answer: async ({ name, sealed }, { peer }) => {
        const link = needed();
        await record.write({ event: 'secret.set', secret: secretName(name), uid: peer.uid });
        return link.secrets('set', { name, sealed });
      },
    },
    'secrets.revoke': {
      from: PEOPLE,
      answer: async ({ name }, { peer }) => {
        const link = needed();
        await record.write({ event: 'secret.revoked', secret: secretName(name), uid: peer.uid });
        return link.secrets('revoke', { name });
      },
    },
    'secrets.list': { from: PEOPLE, answer: () => secretsDocument(fleet, needed()) },
  };
}

interface Kept {
  readonly secrets: readonly { readonly name: string; readonly since: string }[];
  readonly damaged: readonly string[];
}

/** What there is, and what agents want. */
async function secretsDocument(fleet: StandingFleet, link: GatewayLink): Promise<SecretsDocument> {
  const { secrets, damaged } = (await link.secrets('list')) as Kept;
  const uses = (fleet.wanted?.agents ?? []).flatMap((agent) =>
    (agent.secrets ?? []).map(({ variable, secret, host }) => ({ secret, use: { agent: agent.name, variable, host } })),
  );
  const names = [
    ...new Set([...secrets.map(({ name }) => name), ...damaged, ...uses.map(({ secret }) => secret)]),
  ].sort();
  return {
    secrets: names.map((name): SecretEntry => {
      const usedBy = uses.filter(({ secret }) => secret === name).map(({ use }) => use);
      const since = secrets.find((one) => one.name === name)?.since;
      if (since !== undefined) return { name, state: 'set', since, usedBy };
      return { name, state: damaged.includes(name) ? 'damaged' : 'missing', usedBy };
    }),
  };
}

/** What agents want and nobody has set, by agent. */
export async function missingSecrets({
  fleet,
  gateway,
}: Pick<Around, 'fleet' | 'gateway'>): Promise<Map<string, MissingSecret[]>> {
  const link = gateway();
  if (!link || !fleet.wanted?.agents.some(({ secrets }) => secrets)) return new Map();
  const { secrets } = (await soon(link.secrets('list'))) as Kept;
  const there = new Set(secrets.map(({ name }) => name));
  const missing = fleet.wanted.agents.map(({ name, secrets = [] }): [string, MissingSecret[]] => {
    const wanted = new Map(secrets.map(({ variable, secret }) => [variable, { variable, secret }]));
    return [name, [...wanted.values()].filter(({ secret }) => !there.has(secret))];
  });
  return new Map(missing);
}

/** Gives a new gateway what was set while there was none. */
export async function handOver(
  { secrets }: Places,
  link: GatewayLink,
  record: Record,
  note: (text: string) => void,
): Promise<void> {
  if (!existsSync(secrets)) return;
  for (const file of readdirSync(secrets).filter((file) => file.endsWith('.age'))) {
    const name = secretName(file.slice(0, -'.age'.length));
    await record.write({ event: 'secret.set', secret: name });
    try {
      await link.secrets('set', { name, sealed: readFileSync(`${secrets}/${file}`).toString('base64') });
      rmSync(`${secrets}/${file}`);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      note(`${name} was not taken: ${error.message}`); // it waits on, and list says so
    }
  }
}

/** A gateway that hangs must not keep anybody from its status. */
export function soon<T>(work: Promise<T>): Promise<T> {
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error('no answer in time')), 1000).unref(),
  );
  return Promise.race([work, late]);
}
