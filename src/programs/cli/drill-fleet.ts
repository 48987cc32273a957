import { join } from 'node:path';
import type { AgentFacts, Args } from '../../drill/attack.ts';
import type { AttackResult, LedgerEntry, Outcome } from '../../drill/verdict.ts';
import { type Client, dial } from '../../wire/client.ts';
import type { Absent, Compartments, Release, Script } from './drill.ts';

/** What the warden says of an agent that is to be drilled (`drill.facts`). */
export interface Subject {
  readonly agent: AgentFacts;
  readonly state: string;
  /** Of the state, in words. */
  readonly why?: string;
  readonly known: Args;
}

export interface Fleet extends Compartments {
  subject(agent: string): Promise<Subject>;
  /** Cuts every connection, and with them ends everything that was lent. */
  close(): void;
}

/** The compartments of a running fleet. Each agent under drill has a connection of its own: what it was lent ends with that,
 *  however this process ends. */
export function runningFleet(state: string, warden: Client, ledger: Client): Fleet {
  const lent = new Map<string, Client>();
  const subject = async (agent: string): Promise<Subject> => (await warden.call('drill.facts', { agent })) as Subject;
  return {
    subject,
    facts: async (agent) => (await subject(agent)).agent,
    absent: async (agent) => absence(await subject(agent)),
    lease: async (agent, { rules, keys }, beside): Promise<Release> => {
      const client = await dial(join(state, 'run/warden.sock'));
      lent.set(agent, client);
      await client.call('drill.begin', { agent, rules, keys, ...(beside === undefined ? {} : { beside }) });
      return async (attacks) => {
        lent.delete(agent);
        await client.call('drill.end', beside === undefined && attacks ? counted(attacks) : {}).catch(() => {});
        client.socket.destroy(); // whatever became of the request, this ends it
      };
    },
    script: async (agent, { id, text, args, timeoutMs }: Script): Promise<Outcome> => {
      const client = lent.get(agent);
      if (!client) throw new Error(`no drill of ${agent} was begun`);
      return (await client.call('drill.script', { agent, attack: id, text, arguments: args, timeoutMs })) as Outcome;
    },
    ledgerSize: async () => ((await ledger.call('read', { last: 0 })) as { size: number }).size,
    ledgerSince: (from, agent) => entriesSince(ledger, from, agent),
    close: () => {
      for (const client of lent.values()) client.socket.destroy();
    },
  };
}

function absence({ agent, state, why: reason }: Subject): Absent | undefined {
  if (['running', 'idle', 'waiting'].includes(state)) return undefined;
  const why = `${agent.name} is ${state}: nothing runs in its compartment${reason === undefined ? '' : ` (${reason})`}`;
  const wanted = state === 'paused' || state === 'stopped';
  return wanted ? { result: 'not-applicable', why } : { result: 'error', why };
}

function counted(attacks: readonly AttackResult[]): object {
  const results = Object.fromEntries(
    [...Map.groupBy(attacks, ({ result }) => result)].map(([r, all]) => [r, all.length]),
  );
  return { results, breached: attacks.filter(({ result }) => result === 'breached').map(({ id }) => id) };
}

async function entriesSince(ledger: Client, from: number, agent: string): Promise<LedgerEntry[]> {
  const found: LedgerEntry[] = [];
  for (let next: number | undefined = from; next !== undefined; ) {
    const part = (await ledger.call('read', { from: next, agent, most: 1000 })) as {
      entries: LedgerEntry[];
      next?: number;
    };
    found.push(...part.entries);
    next = part.next;
  }
  return found;
}
