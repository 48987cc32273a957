import type { Places } from './places.ts';
import type { Resource } from './resource.ts';

/** Whether `down` leaves it, unless it is told to purge: whose files are whose, and the files. */
export function outlivesDown({ kind }: Resource): boolean {
  return kind === 'user' || kind === 'group' || kind === 'folder' || kind === 'disk';
}

/** Whether a resource belongs to the programs themselves (made by `up` before there is a warden) and not to the fleet. */
export function machineKinds(resource: Resource, places: Places): boolean {
  switch (resource.kind) {
    case 'copy':
    case 'link':
    case 'unit':
      return true;
    case 'file':
      return !resource.path.startsWith('/etc/sudoers.d/');
    case 'folder':
      return !resource.path.startsWith(`${places.agents}/`);
    case 'group':
    case 'user':
      return resource.name.startsWith('bulkhead-');
    default:
      return false;
  }
}
