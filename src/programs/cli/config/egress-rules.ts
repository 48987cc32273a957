import { NTP_PORT } from '../../../model/bounds.ts';
import { rulesClash } from '../../../model/decode-egress.ts';
import type { EgressRule, Tier } from '../../../model/fleet.ts';
import { MEDIA_TYPE, PARAMETER, type RequestTerms, VALUE } from '../../../model/request-terms.ts';
import { EGRESS_PRESETS, gitRules } from '../../../policy/egress-presets.ts';
import { whyNoPathPattern } from '../../../policy/paths.ts';
import { admits, hasTerms } from '../../../policy/request-rules.ts';
import { suggest } from '../suggest.ts';
import { egressRule, isPreset } from './egress.ts';
import type { EgressEntry, GitInFile, RuleInFile, TimeInFile } from './file.ts';
import { type Path, pathText, quoted } from './shown.ts';
import { settled, type Where } from './where.ts';

/** The rules that a list of `egress` comes to: hosts, presets by name, git repositories, and requests by their terms. */
export function egressRules(where: Where, path: Path, given: readonly EgressEntry[]): EgressRule[] {
  const rules: EgressRule[] = [];
  for (const [i, entry] of given.entries())
    for (const rule of rulesOf(where, [...path, i], entry)) {
      if (rule.from !== undefined && rules.some((other) => isSame(other, rule))) continue;
      rules.push(rule);
      if (rulesClash(rules) === undefined) continue;
      const same = ({ host, port, protocol }: EgressRule): boolean =>
        host === rule.host && port === rule.port && protocol === rule.protocol;
      const { from } = rules.find(same) ?? rule;
      throw where.document.failure(
        'duplicate-entry',
        [...path, i],
        `${quoted(`${rule.host}:${rule.port}`)} stands twice in ${pathText(path)}${from ? `, once by ${from}` : ''}`,
        'Keep one of the two; or give each its own methods, paths, query or content-type, at one address.',
      );
    }
  return rules;
}

function isSame(one: EgressRule, other: EgressRule): boolean {
  const text = ({ from: _, ...rule }: EgressRule): string => JSON.stringify(Object.entries(rule).sort());
  return text(one) === text(other);
}

function rulesOf(where: Where, at: Path, entry: EgressEntry): readonly EgressRule[] {
  if (isPreset(entry)) return preset(where, at, entry as string);
  if (typeof entry === 'object' && 'git' in entry) return repositories(where, at, entry);
  if (typeof entry === 'object' && 'ntp' in entry) return [timeServer(where, at, entry)];
  const rule = settled(where, 'bad-host', at, egressRule(entry));
  if (typeof entry === 'string') return [rule];
  const whole = { ...rule, ...termsOf(where, at, entry) };
  tryExamples(where, at, whole, entry);
  return [whole];
}

function preset(where: Where, at: Path, name: string): EgressRule[] {
  if (Object.hasOwn(EGRESS_PRESETS, name))
    return (EGRESS_PRESETS[name] ?? []).map((rule) => ({ ...rule, from: `preset ${name}` }));
  const meant = suggest(name, Object.keys(EGRESS_PRESETS));
  throw where.document.failure(
    'unknown-preset',
    at,
    `there is no preset ${quoted(name)}, in ${pathText(at)}`,
    meant ? `Did you mean ${quoted(meant)}?` : `There are ${Object.keys(EGRESS_PRESETS).join(', ')}. A host has a dot.`,
  );
}

function repositories(where: Where, at: Path, entry: GitInFile): EgressRule[] {
  const { git, pull = [], push = [] } = entry;
  for (const name of [...pull, ...push])
    if (whyNoPathPattern(`/${name}`) !== undefined || !/^[\w.*-]+(?:\/[\w.*-]+)*$/.test(name))
      throw where.document.failure(
        'bad-repository',
        at,
        `${quoted(name)} is not a repository, in ${pathText(at)}`,
        'Write it as the server does, without the host: OWNER/NAME, or "OWNER/*" for all of an owner’s.',
      );
  if (pull.length + push.length === 0)
    throw where.document.failure(
      'bad-repository',
      at,
      `no repository is named, in ${pathText(at)}`,
      'Say which: { git: github.com, pull: ["me/*"], push: [me/site] }.',
    );
  const port = entry.port === undefined ? {} : { port: entry.port };
  const address = entry.address === undefined ? {} : { address: entry.address };
  const rule = settled(where, 'bad-host', at, egressRule({ host: git, ...port, ...address }));
  const doing = [...(pull.length > 0 ? ['pull'] : []), ...(push.length > 0 ? ['push'] : [])].join(' and ');
  return gitRules(rule, pull, push).map((one) => ({ ...one, from: `git ${doing}` }));
}

/** Each server is named: a name below a wildcard could be made up, and would be asked for. */
function timeServer(where: Where, at: Path, { ntp, address }: TimeInFile): EgressRule {
  const entry = { host: ntp, port: NTP_PORT, ...(address !== undefined && { address }) };
  const rule = settled(where, 'bad-host', at, egressRule(entry));
  if (!rule.host.startsWith('*.')) return { ...rule, protocol: 'ntp' };
  throw where.document.failure(
    'bad-host',
    at,
    `${quoted(ntp)} is not one server, in ${pathText(at)}`,
    'Name each: { ntp: time.apple.com }.',
  );
}

/** The time goes through a network of the agent's own, which tier user has not. */
export function refuseTimeOnHost(where: Where, path: Path, tier: Tier, rules: readonly EgressRule[]): void {
  const found = tier === 'user' ? rules.find(({ protocol }) => protocol !== undefined) : undefined;
  if (found === undefined) return;
  throw where.document.failure(
    'time-in-tier-user',
    path,
    `an agent of tier user cannot ask ${found.host} for the time, in ${pathText(path)}`,
    'Take it out: its clock is the host’s, like every agent’s. Or give it tier: sandbox.',
  );
}

function termsOf(where: Where, at: Path, entry: RuleInFile): RequestTerms {
  const { methods, paths, query } = entry;
  const types = entry['content-type'];
  const bad = (key: string, what: string, hint: string): Error =>
    where.document.failure('bad-term', [...at, key], `${what}, in ${pathText([...at, key])}`, hint);
  for (const pattern of paths ?? []) {
    const why = whyNoPathPattern(pattern);
    if (why !== undefined)
      throw bad(
        'paths',
        `${quoted(pattern)} ${why}`,
        'Write it as /v1/messages, /repos/me/* (one part) or /v1/** (all below).',
      );
  }
  const parameters = Object.entries(query ?? {}).map(([name, values]): [string, string[]] => [name, [values].flat()]);
  for (const [name, values] of parameters)
    if (!PARAMETER.test(name) || !values.every((value) => VALUE.test(value)))
      throw bad(
        'query',
        `${quoted(name)} is no parameter with plain values`,
        'Write query: { service: git-upload-pack }.',
      );
  const media = types === undefined ? undefined : [types].flat().map((type) => type.toLowerCase());
  if (media && !media.every((type) => MEDIA_TYPE.test(type)))
    throw bad('content-type', 'this is no media type', 'Write it without parameters: application/json.');
  return {
    ...(methods && { methods }),
    ...(paths && { paths }),
    ...(query && { query: Object.fromEntries(parameters) }),
    ...(media && { types: media }),
  };
}

/** `GET /path?query`, and the content type of what has a body. */
const EXAMPLE = /^([A-Z][A-Z-]*) (\/[!-~]*)(?: ([^ ]+\/[^ ]+))?$/;

/** Examples are tried here, each at its own line: a rule that does not mean what its author thinks is found before it is in force. */
function tryExamples(where: Where, at: Path, rule: EgressRule, entry: RuleInFile): void {
  for (const [key, wanted] of [
    ['match', true],
    ['not-match', false],
  ] as const)
    for (const [i, text] of (entry[key] ?? []).entries()) {
      const place = [...at, key, i];
      const [, method = '', target = '', type] = EXAMPLE.exec(text) ?? [];
      const bad = method === '' || !hasTerms(rule);
      const headers: [string, string][] = type === undefined ? [] : [['content-type', type]];
      if (!bad && admits(rule, { method, target, headers }) === wanted) continue;
      throw where.document.failure(
        'example-fails',
        place,
        bad
          ? `${quoted(text)} is no example of a request, or its rule says nothing of requests, in ${pathText(place)}`
          : `${quoted(text)} ${wanted ? 'is not granted' : 'is granted'} by the rule in ${pathText(at)}`,
        bad
          ? 'Write METHOD PATH, and the content type if there is a body: POST /v1/messages application/json.'
          : 'A request must fulfil all of methods, paths, query and content-type; * is one part of a path, ** any number.',
      );
    }
}
