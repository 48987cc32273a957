import type { Destination } from '../../../policy/egress.ts';
import type { Door } from '../door.ts';
import { tokenEndpointAt } from '../secrets/endpoints.ts';

/** Whether connections there are read, request by request: secrets go out on them, rules say which requests, or a sign-in is refreshed there. */
export function isRead(door: Door, destination: Destination): boolean {
  return door.compartment.reads(destination) || tokenEndpointAt(door, destination) !== undefined;
}
