/** The warden.
 *  Runs as: root (rootless: the operator).  Holds: root.
 *  Trusts: the kernel's word on who calls (peer credentials), and its own state; it reads its own input.
 *  Never: opens a network connection, parses what agents send, imports a package other than the FFI library. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { observeCgroups } from '../../host/cgroup/cgroup-roots.ts';
import { uidOfProcess } from '../../host/cgroup/confinement.ts';
import { lockFile } from '../../host/files/lock.ts';
import { Made } from '../../host/files/made.ts';
import { SpareLaunchers } from '../../host/launch/spare-launcher.ts';
import { uidOf } from '../../host/machine/accounts.ts';
import { ordinaryUser } from '../../host/machine/ordinary-user.ts';
import { viewFacts } from '../../host/view/view-facts.ts';
import { Failure } from '../../model/failure.ts';
import { groundOf } from '../../plan/machine.ts';
import { DEFAULT_STATE, placesOf, STATE_FORMAT } from '../../plan/places.ts';
import { webhookBody } from '../../policy/notice.ts';
import { syscallFilter } from '../../tiers/filter/filter.ts';
import { serve } from '../../wire/serve.ts';
import type { Caller } from './caller.ts';
import { type Workshop, wardenHands } from './compartments/hands.ts';
import { HeldAgents } from './compartments/held-agents.ts';
import { HostNetwork } from './compartments/host-network.ts';
import { Drills, isOfDrill } from './drills/drills.ts';
import { Elevated } from './elevated/elevated.ts';
import { ElevatedPins } from './elevated/elevated-pins.ts';
import { StandingFleet } from './fleet.ts';
import { Commands } from './gate/commands.ts';
import { GateHouse } from './gate/gate-house.ts';
import type { GateAsks } from './gate/gate-link.ts';
import { Budgets } from './inbox/budgets.ts';
import { Destinations } from './inbox/destinations.ts';
import { Inbox } from './inbox/inbox.ts';
import { InboxStore } from './inbox/inbox-store.ts';
import { Notices } from './inbox/notices.ts';
import { runNotifyCommand } from './inbox/notify-command.ts';
import { withdrawEach } from './inbox/withdrawing.ts';
import { Logs } from './logs/logs.ts';
import { Mending } from './probes/mending.ts';
import { Rounds } from './probes/rounds.ts';
import { Staff } from './programs/staff.ts';
import { Record } from './record.ts';
import { type Office, requests } from './requests.ts';
import { SecretWatch } from './secrets/secret-watch.ts';
import { Running } from './sessions/running.ts';
import { Sessions } from './sessions/sessions.ts';

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
const user = ordinaryUser();
const { users } = groundOf(places.state);
const ids = user
  ? { gateway: user.uid, ledger: user.uid, user }
  : { gateway: idOf(users.gateway), ledger: idOf(users.ledger) };
writeFileSync(places.filter, syscallFilter(process.arch === 'arm64' ? 'aarch64' : 'x86_64'), { mode: 0o644 });

const record = new Record(places.ledgerSocket, logs.lost);
const held = new HeldAgents(places.heldAgents);
const mending = new Mending(logs, new Made(places.made));
const spares: SpareLaunchers = new SpareLaunchers(() => [gate.launchers]);
const inbox = new Inbox(inboxStore(), record);
const outside = {
  ask: (agent: unknown, argv: unknown, via: string) => elevated.ask(agent, argv, via),
  start: (ticket: unknown) => elevated.start(ticket),
};
const staff: Staff = new Staff(places, ids, logs, record, () => fleet, {
  ask: (agent, terms) => destinations.ask(agent, terms),
  use: (agent, grant) => destinations.use(agent, grant),
  askBudget: (agent, terms) => budgets.ask(agent, terms),
  outside,
  finding: (agent, text) => {
    if (isOfDrill(fleet, String(agent), String(text))) return;
    notices.finding(String(agent).slice(0, 40), String(text).slice(0, 300));
  },
});
const gateAsks: Pick<GateAsks, 'ask' | 'use' | 'look' | 'outside'> = {
  ask: (frame) => commands.ask(frame),
  use: (frame, process) => commands.use(frame, process),
  look: (frame) => commands.look(frame),
  outside,
};
const gate: GateHouse = new GateHouse(places, logs, gateAsks, () => fleet.current?.compartments.values(), user);
const host = { places, view: viewFacts(), cgroups: observeCgroups(), ...(user && { user }) };
const hostNetwork = new HostNetwork(new Made(places.made), host.cgroups, (text) => log.note(text));
const workshop: Workshop = {
  ...{ record, mending, hostNetwork, logs, held, spares, gateway: () => staff.gateway },
  gate,
  mayRun: (agent) => budgets.run(agent),
};
const fleet: StandingFleet = new StandingFleet(host, record, (of) => wardenHands(of, workshop));
const running = new Running();
const commands: Commands = new Commands(inbox, fleet, running, (id, state) => gate.answered(id, state));
const pins = new ElevatedPins(places.elevated);
fleet.onUp = async (compartments) => {
  pins.keep(compartments);
  await gate.up();
};
const elevated: Elevated = new Elevated({
  ...{ inbox, record, cgroups: host.cgroups },
  fleet: () => fleet.wanted?.fleet,
  agent: (name) => fleet.wanted?.agents.find((one) => one.name === name),
  pinned: (agent) => pins.of(agent),
  note: (text) => log.note(text),
});
const destinations: Destinations = new Destinations(inbox, fleet, workshop.gateway);
const budgets: Budgets = new Budgets(inbox, fleet, workshop.gateway, (text) => log.note(text));
staff.onGateway = (link) => budgets.tell(link);
const notices: Notices = new Notices(
  inbox,
  record,
  () => ({ fleet: fleet.wanted?.fleet ?? '', by: fleet.wanted?.notify }),
  async (by, notice) => {
    if (by.kind === 'command') return runNotifyCommand(by.argv, by.user, JSON.stringify(notice), user);
    const { type, body } = webhookBody(by.as, notice);
    const gateway = workshop.gateway();
    if (!gateway) throw new Error('the gateway is not running');
    await gateway.notify(by.url, type, body);
  },
);
inbox.onFinding = (agent, text) => notices.finding(agent, text);
fleet.onLetGo = (agent) => {
  withdrawEach(inbox, (question) => question.agent === agent, 'the agent was let go').catch((error: Error) =>
    log.note(`what was approved of ${agent} is not taken back: ${error.message}`),
  );
  held.release(agent);
  logs.remove(agent);
};
const rounds = new Rounds(fleet, record, logs, mending, {
  gatewayRuns: () => staff.gateway !== undefined,
  hostNetwork: (uid) => hostNetwork.mend(uid),
  ledgerUid: () => (staff.ledgerPid === undefined ? undefined : uidOfProcess(staff.ledgerPid)),
});

const secretWatch = new SecretWatch(`${places.secrets}/told.json`, {
  ...{ fleet, record, gateway: workshop.gateway },
  tell: (text) => notices.finding(undefined, text),
});

let leaving = false;
async function leave(): Promise<void> {
  if (leaving) return;
  leaving = true;
  spares.end();
  await elevated.runs.stop();
  for (const compartment of fleet.compartments.values()) await compartment.stop('the warden ends');
  await gate.end();
  await staff.end();
  process.exit(0);
}
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void leave());

staff.start();
gate.start();
const office: Office = {
  ...{ fleet, record, held, logs, rounds, inbox, destinations, budgets, running, gateway: workshop.gateway },
  lookAtSecrets: () => void secretWatch.look(),
  outside: (agent) => elevated.runs.of(agent),
  endOutside: (question) => elevated.runs.end(question),
  sessions: new Sessions(record, spares, (agent) => budgets.run(agent)),
  drills: new Drills(fleet, record, workshop.gateway),
  programs: () => [{ name: 'warden', state: 'running', pid: process.pid }, ...staff.programs, gate.status],
  staffed: () => staff.completeSoon(),
  leave: () => void leave(),
};
await serve<Caller>({
  path: places.wardenSocket,
  mode: 0o666,
  who: ({ uid }) =>
    uid === 0 || uid === user?.uid ? 'root' : fleet.operatorUids().includes(uid) ? 'operator' : undefined,
  requests: requests(office),
  onBug: (error) => log.note(`a request failed: ${(error as Error).stack}`),
});
rounds.begin();
const begun = begin();
if (process.argv.includes('--resume')) {
  await fleet.resume(begun).catch((error: Error) => log.note(`the fleet could not be put up: ${error.message}`));
  await rounds.now();
}
await begun;

/** What waits for ledger and gateway. */
async function begin(): Promise<void> {
  await staff.complete();
  spares.prepare();
  inbox.begin();
  secretWatch.begin();
  await elevated.runs.begin();
  await record.persist({ event: 'program.started', program: 'warden', pid: process.pid });
}

/** Without its inbox the fleet stands as policy says; what needs an answer is refused, and `approvals` says why. */
function inboxStore(): InboxStore | string {
  try {
    return new InboxStore(places.inbox);
  } catch (error) {
    const why = (error as Error).message;
    log.note(`the inbox cannot be opened (${why}): nothing can be asked, approved or denied`);
    return why;
  }
}

function idOf(user: string): number {
  const uid = uidOf(user);
  if (uid !== undefined) return uid;
  throw new Failure('no-user', `There is no user ${user}.`, 'Run: bulkhead up', 3);
}
