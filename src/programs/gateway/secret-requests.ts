import { Failure } from '../../model/failure.ts';
import { agentName, secretName } from '../../model/names.ts';
import type { Gateway } from './gateway.ts';

type Body = Readonly<Record<string, unknown>>;

/** What the warden passes on from an operator about secrets. Values come sealed, and none goes out. */
export const SECRET_REQUESTS: Readonly<Record<string, (gateway: Gateway, body: Body) => unknown>> = {
  'secrets.recipient': async ({ vault }) => ({ recipient: await vault.recipient() }),
  'secrets.set': async (gateway, body) => {
    const name = secretName(body.name);
    const { replaced, changed } = await gateway.vault.set(name, sealed(body.sealed));
    return { replaced, ended: changed ? await gateway.secretChanged(name) : 0 };
  },
  'secrets.revoke': async (gateway, body) => {
    const name = secretName(body.name);
    if (!gateway.vault.remove(name))
      throw new Failure('no-such-secret', `there is no secret ${name}`, 'bulkhead secrets list shows all.', 1);
    return { ended: await gateway.secretChanged(name) };
  },
  'secrets.placeholders': (gateway, body) => gateway.placeholders(agentName(body.agent)),
  'secrets.files': (gateway, body) => ({ files: gateway.placeholderFiles(agentName(body.agent)) }),
  'secrets.authority': (gateway) => ({ certificate: gateway.authority }),
  'secrets.list': ({ vault }) => ({ secrets: vault.list(), damaged: vault.damaged }),
};

function sealed(raw: unknown): Buffer {
  if (typeof raw === 'string' && raw.length <= 20_000 && /^[A-Za-z0-9+/]+=*$/.test(raw))
    return Buffer.from(raw, 'base64');
  throw new Failure(
    'malformed',
    'what came is no sealed secret',
    'The programs may be of different versions; run bulkhead up again.',
  );
}
