import { Failure } from '../../../model/failure.ts';
import { agentName } from '../../../model/names.ts';
import type { Gateway } from '../gateway.ts';

type Body = Readonly<Record<string, unknown>>;

/** What the warden asks about SSH keys. None goes out but its public half. */
export const SSH_REQUESTS: Readonly<Record<string, (gateway: Gateway, body: Body, take: () => number[]) => unknown>> = {
  'ssh.listen': (gateway, body, take) => {
    const [fd] = take();
    if (fd === undefined) throw new Failure('malformed', 'ssh.listen wants a socket', 'Run bulkhead up again.', 1);
    return gateway.sign(agentName(body.agent), fd);
  },
  'ssh.keys': (gateway) => gateway.sshKeys(),
  'ssh.renew': async (gateway, body) => {
    const at = { host: String(body.host), port: Number(body.port), user: String(body.user) };
    return { ended: await gateway.renewSshKey(agentName(body.agent), at) };
  },
};
