import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import type { SecretEntry, SecretsDocument } from '../../model/documents.ts';
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

/** What there is, and what agents want. */
export async function secretsDocument(_fleet: StandingFleet, link: GatewayLink): Promise<SecretsDocument> {
  const { secrets, damaged } = (await link.secrets('list')) as {
    secrets: { name: string; since: string }[];
    damaged: string[];
  };
  const entries: SecretEntry[] = [
    ...secrets.map(({ name, since }): SecretEntry => ({ name, state: 'set', since, usedBy: [] })),
    ...damaged.map((name): SecretEntry => ({ name, state: 'damaged', usedBy: [] })),
  ];
  return { secrets: entries.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** Gives a new gateway what was set while there was none. */
export async function handOver({ secrets }: Places, link: GatewayLink, record: Record): Promise<void> {
  if (!existsSync(secrets)) return;
  for (const file of readdirSync(secrets).filter((file) => file.endsWith('.age'))) {
    const name = secretName(file.slice(0, -'.age'.length));
    await record.write({ event: 'secret.set', secret: name });
    await link.secrets('set', { name, sealed: readFileSync(`${secrets}/${file}`).toString('base64') });
    rmSync(`${secrets}/${file}`);
  }
}
