import type { Destination } from '../../policy/egress.ts';
import { type Authority, hostText } from '../../protocol/host.ts';

/** Whether a request names its destination. Without a port the host stands for any. */
export function isSameHost({ host, port }: Authority, destination: Destination): boolean {
  return hostText(host) === destination.host && (port === undefined || port === destination.port);
}
