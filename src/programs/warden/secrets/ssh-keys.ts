import type { SshKeyEntry, SshKeysDocument } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { agentName } from '../../../model/names.ts';
import { sshText } from '../../../model/ssh-binding.ts';
import type { Request } from '../../../wire/serve.ts';
import { type Caller, PEOPLE } from '../caller.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import { soon } from '../programs/soon.ts';
import type { Record } from '../record.ts';

interface Around {
  readonly fleet: StandingFleet;
  readonly record: Record;
  readonly gateway: () => GatewayLink | undefined;
}

/** The gateway's SSH keys: their public halves are shown, and others can be made in their place. */
export function sshKeyRequests(around: Around): Readonly<{ [name: string]: Request<Caller> }> {
  const needed = (): GatewayLink => {
    const link = around.gateway();
    if (link) return link;
    const hint = 'It is being started again; the reason is in: bulkhead logs gateway';
    throw new Failure('no-gateway', 'The gateway is not running, so no SSH key is in use.', hint, 1);
  };
  return {
    'ssh.keys': { from: PEOPLE, answer: async (): Promise<SshKeysDocument> => ({ keys: await commented(around) }) },
    'ssh.renew': {
      from: PEOPLE,
      answer: async ({ agent, host, port, user }, { peer }) => {
        const name = agentName(agent);
        const at = { host: String(host), port: Number(port), user: String(user) };
        const link = needed();
        await around.record.write({ event: 'ssh.renewing', agent: name, ...at, uid: peer.uid });
        return { ended: await link.renewSshKey(name, at), keys: await commented(around) };
      },
    },
  };

  async function commented({ fleet }: Around): Promise<SshKeyEntry[]> {
    const name = fleet.wanted?.fleet ?? '';
    return (await needed().sshKeys()).map((key) =>
      key.public === undefined ? key : { ...key, public: `${key.public} ${name}/${key.agent} for ${sshText(key)}` },
    );
  }
}

/** By agent; empty while the gateway is away or does not answer. */
export async function sshKeysOf({ fleet, gateway }: Omit<Around, 'record'>): Promise<Map<string, SshKeyEntry[]>> {
  const link = gateway();
  if (!link || !fleet.wanted?.agents.some(({ ssh }) => ssh)) return new Map();
  return Map.groupBy(await soon(link.sshKeys()), ({ agent }) => agent);
}
