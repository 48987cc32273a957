import { createHash } from 'node:crypto';
import { launch } from '../../../host/launch/launch.ts';
import { type AgentSockets, agentSockets, dialAt, nothingListens, socketsAt } from '../../../host/net/agent-sockets.ts';
import { dialInside, openAgentSockets } from '../../../host/net/netns.ts';
import { rulesInForce } from '../../../host/net/netns-listing.ts';
import { DOOR_PORT, numbersOf } from '../../../tiers/host-net.ts';
import type { Order } from '../../../tiers/orders.ts';
import { outerSpace } from '../../../tiers/sandbox.ts';
import { ended, handedOut } from './handed-out.ts';

/** Where the network of a compartment is: bound to a path by root, or, rootless, with the process that holds the compartment (a
 *  process with several threads cannot join a user namespace (setns(2)), so there a launcher does what root does by itself), or in
 *  the host's own, where the packet filter knows it by its uid. */
export type NetSpace =
  | { readonly name: string; readonly path: string }
  | { readonly keeperPid: number }
  | { readonly hostUid: number };

/** The gateway's sockets; the caller owns the descriptors. */
export async function socketsIn(space: NetSpace): Promise<AgentSockets> {
  if ('path' in space) return openAgentSockets(space.path);
  if ('hostUid' in space) return socketsAt({ ...numbersOf(space.hostUid), tcp: DOOR_PORT, dns: DOOR_PORT });
  return agentSockets(await handedOut('sockets', orders(space.keeperPid)));
}

/** A connection to 127.0.0.1:port in there, perhaps still under way. In the host's network the address that it comes from lets it
 *  reach the agent's own sockets alone. @throws Failure `nothing-listens` */
export async function dialIn(space: NetSpace, port: number): Promise<number> {
  if ('path' in space) return dialInside(space.path, port);
  if ('hostUid' in space) return dialAt(port, numbersOf(space.hostUid).address4);
  const [fd] = await handedOut('dial', [...orders(space.keeperPid), { do: 'port', port }]);
  if (fd === undefined) throw nothingListens(port);
  return fd;
}

/** Digest of the packet filter in there, as `rulesWanted` gives it. */
export async function rulesIn(space: Exclude<NetSpace, { hostUid: number }>): Promise<string> {
  if ('path' in space) return rulesInForce(space.name);
  const launcher = launch('rules', orders(space.keeperPid), ['ignore', 'pipe', 'pipe']);
  let listed = '';
  launcher.stdout?.on('data', (chunk: Buffer) => {
    listed += chunk.toString('utf8');
  });
  await ended(launcher, [0]);
  return listed.trim() === '' ? '' : createHash('sha256').update(listed).digest('hex');
}

function orders(keeperPid: number): Order[] {
  return [{ do: 'rootless' }, outerSpace(keeperPid), { do: 'ns', kind: 'net', path: `/proc/${keeperPid}/ns/net` }];
}
