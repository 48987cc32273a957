import { signerSocket } from '../../../tiers/ssh.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import type { NetSpace } from './net-space.ts';

/** Gives the gateway the sockets of a compartment that stands, and publishes its ports again: the gateway closes them when a
 *  compartment goes, and a new gateway has none. A port that another program has taken meanwhile is not worth an agent's network:
 *  it is left out, and the next plan has it as a step. */
export async function openDoor(
  gateway: GatewayLink,
  { ports, compartments, host }: StandingFleet,
  agent: string,
  netns: NetSpace,
  note: (text: string) => void,
): Promise<void> {
  await gateway.listen(agent, netns);
  const { sshFolder, gid } = compartments.get(agent)?.facts ?? {};
  if (sshFolder !== undefined) await gateway.sign(agent, signerSocket(sshFolder), host.user ? undefined : gid);
  for (const [port, of] of ports) {
    if (of !== agent) continue;
    await gateway.publish(agent, port).catch((error: Error) => {
      ports.delete(port);
      note(`port ${port} of ${agent} is not published any more: ${error.message}`);
    });
  }
}
