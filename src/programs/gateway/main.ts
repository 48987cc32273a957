// The gateway: the only way from a compartment to the network.
// Runs as   bulkhead-gateway, no_new_privs, without capabilities.
// Holds     (later) secrets; the sockets of every agent's network namespace; which names have which synthetic address.
// Trusts    the warden (descriptor 3), the host's resolver for public addresses; nothing that an agent or a server sends.
// Never     has root; touches the ledger's files; forwards what it could not record.
import { Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { Client } from '../../wire/client.ts';
import { answerWarden, dialThrough, wardenCommands, wardenInbox } from './control.ts';
import { Gateway } from './gateway.ts';
import { LedgerSocket } from './ledger.ts';
import { hostResolver } from './resolve.ts';

const CONTROL = 3;
const DESCRIPTORS = 4;

const { values } = parseArgs({ options: { ledger: { type: 'string' }, dir: { type: 'string' } } });
if (values.ledger === undefined || values.dir === undefined) {
  console.error(
    'gateway: --ledger SOCKET and --dir DIR are needed\nThe warden starts this program; see: bulkhead up --help',
  );
  process.exit(2);
}

const warden = new Client(new Socket({ fd: CONTROL }));
warden.onEnd = () => process.exit(0);
const outside = {
  recorder: new LedgerSocket(values.ledger),
  resolve: hostResolver,
  inbox: wardenInbox(warden),
  commands: wardenCommands(warden, DESCRIPTORS),
};
answerWarden(warden, DESCRIPTORS, new Gateway(outside, values.dir, dialThrough(warden, DESCRIPTORS)));
