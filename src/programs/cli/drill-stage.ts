import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentFacts, Args } from '../../drill/attack.ts';
import { ownPlaces } from '../../drill/places.ts';
import { PRELUDE } from '../../drill/prelude.ts';
import { SPARE_UID } from '../../drill/spare-uid.ts';
import { control } from '../../host/arena/control.ts';
import { nextDoor } from '../../host/arena/next-door.ts';
import { keptIn } from '../../host/arena/recorded.ts';
import { type ArenaOptions, openArena } from '../../host/arena.ts';
import { removeTree } from '../../host/files/mounts.ts';
import { ordinaryUser } from '../../host/machine/ordinary-user.ts';
import { numbersOf } from '../../tiers/host-net.ts';
import { MASKED } from '../../tiers/masks.ts';
import type { Stage } from './drill.ts';

export interface StageOptions extends ArenaOptions {
  /** What only the warden knows: paths and process ids of the programs and of other agents. */
  readonly known: (agent: AgentFacts) => Args | Promise<Args>;
}

/** The stage of an ordinary user: the neighbour alone, and controls where this user is root of a namespace at most. */
async function openStageWithoutRoot({ known }: StageOptions, uid: number): Promise<Stage & { close(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-drill-controls-'));
  const neighbour = await nextDoor(undefined, uid, MASKED);
  return {
    lease: { rules: [], keys: [] },
    otherLease: { rules: [], keys: [] },
    watches: async () => ({}),
    recorded: async () => 0, // it has no network, and lends no key
    inside: async (agent) => ({
      ...neighbour.args,
      ...neighbour.other,
      ...ownPlaces(agent),
      knowledge: agent.knowledge.join(':'),
      other_agent: agent.others[0] ?? '',
      ...(await known(agent)),
      own_pid: neighbour.args.victim_pid ?? '', // all is one user's
    }),
    outside: () => ({ ...neighbour.controlArgs, other_agent: 'other', knowledge: '' }),
    control: (where, text, timeoutMs, args) => {
      neighbour.fresh();
      return control(
        { house: undefined, bare: '', folder, uid, rootless: true },
        where,
        PRELUDE + text,
        args,
        timeoutMs,
      );
    },
    close: async () => {
      await neighbour.close();
      removeTree(folder);
    },
  };
}

/** Arena and neighbour as one stage. Close it whatever happens: it has routes and a namespace on the machine. */
export async function openStage(options: StageOptions): Promise<Stage & { close(): Promise<void> }> {
  const user = ordinaryUser();
  if (user) return openStageWithoutRoot(options, user.uid);
  const arena = await openArena(options);
  try {
    const neighbour = await nextDoor(options.house, SPARE_UID, MASKED);
    let state = '';
    return {
      lease: arena.lease,
      otherLease: arena.otherLease,
      watches: arena.watches,
      recorded: (where) => arena.recorded(where === 'inside' ? keptIn(state) : undefined),
      inside: async (agent) => {
        const known = await options.known(agent);
        state = known.state_dir ?? '';
        return {
          ...arena.args,
          key_records: keptIn(state).join(':'),
          ...neighbour.args,
          // In a fleet of one the neighbour is the other agent.
          ...neighbour.other,
          ...ownPlaces(agent),
          knowledge: agent.knowledge.join(':'),
          other_agent: agent.others[0] ?? '',
          ...(known.own_uid === undefined ? {} : { own_pid: await neighbour.ofUid(Number(known.own_uid)) }),
          ...(known.other_uid === undefined ? {} : { other_door: numbersOf(Number(known.other_uid)).address4 }),
          ...known,
        };
      },
      outside: () => ({ ...arena.args, ...neighbour.controlArgs, other_agent: 'other', knowledge: '' }),
      control: (where, text, timeoutMs, args) => {
        neighbour.fresh();
        return arena.control(where, text, timeoutMs, args);
      },
      close: async () => {
        await neighbour.close();
        await arena.close();
      },
    };
  } catch (error) {
    await arena.close();
    throw error;
  }
}
