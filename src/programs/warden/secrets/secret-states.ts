import type {
  MissingSecret,
  SecretEntry,
  SecretFinding,
  SecretRotate,
  SecretsDocument,
} from '../../../model/documents.ts';
import type { WantedFleet } from '../../../model/fleet.ts';
import { type SecretUpkeep, testText } from '../../../model/secret-upkeep.ts';
import { rotationDue } from '../../../policy/rotation.ts';
import { type KeptSecret, secretFindings } from '../../../policy/secret-findings.ts';
import type { StandingFleet } from '../fleet.ts';
import type { GatewayLink } from '../programs/gateway-link.ts';
import { soon } from '../programs/soon.ts';

interface Kept {
  readonly secrets: readonly KeptSecret[];
  readonly damaged: readonly string[];
}

/** What there is, and what agents want. */
export async function secretsDocument(fleet: StandingFleet, link: GatewayLink): Promise<SecretsDocument> {
  const { secrets, damaged } = (await link.secrets('list')) as Kept;
  const agents = fleet.wanted?.agents ?? [];
  const uses = agents.flatMap((agent) =>
    (agent.secrets ?? []).map(({ variable, secret, host }) => ({ secret, use: { agent: agent.name, variable, host } })),
  );
  const names = [
    ...new Set([...secrets.map(({ name }) => name), ...damaged, ...uses.map(({ secret }) => secret)]),
  ].sort();
  const findings = secretFindings(secrets, agents, Date.now());
  return {
    secrets: names.map((name): SecretEntry => {
      const usedBy = uses.filter(({ secret }) => secret === name).map(({ use }) => use);
      const since = secrets.find((one) => one.name === name)?.since;
      const rotate = fleet.wanted && rotateOf(fleet.wanted, name, since);
      const said = findings.filter(({ secret }) => secret === name).map(({ id, text }) => ({ id, text }));
      const signIn = secrets.find((one) => one.name === name)?.signIn;
      const more = {
        ...(rotate && { rotate }),
        ...(said.length > 0 && { findings: said }),
        ...(signIn && { signIn }),
      };
      if (since !== undefined) return { name, state: 'set', since, usedBy, ...more };
      return { name, state: damaged.includes(name) ? 'damaged' : 'missing', usedBy, ...more };
    }),
  };
}

/** Of one secret, said when it is set. */
export async function findingsOf(fleet: StandingFleet, link: GatewayLink, name: string): Promise<SecretFinding[]> {
  const { secrets } = (await link.secrets('list')) as Kept;
  const mine = secrets.find((one) => one.name === name);
  const names = [name, ...(mine?.same ?? [])];
  return secretFindings(secrets, fleet.wanted?.agents ?? [], Date.now()).filter(
    ({ secret, id }) => secret === name || (id === 'secret-shared' && names.includes(secret)),
  );
}

/** What status says of them: who lacks what, and what is to be looked at. */
export async function secretsAtLarge(
  fleet: StandingFleet,
  link: GatewayLink | undefined,
): Promise<{ missing: Map<string, MissingSecret[]>; findings: SecretFinding[] }> {
  if (!link) return { missing: new Map(), findings: [] };
  const { secrets } = (await soon(link.secrets('list'))) as Kept;
  const agents = fleet.wanted?.agents ?? [];
  const there = new Set(secrets.map(({ name }) => name));
  const missing = agents.map(({ name, secrets = [] }): [string, MissingSecret[]] => {
    const wanted = new Map(secrets.map(({ variable, secret }) => [variable, { variable, secret }]));
    return [name, [...wanted.values()].filter(({ secret }) => !there.has(secret))];
  });
  return { missing: new Map(missing), findings: secretFindings(secrets, agents, Date.now()) };
}

function rotateOf(wanted: WantedFleet, name: string, since: string | undefined): SecretRotate | undefined {
  const said = wanted.agents.flatMap(({ upkeep = [] }) => upkeep).filter(({ secret }) => secret === name);
  const { every, command, test }: Partial<SecretUpkeep> =
    said.find((one) => one.every || one.command || one.test) ?? {};
  if (every === undefined && command === undefined && test === undefined) return undefined;
  const user = wanted.operators.find((operator) => operator.user !== 'root')?.user;
  const from = since === undefined ? undefined : Date.parse(since);
  return {
    ...(every !== undefined && { every }),
    ...(every !== undefined &&
      from !== undefined && {
        due: rotationDue(from, every, Date.now()),
        dueAt: new Date(from + every).toISOString(),
      }),
    ...(command && { command, ...(user !== undefined && { user }) }),
    ...(test && { test: testText(test) }),
  };
}
