import { Failure } from '../../../model/failure.ts';
import { agentName, type SecretName, secretName } from '../../../model/names.ts';
import { type SecretTried, secretTest } from '../../../model/secret-upkeep.ts';
import { ownPlaces } from '../../../policy/secret-findings.ts';
import type { Gateway } from '../gateway.ts';

type Body = Readonly<Record<string, unknown>>;

/** What the warden passes on from an operator about secrets. Values come sealed, and none goes out. */
export const SECRET_REQUESTS: Readonly<Record<string, (gateway: Gateway, body: Body) => unknown>> = {
  'secrets.recipient': async ({ vault }) => ({ recipient: await vault.sealer.recipient() }),
  'secrets.set': async (gateway, body) => {
    const name = secretName(body.name);
    const begun = performance.now();
    const coming = { own: ownPlaces(body.own), keep: body.keep === true, ...(body.since !== undefined && since(body)) };
    const { replaced, changed } = await gateway.vault.set(name, sealed(body.sealed), coming);
    gateway.signIns.forget(name);
    const ended = changed ? await gateway.secrets.changed(name) : 0;
    return { replaced, changed, ended, tookMs: Math.round(performance.now() - begun) };
  },
  'secrets.login': async (gateway, body) => {
    const name = secretName(body.name);
    const begun = performance.now();
    const { replaced, changed } = await gateway.signIns.take(name, sealed(body.sealed), ownPlaces(body.own));
    const ended = changed ? await gateway.secrets.changed(name) : 0;
    return { replaced, ended, tookMs: Math.round(performance.now() - begun) };
  },
  'secrets.revoke': async (gateway, body) => {
    const name = secretName(body.name);
    const begun = performance.now();
    const values = [gateway.vault.get(name)?.value, gateway.vault.before(name)].filter((one) => one !== undefined);
    gateway.signIns.forget(name);
    if (!gateway.vault.remove(name))
      throw new Failure('no-such-secret', `there is no secret ${name}`, 'bulkhead secrets list shows all.', 1);
    const ended = await gateway.secrets.changed(name);
    const tookMs = Math.round(performance.now() - begun);
    if (body.test === undefined) return { ended, tookMs };
    const test = secretTest(body.test, 'test');
    const tested: SecretTried[] = [];
    for (const value of values) tested.push(await gateway.secrets.test(name, test, ['old', value]));
    return { ended, tookMs, tested };
  },
  'secrets.test': async (gateway, body) => tested(gateway, secretName(body.name), body),
  'secrets.placeholders': (gateway, body) => gateway.placeholders(agentName(body.agent)),
  'secrets.files': (gateway, body) => ({ files: gateway.placeholderFiles(agentName(body.agent)) }),
  'secrets.authority': (gateway) => ({ certificate: gateway.authority }),
  'secrets.list': ({ vault, signIns }) => ({
    secrets: vault.list().map((one) => ({ ...one, ...(signIns.of(one.name) && { signIn: signIns.of(one.name) }) })),
    damaged: vault.damaged,
  }),
};

/** The old value first, if there is one; once it is refused it is forgotten. */
async function tested(gateway: Gateway, name: SecretName, body: Body): Promise<{ tested: SecretTried[] }> {
  const test = secretTest(body.test, 'test');
  const { vault } = gateway;
  const [before, now] = [vault.before(name), vault.get(name)?.value];
  const tried: SecretTried[] = [];
  if (before !== undefined) tried.push(await gateway.secrets.test(name, test, ['old', before]));
  if (tried[0]?.found === 'refused' && vault.before(name) === before) vault.forgetBefore(name);
  if (now !== undefined) tried.push(await gateway.secrets.test(name, test, ['new', now]));
  return { tested: tried };
}

function since(body: Body): { since: Date } {
  const date = new Date(typeof body.since === 'string' ? body.since : Number.NaN);
  if (Number.isFinite(date.getTime())) return { since: date };
  throw malformed('what came has no time');
}

function sealed(raw: unknown): Buffer {
  if (typeof raw === 'string' && raw.length <= 20_000 && /^[A-Za-z0-9+/]+=*$/.test(raw))
    return Buffer.from(raw, 'base64');
  throw malformed('what came is no sealed secret');
}

function malformed(what: string): Failure {
  return new Failure('malformed', what, 'The programs may be of different versions; run bulkhead up again.');
}
