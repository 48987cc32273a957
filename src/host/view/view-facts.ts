import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { DATA, DEVICES, FILES, LIBRARIES } from '../../tiers/view.ts';
import { programsBelow } from './programs.ts';

/** What of the common view this host has; the same for every compartment, so gathered once. */
export interface ViewFacts {
  readonly libraries: readonly string[];
  readonly data: readonly string[];
  readonly files: readonly string[];
  readonly devices: readonly string[];
  readonly covered: readonly string[];
  readonly localtime?: string;
}

export function viewFacts(): ViewFacts {
  const there = (paths: readonly string[]): string[] => paths.filter((path) => existsSync(path));
  const libraries = there(LIBRARIES);
  const localtime = lstatSync('/etc/localtime', { throwIfNoEntry: false })?.isSymbolicLink()
    ? readlinkSync('/etc/localtime')
    : undefined;
  return {
    libraries,
    data: there(DATA).filter(isFolder),
    files: there(FILES),
    devices: DEVICES.filter((name) => existsSync(`/dev/${name}`)),
    covered: libraries.flatMap(programsBelow),
    ...(localtime === undefined ? {} : { localtime }),
  };
}

function isFolder(path: string): boolean {
  return lstatSync(path).isDirectory();
}
