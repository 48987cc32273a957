import type { SecretFinding } from '../model/documents.ts';
import type { WantedAgent } from '../model/fleet.ts';
import { span } from './age.ts';
import { rotationDue } from './rotation.ts';

/** Places of a person's own credentials that the command line looks at. */
const OWN_TEXT = {
  environment: 'your environment',
  netrc: '~/.netrc',
  'git-credentials': '~/.git-credentials',
  gh: '~/.config/gh/hosts.yml',
  aws: '~/.aws/credentials',
  npmrc: '~/.npmrc',
  pypirc: '~/.pypirc',
  docker: '~/.docker/config.json',
  claude: '~/.claude/.credentials.json',
  codex: '~/.codex/auth.json',
} as const;
export type OwnPlace = keyof typeof OWN_TEXT;

/** What of a list is such a place, each once. */
export function ownPlaces(raw: unknown): OwnPlace[] {
  return Array.isArray(raw) ? (Object.keys(OWN_TEXT) as OwnPlace[]).filter((place) => raw.includes(place)) : [];
}

/** What the gateway says of a secret that it keeps. */
export interface KeptSecret {
  readonly name: string;
  /** ISO 8601. */
  readonly since: string;
  readonly own?: readonly OwnPlace[];
  /** Why it is broader than needed. */
  readonly broad?: string;
  /** Others of the same value. */
  readonly same?: readonly string[];
  /** The value before is kept too, since nothing has shown that it is refused. */
  readonly before?: true;
  /** It is the access token of a sign-in, good until then; `refused`: it cannot be refreshed any more. */
  readonly signIn?: { readonly harness: string; readonly until: string; readonly refused?: string };
}

type Agents = readonly Pick<WantedAgent, 'name' | 'secrets' | 'upkeep'>[];

export function ownText(places: readonly OwnPlace[]): string {
  return `the same value is in ${places.map((place) => OWN_TEXT[place]).join(', ')}: it is a person's own, so what the agent does with it looks like that person. Make one for the agent`;
}

/** All that is to be said of secrets. @param now  milliseconds */
export function secretFindings(kept: readonly KeptSecret[], agents: Agents, now: number): SecretFinding[] {
  return kept.flatMap((secret) => [
    ...shared(secret, agents),
    ...own(secret),
    ...broad(secret),
    ...age(secret, agents, now),
    ...before(secret),
    ...signedOut(secret),
  ]);
}

/** Said of the first name of several with one value. */
function shared({ name, same = [] }: KeptSecret, agents: Agents): SecretFinding[] {
  const names = [name, ...same];
  if (same.some((other) => other < name)) return [];
  const users = agents.filter(({ secrets = [] }) => secrets.some(({ secret }) => names.includes(secret)));
  const meant = (user: Agents[number]): boolean =>
    names.every(
      (one) =>
        !user.secrets?.some(({ secret }) => secret === one) ||
        (user.upkeep ?? []).some(({ secret, shared }) => secret === one && shared === true),
    );
  if (users.length < 2 || users.every(meant)) return [];
  const which = same.length === 0 ? '' : ` (as ${names.join(' and ')})`;
  const text = `${list(users.map((user) => user.name))} have the same value${which}: what one does looks like the other, and one cannot be revoked alone. Give each its own, or say shared: true under both`;
  return [{ id: 'secret-shared', secret: name, text }];
}

function own({ name, own = [] }: KeptSecret): SecretFinding[] {
  return own.length === 0 ? [] : [{ id: 'secret-own', secret: name, text: ownText(own) }];
}

function broad({ name, broad }: KeptSecret): SecretFinding[] {
  return broad === undefined ? [] : [{ id: 'secret-broad', secret: name, text: broad }];
}

function age({ name, since }: KeptSecret, agents: Agents, now: number): SecretFinding[] {
  const every = agents
    .flatMap(({ upkeep = [] }) => upkeep)
    .find(({ secret, every }) => secret === name && every)?.every;
  if (every === undefined) return [];
  const due = rotationDue(Date.parse(since), every, now);
  if (due === 'no') return [];
  const id = due === 'due' ? 'secret-due' : 'secret-overdue';
  const left = Date.parse(since) + every - now;
  const when = due === 'due' ? `a new value is due in ${span(left)}` : `a new value is overdue for ${span(-left)}`;
  return [{ id, secret: name, text: `${when}: bulkhead secrets rotate ${name}` }];
}

function before({ name, before }: KeptSecret): SecretFinding[] {
  if (before === undefined) return [];
  const text = `the value before was not seen to be refused: revoke it where it was issued, then bulkhead secrets test ${name}`;
  return [{ id: 'secret-old-valid', secret: name, text }];
}

function signedOut({ name, signIn }: KeptSecret): SecretFinding[] {
  if (signIn?.refused === undefined) return [];
  const text = `its sign-in cannot be refreshed (${signIn.refused}): sign in with ${signIn.harness} anew, then bulkhead secrets login ${signIn.harness} --as ${name} --from FILE`;
  return [{ id: 'secret-signed-out', secret: name, text }];
}

function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
