import { Failure } from './failure.ts';

declare const brand: unique symbol;
type Branded<B extends string> = string & { readonly [brand]: B };

export type FleetName = Branded<'FleetName'>;
export type AgentName = Branded<'AgentName'>;
export type KnowledgeName = Branded<'KnowledgeName'>;
export type SecretName = Branded<'SecretName'>;

/** Lower-case label: starts with a letter, then letters, digits and single dashes, at most 40 characters. It becomes part of
 *  paths, user names and namespaces, so only these constructors make one. */
const LABEL = /^[a-z](?:-?[a-z0-9])*$/;
const LONGEST = 40;

function label(kind: string, raw: unknown): string {
  if (typeof raw === 'string' && raw.length <= LONGEST && LABEL.test(raw)) return raw;
  const shown = JSON.stringify(typeof raw === 'string' ? raw.slice(0, 60) : raw);
  throw new Failure(
    'bad-name',
    `${shown} is not a name for ${kind}`,
    `Use lower-case letters, digits and dashes, starting with a letter, at most ${LONGEST} characters.`,
  );
}

export function fleetName(raw: unknown): FleetName {
  return label('a fleet', raw) as FleetName;
}

export function agentName(raw: unknown): AgentName {
  return label('an agent', raw) as AgentName;
}

export function knowledgeName(raw: unknown): KnowledgeName {
  return label('a knowledge entry', raw) as KnowledgeName;
}

export function secretName(raw: unknown): SecretName {
  return label('a secret', raw) as SecretName;
}
