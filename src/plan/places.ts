/** Where everything of one state is. One state holds one fleet. */
export interface Places {
  readonly state: string;
  readonly run: string;
  readonly stage: string;
  readonly filter: string;
  /** The filter with which every exec is a question, and the stub that asks it. */
  readonly gatedFilter: string;
  /** For the exec gate where it has no network namespace. */
  readonly offlineFilter: string;
  readonly stub: string;
  readonly wardenSocket: string;
  readonly wardenLock: string;
  readonly ledger: string;
  readonly ledgerRun: string;
  readonly ledgerSocket: string;
  readonly gateway: string;
  /** Root's: the identity that the sealed secrets are sealed to, and those that no gateway has taken yet. */
  readonly secrets: string;
  readonly identity: string;
  /** For compartments: the fleet's authority, and all that is trusted with it. */
  readonly authority: string;
  readonly trusted: string;
  /** The exec gate's journal. */
  readonly gate: string;
  /** Copies of programs that were asked for, by digest. */
  readonly pins: string;
  readonly logs: string;
  readonly agentLogs: string;
  readonly agents: string;
  readonly made: string;
  readonly wanted: string;
  readonly uids: string;
  readonly format: string;
  /** Agents that an operator stopped or paused. */
  readonly heldAgents: string;
  /** The programs of elevated commands as they were at the last `up`. */
  readonly elevated: string;
  /** Questions and answers (SQLite; `-wal` and `-shm` beside it while the warden runs). */
  readonly inbox: string;
}

export const DEFAULT_STATE = '/var/lib/bulkhead';
/** Where an ordinary user's own state is (XDG Base Directory Specification, XDG_STATE_HOME: absolute, else ~/.local/state).
 *  @returns undefined when no home is known */
export function userState(env: Readonly<Record<string, string | undefined>>): string | undefined {
  const { XDG_STATE_HOME: given, HOME: home } = env;
  if (given?.startsWith('/')) return `${given.replace(/\/+$/, '')}/bulkhead`;
  return home?.startsWith('/') ? `${home.replace(/\/+$/, '')}/.local/state/bulkhead` : undefined;
}

/** The state of whoever names none. An ordinary user's own comes first; a fleet of root's that is there is meant before one that is not,
 *  so that a forgotten sudo does not make a second, weaker fleet.
 *  @param holds  whether a state is there */
export function chosenState(
  uid: number,
  env: Readonly<Record<string, string | undefined>>,
  holds: (state: string) => boolean,
): string {
  const own = uid === 0 ? undefined : userState(env);
  if (own === undefined) return DEFAULT_STATE;
  return !holds(own) && holds(DEFAULT_STATE) ? DEFAULT_STATE : own;
}

/** The number of the state's format. A newer one is refused, an older one migrated forwards with a copy kept. */
export const STATE_FORMAT = 1;

export function placesOf(state: string): Places {
  return {
    state,
    run: `${state}/run`,
    stage: `${state}/run/stage`,
    filter: `${state}/run/filter.bpf`,
    gatedFilter: `${state}/run/filter-gated.bpf`,
    offlineFilter: `${state}/run/filter-offline.bpf`,
    stub: `${state}/run/stub`,
    wardenSocket: `${state}/run/warden.sock`,
    wardenLock: `${state}/run/warden.lock`,
    ledger: `${state}/ledger`,
    ledgerRun: `${state}/run/ledger`,
    ledgerSocket: `${state}/run/ledger/ledger.sock`,
    gateway: `${state}/gateway`,
    secrets: `${state}/secrets`,
    identity: `${state}/secrets/identity`,
    authority: `${state}/run/authority.pem`,
    trusted: `${state}/run/trusted.pem`,
    gate: `${state}/gate`,
    pins: `${state}/pins`,
    logs: `${state}/logs`,
    agentLogs: `${state}/logs/agents`,
    agents: `${state}/agents`,
    made: `${state}/made`,
    wanted: `${state}/wanted.json`,
    uids: `${state}/uids.json`,
    format: `${state}/format`,
    heldAgents: `${state}/held.json`,
    elevated: `${state}/elevated.json`,
    inbox: `${state}/inbox.db`,
  };
}

export interface AgentPlaces {
  readonly folder: string;
  readonly image: string;
  readonly disk: string;
  readonly home: string;
  readonly workspace: string;
  /** Shown as /knowledge: mount points for folders, links to single files. */
  readonly knowledge: string;
  /** Where the gateway signs for it. */
  readonly ssh: string;
}

/** Where one agent's things are. */
export function agentPlaces(places: Places, name: string): AgentPlaces {
  const folder = `${places.agents}/${name}`;
  return {
    folder,
    image: `${folder}/disk.img`,
    disk: `${folder}/disk`,
    home: `${folder}/disk/home`,
    workspace: `${folder}/disk/workspace`,
    knowledge: `${folder}/knowledge`,
    ssh: `${folder}/ssh`,
  };
}
