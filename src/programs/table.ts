/** Who runs as whom, holds what, listens where. Units, socket modes, the README's picture and `doctor` come from this table, and a
 *  test holds the running processes against it. */
export interface ProgramRow {
  readonly name: 'warden' | 'gateway' | 'ledger';
  readonly user: string;
  readonly holds: string;
  readonly listens: string;
  /** Permission bits of its named socket, if it has one. */
  readonly socketMode?: number;
  /** Whether it lives in a network namespace with nothing in it. */
  readonly network: 'none' | 'host';
  readonly privileges: 'root' | 'none';
  readonly never: string;
  readonly mayCall: readonly ('warden' | 'gateway' | 'ledger')[];
}

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
    mayCall: ['gateway', 'ledger'],
  },
  {
    name: 'gateway',
    user: 'bulkhead-gateway',
    holds: 'secrets (from step 4)',
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
