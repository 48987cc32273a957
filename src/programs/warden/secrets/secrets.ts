import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import type { SecretChanged } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { type SecretName, secretName } from '../../../model/names.ts';
import type { SecretUpkeep } from '../../../model/secret-upkeep.ts';
import type { Places } from '../../../plan/places.ts';
import type { Request } from '../../../wire/serve.ts';
import { type Caller, PEOPLE } from '../caller.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import type { Record } from '../record.ts';
import { findingsOf, secretsDocument } from './secret-states.ts';

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
  const upkeep = (name: SecretName): Partial<SecretUpkeep> => upkeepOf(fleet, name) ?? {};
  return {
    'secrets.recipient': { from: PEOPLE, answer: () => needed().secrets('recipient') },
    'secrets.set': {
      from: PEOPLE,
      answer: async ({ name, sealed, own }, { peer }) => {
        const link = needed();
        await record.write({ event: 'secret.set', secret: secretName(name), uid: peer.uid });
        const done = (await link.secrets('set', { name, sealed, own })) as SecretChanged;
        return { ...done, findings: await findingsOf(fleet, link, secretName(name)) };
      },
    },
    'secrets.login': {
      from: PEOPLE,
      answer: async ({ name, sealed, own }, { peer }) => {
        const link = needed();
        await record.write({ event: 'secret.login', secret: secretName(name), uid: peer.uid });
        const done = (await link.secrets('login', { name, sealed, own })) as SecretChanged;
        return { ...done, findings: await findingsOf(fleet, link, secretName(name)) };
      },
    },
    'secrets.rotate': {
      from: PEOPLE,
      answer: async ({ name: raw, sealed, own }, { peer }) => {
        const link = needed();
        const name = secretName(raw);
        const { test } = upkeep(name);
        await record.write({ event: 'secret.rotated', secret: name, uid: peer.uid });
        const done = (await link.secrets('set', { name, sealed, own, keep: test !== undefined })) as SecretChanged;
        const tested = test && ((await link.secrets('test', { name, test })) as Pick<SecretChanged, 'tested'>);
        return { ...done, ...tested, findings: await findingsOf(fleet, link, name) };
      },
    },
    'secrets.revoke': {
      from: PEOPLE,
      answer: async ({ name }, { peer }) => {
        const link = needed();
        await record.write({ event: 'secret.revoked', secret: secretName(name), uid: peer.uid });
        return link.secrets('revoke', { name, test: upkeep(secretName(name)).test });
      },
    },
    'secrets.test': {
      from: PEOPLE,
      answer: ({ name: raw }) => {
        const name = secretName(raw);
        const { test } = upkeep(name);
        if (test) return needed().secrets('test', { name, test });
        const hint = `Under secrets in fleet.yaml: rotate: { test: "GET https://HOST/PATH" }, then bulkhead up.`;
        throw new Failure('no-test', `no test request is configured for ${name}`, hint, 1);
      },
    },
    'secrets.list': { from: PEOPLE, answer: () => secretsDocument(fleet, needed()) },
  };
}

function upkeepOf(fleet: StandingFleet, name: SecretName): SecretUpkeep | undefined {
  const all = (fleet.wanted?.agents ?? []).flatMap(({ upkeep }) => upkeep ?? []).filter((one) => one.secret === name);
  return all.find(({ test }) => test) ?? all[0];
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
    const [path, beside] = [`${secrets}/${file}`, `${secrets}/${name}.own`];
    await record.write({ event: 'secret.set', secret: name });
    try {
      const own = existsSync(beside) ? (JSON.parse(readFileSync(beside, 'utf8')) as unknown) : [];
      const since = statSync(path).mtime.toISOString();
      await link.secrets('set', { name, sealed: readFileSync(path).toString('base64'), own, since });
      for (const done of [path, beside]) rmSync(done, { force: true });
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      note(`${name} was not taken: ${error.message}`); // it waits on, and list says so
    }
  }
}
