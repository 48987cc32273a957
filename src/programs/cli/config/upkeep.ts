import { canonicalJson } from '../../../model/canonical.ts';
import type { EgressRule, WantedAgent } from '../../../model/fleet.ts';
import { METHOD, type SecretBinding } from '../../../model/secret-binding.ts';
import { EVERY, isTestPlace, type SecretTest, type SecretUpkeep, TEST_PATH } from '../../../model/secret-upkeep.ts';
import { refusedAddress } from '../../../policy/addresses.ts';
import { judgeEgress } from '../../../policy/egress.ts';
import { type Address, parseAddress } from '../../../protocol/address.ts';
import { canonicalHost, hostText } from '../../../protocol/host.ts';
import { duration } from './amounts.ts';
import type { RotateInFile, SecretsInFile } from './file.ts';
import { word } from './programs.ts';
import { placeOf } from './secrets.ts';
import { type Path, pathText, quoted } from './shown.ts';
import { settled, type Where } from './where.ts';

/** What is said of an agent's secrets besides where they go. */
export function secretUpkeeps(
  where: Where,
  agent: Path,
  given: SecretsInFile,
  bindings: readonly SecretBinding[],
  egress: readonly EgressRule[],
): SecretUpkeep[] {
  const found = new Map<string, SecretUpkeep>();
  for (const [variable, entry] of Object.entries(given)) {
    if (typeof entry === 'string') continue;
    const at = [...agent, 'secrets', variable];
    const bound = bindings.filter((binding) => binding.variable === variable);
    const rotate = typeof entry.rotate === 'string' ? { every: entry.rotate } : entry.rotate;
    const [first] = bound;
    if (first === undefined || (rotate === undefined && entry.shared !== true)) continue;
    const known = found.get(first.secret);
    const upkeep: SecretUpkeep = {
      secret: first.secret,
      ...(entry.shared === true && { shared: true as const }),
      ...(rotate && rotation(where, [...at, 'rotate'], rotate, bound, egress)),
    };
    if (known !== undefined && canonicalJson(known) !== canonicalJson(upkeep)) throw clash(where, at, first.secret);
    found.set(first.secret, upkeep);
  }
  return [...found.values()];
}

function rotation(
  where: Where,
  at: Path,
  given: RotateInFile,
  bound: readonly SecretBinding[],
  egress: readonly EgressRule[],
): Pick<SecretUpkeep, 'every' | 'command' | 'test'> {
  return {
    ...(given.every !== undefined && {
      every: settled(where, 'out-of-range', [...at, 'every'], duration(given.every, EVERY)),
    }),
    ...(given.command && { command: given.command.map((part, i) => word(where, [...at, 'command', i], part)) }),
    ...(given.test !== undefined && { test: test(where, [...at, 'test'], given.test, bound, egress) }),
  };
}

function test(
  where: Where,
  at: Path,
  given: NonNullable<RotateInFile['test']>,
  bound: readonly SecretBinding[],
  egress: readonly EgressRule[],
): SecretTest {
  const { request, in: place } = typeof given === 'string' ? { request: given } : given;
  const [, method = '', scheme = '', rest = ''] = /^([A-Z-]{1,20}) +(https?):\/\/(\S+)$/.exec(request) ?? [];
  const slash = rest.search(/[/?#]|$/);
  const [, name = '', digits] = /^(.*?)(?::([0-9]{1,5}))?$/.exec(rest.slice(0, slash)) ?? [];
  const host = hostText(canonicalHost(name));
  const path = rest.slice(slash) || '/';
  const port = digits === undefined ? (scheme === 'https' ? 443 : 80) : Number(digits);
  if (host === undefined || !METHOD.test(method) || !TEST_PATH.test(path))
    throw where.document.failure(
      'bad-test',
      at,
      `${quoted(request)} is not a request, in ${pathText(at)}`,
      'Write the method and the whole address, such as "GET https://api.example.com/v1/me".',
    );
  const to = bound.find((binding) => binding.host === host && binding.port === port);
  if (to === undefined)
    throw where.document.failure(
      'bad-test',
      at,
      `the test sends the secret to ${host}:${port}, where it is not bound, in ${pathText(at)}`,
      `Test it where it goes: ${bound.map((one) => `${one.host}:${one.port}`).join(' or ')}.`,
    );
  if (scheme === 'http' && !isLoopback(egress, host, port))
    throw where.document.failure(
      'bad-test',
      at,
      `the test would show the secret on the way to ${host}, in ${pathText(at)}`,
      'Write https://; plain HTTP carries a secret only to an address of this machine that egress pins.',
    );
  const held = place === undefined ? to.in.find(isTestPlace) : placeOf(where, at, place);
  if (held === undefined || !isTestPlace(held))
    throw where.document.failure(
      'bad-test',
      at,
      `a test cannot put the secret where it is bound to stand, in ${pathText(at)}`,
      'Say in which field it is accepted: test: { request: ..., in: bearer }, or basic, or "header NAME".',
    );
  return {
    scheme: scheme === 'http' ? 'http' : 'https',
    ...{ method, host, port, path },
    in: held,
  };
}

function isLoopback(egress: readonly EgressRule[], host: string, port: number): boolean {
  const literal = parseAddress(host) !== undefined;
  const verdict = judgeEgress(egress, { host, port, literal });
  if (verdict.kind !== 'allow' || verdict.address === undefined) return false;
  return refusedAddress(verdict.address as Address) === 'loopback';
}

/** One secret has one age, one command and one test, whoever uses it; who says nothing agrees. */
export function refuseUpkeepClashes(where: Where, agents: readonly WantedAgent[]): void {
  const said = new Map<string, string>();
  for (const { name, upkeep, secrets } of agents)
    for (const { secret, shared: _, ...rotate } of upkeep ?? []) {
      if (Object.keys(rotate).length === 0) continue;
      const text = canonicalJson(rotate);
      const variable = secrets?.find((one) => one.secret === secret)?.variable ?? '';
      if ((said.get(secret) ?? text) !== text) throw clash(where, ['agents', name, 'secrets', variable], secret);
      said.set(secret, text);
    }
}

function clash(where: Where, at: Path, secret: string): Error {
  return where.document.failure(
    'rotate-clash',
    at,
    `something else is said of the secret ${secret} elsewhere, in ${pathText(at)}`,
    'Say it in one place, or the same in all.',
    'key',
  );
}
