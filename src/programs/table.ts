/** Who runs as whom, holds what, listens where. Units, socket modes, the README's picture and `doctor` come from this table, and a
 *  test holds the running processes against it. */
export interface ProgramRow {
  readonly name: ProgramName;
  readonly user: string;
  readonly holds: string;
  readonly listens: string;
  /** Permission bits of its named socket, if it has one. */
  readonly socketMode?: number;
  /** Whether it lives in a network namespace with nothing in it. */
  readonly network: 'none' | 'host';
  /** `some`: root without most of what makes root; `capabilities` are those it has (capabilities(7), by number). */
  readonly privileges: 'root' | 'some' | 'none';
  readonly capabilities?: readonly number[];
  readonly never: string;
  readonly mayCall: readonly ProgramName[];
}

export type ProgramName = 'warden' | 'gate' | 'gateway' | 'ledger';

export const PROGRAMS: readonly ProgramRow[] = [
  {
    name: 'warden',
    user: 'root',
    holds: 'root',
    listens: 'run/warden.sock, peer credentials checked',
    socketMode: 0o666,
    network: 'host',
    privileges: 'root',
    never: 'opens a network connection; parses what agents send; imports an npm package other than the FFI library',
    mayCall: ['gate', 'gateway', 'ledger'],
  },
  {
    name: 'gate',
    user: 'root',
    holds: 'the exec listeners of all agents; copies of programs that may be asked for',
    listens: 'nothing but what the warden and launchers hand to it',
    network: 'none',
    privileges: 'some',
    capabilities: [19, 23],
    never: 'is the parent of an agent; opens a file that an agent names; lets an exec go on unrecorded',
    mayCall: ['warden', 'ledger'],
  },
  {
    name: 'gateway',
    user: 'bulkhead-gateway',
    holds: 'secrets; the key of the fleet’s authority',
    listens: 'sockets inside the agents’ network namespaces, handed over by the warden',
    network: 'host',
    privileges: 'none',
    never: 'has root; writes the ledger’s files',
    mayCall: ['warden', 'ledger'],
  },
  {
    name: 'ledger',
    user: 'bulkhead-ledger',
    holds: 'the signing key',
    listens: 'run/ledger/ledger.sock, peer credentials checked',
    socketMode: 0o666,
    network: 'none',
    privileges: 'none',
    never: 'reads anything but records; has a network',
    mayCall: [],
  },
];
