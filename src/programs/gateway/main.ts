// The gateway: the only way from a compartment to the network.
// Runs as   bulkhead-gateway, no_new_privs, without capabilities.
// Holds     secrets; the sockets of every agent's network namespace; which names have which synthetic address.
// Trusts    the warden (descriptor 3), the host's resolver for public addresses; nothing that an agent or a server sends.
// Never     has root; touches the ledger's files; forwards what it could not record.
import { closeSync, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { becomeUndumpable } from '../../host/processes/undumpable.ts';
import { Client } from '../../wire/client.ts';
import { answerWarden, dialThrough, tellWarden, wardenCommands, wardenInbox } from './control.ts';
import { Gateway } from './gateway.ts';
import { hostResolver } from './names/resolve.ts';
import { Authority } from './read/authority.ts';
import { Roots } from './read/roots.ts';
import { LedgerSocket } from './record/ledger.ts';
import { Credentials } from './secrets/credentials.ts';
import { Sealer } from './secrets/sealer.ts';
import { SignIns } from './secrets/sign-ins.ts';
import { Vault } from './secrets/vault.ts';
import { SshKeys } from './ssh/ssh-keys.ts';

const CONTROL = 3;
const DESCRIPTORS = 4;

const { values } = parseArgs({
  options: { ledger: { type: 'string' }, dir: { type: 'string' }, identity: { type: 'string' } },
});
if (values.ledger === undefined || values.dir === undefined) {
  console.error(
    'gateway: --ledger SOCKET and --dir DIR are needed\nThe warden starts this program; see: bulkhead up --help',
  );
  process.exit(2);
}

becomeUndumpable();
// The identity is root's file, open; it is read once.
const identity = values.identity === undefined ? '' : readFileSync(Number(values.identity), 'utf8').trim();
if (values.identity !== undefined) closeSync(Number(values.identity));
const sealed = join(values.dir, 'secrets');
const sealer = new Sealer(identity || undefined);
const vault = await Vault.open(sealed, sealer);
const ssh = await SshKeys.open(join(values.dir, 'ssh'), sealer);
const keys = { authority: Authority.open(values.dir), roots: new Roots(), credentials: new Credentials(vault), ssh };
const world = { recorder: new LedgerSocket(values.ledger), resolve: hostResolver, keys };
const store = { vault, signIns: await SignIns.open(sealed, vault, world) };
// Nothing is waited for from here on: what the warden says is heard from its first word.
const warden = new Client(new Socket({ fd: CONTROL }));
warden.onEnd = () => process.exit(0);
const outside = {
  ...world,
  signIns: store.signIns,
  inbox: wardenInbox(warden),
  commands: wardenCommands(warden, DESCRIPTORS),
  finding: tellWarden(warden),
};
answerWarden(warden, DESCRIPTORS, new Gateway(outside, values.dir, dialThrough(warden, DESCRIPTORS), store));
