import { decodeWantedFleet } from '../../model/decode.ts';
import type { ActedDocument } from '../../model/documents.ts';
import { Failure } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import { describe } from '../../plan/describe.ts';
import { type Connection, type Request, WithDescriptors } from '../../wire/serve.ts';
import * as body from './body.ts';
import { type Caller, PEOPLE } from './caller.ts';
import { cameUp } from './compartments/coming-up.ts';
import type { Compartment } from './compartments/compartment.ts';
import type { HeldAgents } from './compartments/held-agents.ts';
import { drillFacts } from './drills/drill-facts.ts';
import type { Drills } from './drills/drills.ts';
import type { StandingFleet } from './fleet.ts';
import { approvalRequests } from './inbox/approvals.ts';
import { type Budgets, usageRequests } from './inbox/budgets.ts';
import type { Destinations } from './inbox/destinations.ts';
import type { Inbox } from './inbox/inbox.ts';
import type { Logs } from './logs/logs.ts';
import type { Rounds } from './probes/rounds.ts';
import type { GatewayLink } from './programs/gateway-link.ts';
import type { Record } from './record.ts';
import { secretRequests } from './secrets/secrets.ts';
import { sshKeyRequests } from './secrets/ssh-keys.ts';
import type { Running } from './sessions/running.ts';
import type { Sessions } from './sessions/sessions.ts';
import { mapDocument, statusDocument } from './status.ts';

export interface Office {
  readonly fleet: StandingFleet;
  readonly record: Record;
  readonly held: HeldAgents;
  readonly logs: Logs;
  readonly rounds: Rounds;
  readonly sessions: Sessions;
  readonly drills: Drills;
  readonly inbox: Inbox;
  readonly destinations: Destinations;
  readonly budgets: Budgets;
  readonly running: Running;
  readonly gateway: () => GatewayLink | undefined;
  /** Tells of what is to be said of secrets now. */
  readonly lookAtSecrets: () => void;
  /** How many commands run outside for an agent. */
  readonly outside: (agent: string) => number;
  readonly endOutside: (question: number) => number;
  readonly programs: () => { name: string; state: string; pid?: number; restarts?: number }[];
  /** Resolves when ledger and gateway serve. @throws Failure when they do not come up in time */
  readonly staffed: () => Promise<void>;
  /** Ends the warden once the reply is out. */
  readonly leave: () => void;
}

type Body = { readonly [key: string]: unknown };

/** Everything the warden answers, with who may ask. Root alone changes what stands; operators manage what is there. */
export function requests(office: Office): Readonly<{ [name: string]: Request<Caller> }> {
  const { fleet, record, held } = office;
  const compartment = (from: Body): Compartment => fleet.compartment(agentName(from.agent));
  const whenUp = (from: Body, { socket }: Connection<Caller>): Promise<Compartment> =>
    cameUp(fleet, agentName(from.agent), () => socket.destroyed);
  return {
    ...approvalRequests(office),
    ...secretRequests(office),
    ...usageRequests(office),
    ...sshKeyRequests(office),
    'fleet.plan': {
      from: ['root'],
      answer: async (from) => ({ steps: (await fleet.plan(decodeWantedFleet(from.fleet))).steps.map(describe) }),
    },
    'fleet.apply': {
      from: ['root'],
      answer: async (from, { socket }) => {
        const left = new AbortController();
        socket.once('close', () => left.abort());
        await office.staffed();
        const steps = await fleet.apply(decodeWantedFleet(from.fleet), { letGo: from.letGo === true }, left.signal);
        await office.destinations.prune();
        await office.rounds.now();
        office.lookAtSecrets();
        return { steps };
      },
    },
    'fleet.settled': { from: ['root'], answer: (_, { socket }) => office.rounds.settled(() => socket.destroyed) },
    'fleet.down': {
      from: ['root'],
      answer: async (from) => {
        const steps = await fleet.down(from.purge === true);
        setTimeout(office.leave, 50);
        return { steps };
      },
    },
    status: { from: PEOPLE, answer: () => statusDocument(office) },
    map: {
      from: PEOPLE,
      answer: (from) => mapDocument(office, from.agent === undefined ? undefined : agentName(from.agent)),
    },
    probe: { from: PEOPLE, answer: async () => void (await office.rounds.now()) },
    'agent.pause': {
      from: PEOPLE,
      answer: async (from) => {
        const which = compartment(from);
        const { name } = which.facts.agent;
        if (!which.standing) which.orders(); // says why nothing runs
        const unwritten = held.hold(name);
        office.sessions.leave();
        const tookMs = await which.pause();
        record.tell({ event: 'agent.paused', agent: name });
        if (unwritten !== undefined) throw unwritten;
        return acted(which, tookMs, which.measured.frozen);
      },
    },
    'agent.resume': {
      from: PEOPLE,
      answer: async (from) => {
        const which = compartment(from);
        const begun = performance.now();
        if (which.state !== 'paused')
          throw new Failure(
            'not-paused',
            `${which.facts.agent.name} is ${which.state}, not paused.`,
            'bulkhead status shows all agents.',
            1,
          );
        await record.write({ event: 'agent.resumed', agent: which.facts.agent.name });
        await which.resume();
        held.release(which.facts.agent.name);
        return acted(which, performance.now() - begun, which.measured.thawed);
      },
    },
    'agent.stop': {
      from: PEOPLE,
      answer: async (from) => {
        const which = compartment(from);
        const begun = performance.now();
        const unwritten = held.hold(which.facts.agent.name);
        await which.stop();
        const left = which.processes().length;
        if (left > 0)
          throw new Failure(
            'not-ended',
            `${left} processes of ${which.facts.agent.name} are still there.`,
            'Run it again; if it stays so: bulkhead logs warden',
            1,
          );
        if (unwritten !== undefined) throw unwritten;
        return acted(which, performance.now() - begun, which.measured.ended);
      },
    },
    'agent.restart': {
      from: PEOPLE,
      answer: async (from, { socket }) => {
        const which = compartment(from);
        const begun = performance.now();
        await which.stop('restarted by the operator');
        held.release(which.facts.agent.name);
        await which.start();
        await office.rounds.now([which.facts.agent.name]);
        await office.rounds.settled(() => socket.destroyed);
        return acted(which, performance.now() - begun, `first process ${which.firstPid}`);
      },
    },
    'command.run': {
      from: PEOPLE,
      answer: async (from, connection) => {
        const which = await whenUp(from, connection);
        const { ok, descriptors } = await office.sessions.begin(which, body.command(from), connection);
        return new WithDescriptors(ok, descriptors);
      },
    },
    'command.signal': {
      from: PEOPLE,
      answer: (from, connection) => office.sessions.signal(connection, body.signal(from)),
    },
    'drill.facts': {
      from: PEOPLE,
      answer: async (from, connection) => drillFacts(office, await whenUp(from, connection)),
    },
    'drill.begin': {
      from: PEOPLE,
      answer: async (from, connection) => {
        const beside = from.beside === undefined ? undefined : agentName(from.beside);
        return office.drills.begin(await whenUp(from, connection), body.lease(from), beside, connection);
      },
    },
    'drill.script': {
      from: PEOPLE,
      answer: (from, connection) => office.drills.script(compartment(from), body.drillScript(from), connection),
    },
    'drill.end': {
      from: PEOPLE,
      answer: (from, connection) => office.drills.end(connection, body.findings(from)),
    },
    logs: {
      from: PEOPLE,
      answer: (from, connection) => {
        const subject = body.text(from, 'subject');
        const agents = fleet.wanted?.agents.map(({ name }) => name) ?? [];
        const lines = office.logs.tail(subject, agents, body.count(from, 'last', 100));
        if (from.follow === true) follow(office, subject, agents, connection);
        return { lines };
      },
    },
  };
}

function acted(which: Compartment, tookMs: number, measured: string): ActedDocument {
  return { agent: which.facts.agent.name, state: which.state, tookMs, measured };
}

function follow(office: Office, subject: string, agents: readonly string[], connection: Connection<Caller>): void {
  let rest = '';
  const stop = office.logs.follow(subject, agents, (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) connection.notify({ line });
  });
  connection.socket.once('close', stop);
}
