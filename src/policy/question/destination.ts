import { createHash } from 'node:crypto';
import { PORT, within } from '../../model/bounds.ts';
import { canonicalJson } from '../../model/canonical.ts';
import { isAddress, isHostName } from '../../model/hosts.ts';
import type { AgentName } from '../../model/names.ts';
import type { Subject } from '../../model/question.ts';

/** A question for a connection to one host and port. The agent chose the host; only its one canonical spelling gets here. */
export interface DestinationTerms {
  readonly host: string;
  readonly port: number;
}

export function destinationSubject(agent: AgentName, { host, port }: DestinationTerms): Subject {
  const terms = { host, port };
  const digest = createHash('sha256')
    .update(canonicalJson({ kind: 'destination', ...terms }))
    .digest('hex');
  return {
    agent,
    kind: 'destination',
    digest,
    shown: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    terms,
  };
}

/** @returns undefined for what is no destination in canonical spelling */
export function destinationTerms(raw: unknown): DestinationTerms | undefined {
  if (typeof raw !== 'object' || raw === null) return undefined;
  const { host, port } = raw as { host?: unknown; port?: unknown };
  if (typeof host !== 'string' || !(isHostName(host) || isAddress(host))) return undefined;
  return typeof port === 'number' && within(port, PORT) ? { host, port } : undefined;
}
