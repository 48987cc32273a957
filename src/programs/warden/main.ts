/** The warden.
 *  Runs as: root.  Holds: root.
 *  Trusts: the kernel's word on who calls (peer credentials), and its own state; it reads its own input.
 *  Never: opens a network connection, parses what agents send, imports a package other than the FFI library. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { uidOf } from '../../host/accounts.ts';
import { observeCgroups } from '../../host/cgroup-roots.ts';
import { uidOfProcess } from '../../host/confinement.ts';
import { lockFile } from '../../host/lock.ts';
import { netnsPath } from '../../host/netns.ts';
import { viewFacts } from '../../host/view-facts.ts';
import { Failure } from '../../model/failure.ts';
import { netnsName } from '../../plan/fleet.ts';
import { groundOf } from '../../plan/machine.ts';
import { DEFAULT_STATE, placesOf, STATE_FORMAT } from '../../plan/places.ts';
import { syscallFilter } from '../../tiers/filter/filter.ts';
import { serve } from '../../wire/serve.ts';
import { Drills } from './drills.ts';
import { StandingFleet } from './fleet.ts';
import type { GatewayLink } from './gateway-link.ts';
import { type Workshop, wardenHands } from './hands.ts';
import { HeldAgents } from './held-agents.ts';
import { Logs } from './logs.ts';
import { Mending } from './mending.ts';
import { Record } from './record.ts';
import { type Caller, requests } from './requests.ts';
import { Rounds } from './rounds.ts';
import { Sessions } from './sessions.ts';
import { gatewayProgram, ledgerProgram } from './staff.ts';

const at = process.argv.indexOf('--state');
const places = placesOf(at > 0 ? (process.argv[at + 1] ?? DEFAULT_STATE) : DEFAULT_STATE);
process.umask(0o077);

const logs = new Logs(places);
const log = logs.ofProgram('warden');
process.on('uncaughtException', (error) => {
  log.note(`ended by a bug: ${error.stack}`);
  process.exit(70);
});

const format = existsSync(places.format) ? Number(readFileSync(places.format, 'utf8')) : STATE_FORMAT;
if (format !== STATE_FORMAT) {
  log.note(`the state has format ${format}, and this warden knows ${STATE_FORMAT}`);
  process.exit(3);
}
if (!lockFile(places.wardenLock)) {
  log.note('another warden serves this state');
  process.exit(3);
}
const { users } = groundOf(places.state);
const ids = { gateway: idOf(users.gateway), ledger: idOf(users.ledger) };
writeFileSync(places.filter, syscallFilter(process.arch === 'arm64' ? 'aarch64' : 'x86_64'), { mode: 0o644 });

const record = new Record(places.ledgerSocket, logs.lost);
const held = new HeldAgents(places.heldAgents);
let link: GatewayLink | undefined;
const mending = new Mending(logs);
const workshop: Workshop = {
  record,
  mending,
  logs,
  held,
  gateway: () => (gateway.state === 'running' ? link : undefined),
};
const fleet = new StandingFleet({ places, view: viewFacts(), cgroups: observeCgroups() }, record, (of) =>
  wardenHands(of, workshop),
);
const rounds = new Rounds(fleet, record, logs, mending, {
  gatewayRuns: () => gateway.state === 'running',
  ledgerUid: () => (ledger.pid === undefined ? undefined : uidOfProcess(ledger.pid)),
});

const ledger = ledgerProgram(places, ids, logs);
const gateway = gatewayProgram(
  places,
  ids,
  logs,
  (agent) => {
    const found = fleet.compartments.get(agent);
    return found?.standing && fleet.wanted
      ? netnsPath(netnsName(fleet.wanted.fleet, found.facts.agent.name))
      : undefined;
  },
  (next) => {
    link = next;
  },
);

/** How long a request waits for ledger and gateway before it is refused. */
const STAFFED_MS = 15_000;
const staffed = Promise.withResolvers<void>();
ledger.onReady = () => {
  record
    .connect(fleet.operatorUids())
    .then(() => record.write({ event: 'program.started', program: 'ledger', restarts: ledger.restarts }))
    .then(() => gateway.state === 'down' && gateway.restarts === 0 && gateway.start())
    .catch((error: Error) => log.note(`the ledger does not answer: ${error.message}`));
};
ledger.onEnd = (how) => log.note(`the ledger ended (${how}): nothing new is started or connected until it is back`);
gateway.onReady = () => {
  record.tell({ event: 'program.started', program: 'gateway', restarts: gateway.restarts });
  reconnect().then(
    () => staffed.resolve(),
    (error: Error) => log.note(`agents are without network: ${error.message}`),
  );
};
gateway.onEnd = (how) => record.tell({ event: 'program.ended', program: 'gateway', how });

/** A gateway that started anew knows nothing: it gets the policy, the sockets and the ports again. */
async function reconnect(): Promise<void> {
  if (!fleet.wanted || !link) return;
  await link.policy(fleet.wanted, fleet.leases);
  for (const [name, compartment] of fleet.compartments) {
    if (!compartment.standing) continue;
    await link.listen(name, netnsPath(netnsName(fleet.wanted.fleet, compartment.facts.agent.name)));
    for (const port of compartment.facts.agent.ports) await link.publish(name, port);
  }
}

let leaving = false;
async function leave(): Promise<void> {
  if (leaving) return;
  leaving = true;
  for (const compartment of fleet.compartments.values()) await compartment.stop('the warden ends');
  await gateway.end();
  record.tell({ event: 'program.ended', program: 'warden', how: 'asked to' });
  await ledger.end();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void leave());

ledger.start();
const office = {
  fleet,
  record,
  held,
  logs,
  rounds,
  sessions: new Sessions(record),
  drills: new Drills(fleet, record, workshop.gateway),
  programs: () => [
    { name: 'warden', state: 'running', pid: process.pid },
    ...[gateway, ledger].map(({ name, state, pid, restarts }) => ({
      name,
      state,
      restarts,
      ...(pid === undefined ? {} : { pid }),
    })),
  ],
  leave: () => void leave(),
  staffed: () => within(STAFFED_MS, staffed.promise),
};
await serve<Caller>({
  path: places.wardenSocket,
  mode: 0o666,
  who: ({ uid }) => (uid === 0 ? 'root' : fleet.operatorUids().includes(uid) ? 'operator' : undefined),
  requests: requests(office),
  onBug: (error) => log.note(`a request failed: ${(error as Error).stack}`),
});
rounds.begin();
await staffed.promise;
await record.write({ event: 'program.started', program: 'warden', pid: process.pid });
if (fleet.wanted && process.argv.includes('--resume')) {
  const { wanted } = fleet;
  await fleet
    .apply(wanted, { letGo: false })
    .catch((error: Error) => log.note(`the fleet could not be put up: ${error.message}`));
  await rounds.now();
}

function within(ms: number, done: Promise<void>): Promise<void> {
  const why = new Failure(
    'not-staffed',
    'The ledger or the gateway does not come up, so nothing is started.',
    'The reason is in: bulkhead logs ledger, bulkhead logs gateway',
    3,
  );
  return Promise.race([done, new Promise<void>((_, reject) => setTimeout(() => reject(why), ms).unref())]);
}

function idOf(user: string): number {
  const uid = uidOf(user);
  if (uid !== undefined) return uid;
  throw new Failure('no-user', `There is no user ${user}.`, 'Run: bulkhead up', 3);
}
