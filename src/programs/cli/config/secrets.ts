import { refusedEnv } from '../../../model/env-names.ts';
import type { EgressRule } from '../../../model/fleet.ts';
import { secretName } from '../../../model/names.ts';
import { isHomePath, LONGEST_ENV_TEXT, LONGEST_FILE_TEXT, whyNoText } from '../../../model/placeholder-text.ts';
import { isSecretPlace, type SecretBinding, type SecretPlace } from '../../../model/secret-binding.ts';
import { grants, ruleText } from '../../../policy/egress.ts';
import { EGRESS_PRESETS } from '../../../policy/egress-presets.ts';
import { whyNoPathPattern } from '../../../policy/paths.ts';
import { SECRET_PRESETS } from '../../../policy/secret-presets.ts';
import { egressRule } from './egress.ts';
import type { EnvInFile, SecretInFile, SecretsInFile } from './file.ts';
import { type Path, pathText, quoted } from './shown.ts';
import { settled, type Where } from './where.ts';

/** Which secrets an agent uses, each bound to where it may go. A destination must be one that `egress` grants: a secret opens nothing. */
export function secretBindings(
  where: Where,
  agent: Path,
  given: SecretsInFile,
  egress: readonly EgressRule[],
  env: EnvInFile,
): SecretBinding[] {
  return Object.entries(given).flatMap(([variable, entry]) => {
    const at = [...agent, 'secrets', variable];
    const refused = Object.hasOwn(env, variable) ? 'is set by env too' : refusedEnv(variable);
    if (refused !== undefined)
      throw where.document.failure(
        'refused-env',
        at,
        `${variable} ${refused}, in ${pathText(at)}`,
        'Take one out.',
        'key',
      );
    return bindings(where, at, variable, typeof entry === 'string' ? { secret: entry } : entry).map((binding) => {
      mustBeGranted(where, at, agent, binding, egress);
      return binding;
    });
  });
}

function bindings(where: Where, at: Path, variable: string, entry: SecretInFile): SecretBinding[] {
  const secret = secretName(entry.secret);
  const more = {
    ...(entry.methods && { methods: entry.methods }),
    ...(entry.path !== undefined && { paths: patterns(where, at, entry.path) }),
  };
  const preset = Object.hasOwn(SECRET_PRESETS, variable) ? SECRET_PRESETS[variable] : undefined;
  const held = {
    ...(preset?.as !== undefined && { as: preset.as }),
    ...(preset?.file && { file: preset.file }),
    ...heldAs(where, at, entry),
  };
  const places = entry.in === undefined ? undefined : [entry.in].flat().map((place) => placeOf(where, at, place));
  if (places?.includes('path') && entry.path === undefined)
    throw where.document.failure(
      'unbound-path',
      [...at, 'in'],
      `it is not said which paths have the secret in them, in ${pathText(at)}`,
      'Say it: path: /services/** (without it, any path that has another credential in it would pass).',
    );
  if (entry.to !== undefined) {
    const rule = settled(where, 'bad-host', [...at, 'to'], egressRule(entry.to));
    if (rule.host.startsWith('*.'))
      throw where.document.failure(
        'bad-host',
        [...at, 'to'],
        `${quoted(entry.to)} is not one host, in ${pathText(at)}`,
        'Name the one host that the secret goes to.',
      );
    return [
      {
        variable,
        secret,
        host: rule.host,
        port: rule.port,
        in: places ?? preset?.to[0]?.in ?? ['bearer'],
        ...more,
        ...held,
      },
    ];
  }
  if (preset === undefined)
    throw where.document.failure(
      'unbound-secret',
      at,
      `it is not known where ${variable} goes, in ${pathText(at)}`,
      `Say it: ${variable}: { secret: ${secret}, to: HOST }. Known by themselves are ${Object.keys(SECRET_PRESETS).join(', ')}.`,
      'key',
    );
  return preset.to.map((one) => ({
    ...{ variable, secret, host: one.host, port: 443, in: places ?? one.in },
    ...(one.paths && { paths: one.paths }),
    ...more,
    ...held,
  }));
}

/** In what text the agent has its placeholder, and in which file. */
function heldAs(where: Where, at: Path, { as, file }: SecretInFile): Pick<SecretBinding, 'as' | 'file'> {
  const fits = (key: string, text: string, most: number): void => {
    const why = whyNoText(text, most, key === 'file');
    if (why !== undefined)
      throw where.document.failure(
        'bad-text',
        [...at, key],
        `the text ${why}, in ${pathText([...at, key])}`,
        'Write {} where the placeholder goes: "https://hooks.example/{}".',
      );
  };
  if (as !== undefined) fits('as', as, LONGEST_ENV_TEXT);
  if (file === undefined) return as === undefined ? {} : { as };
  fits('file', file.text, LONGEST_FILE_TEXT);
  const path = file.path.replace(/^~\//, '');
  if (!isHomePath(path))
    throw where.document.failure(
      'bad-home-path',
      [...at, 'file', 'path'],
      `${quoted(file.path)} is no file in the agent’s home, in ${pathText(at)}`,
      'Write it as ~/.netrc or ~/.config/tool/token.',
    );
  return { ...(as !== undefined && { as }), file: { path, text: file.text } };
}

export function placeOf(where: Where, at: Path, raw: string): SecretPlace {
  const [kind = '', ...names] = raw.trim().split(/ +/);
  const name = kind.toLowerCase() === 'header' ? names.join(' ').toLowerCase() : names.join(' ');
  const place = [kind.toLowerCase(), ...(name === '' ? [] : [name])].join(' ');
  if (isSecretPlace(place)) return place;
  throw where.document.failure(
    'bad-place',
    [...at, 'in'],
    `${quoted(raw)} is not a place for a secret, in ${pathText(at)}`,
    'Write bearer, basic, "header NAME", "query NAME", "json FIELD.FIELD", path (a segment of it), or "path WORD" (behind that word).',
  );
}

function patterns(where: Where, at: Path, given: string | readonly string[]): string[] {
  return [given].flat().map((pattern) => {
    const why = whyNoPathPattern(pattern);
    if (why === undefined) return pattern;
    throw where.document.failure(
      'bad-path-pattern',
      [...at, 'path'],
      `${quoted(pattern)} ${why}, in ${pathText(at)}`,
      'Write it as /v1/messages, /repos/me/* (one part) or /v1/** (all below).',
    );
  });
}

function mustBeGranted(
  where: Where,
  at: Path,
  agent: Path,
  { host, port }: SecretBinding,
  egress: readonly EgressRule[],
): void {
  if (grants(egress, { host, port })) return;
  throw where.document.failure(
    'secret-unreachable',
    at,
    `the secret goes to ${host}:${port}, which egress does not grant, in ${pathText(at)}`,
    howToGrant(pathText([...agent, 'egress']), { host, port }, egress),
    'key',
  );
}

/** A preset grants less than its host, and a port may have been forgotten. */
function howToGrant(
  list: string,
  { host, port }: Pick<SecretBinding, 'host' | 'port'>,
  egress: readonly EgressRule[],
): string {
  const preset = Object.entries(EGRESS_PRESETS).find(([, rules]) =>
    rules.some((rule) => rule.host === host && rule.port === port),
  );
  if (preset) return `Add the preset of that service to ${list}: ${preset[0]}`;
  const other = egress.find((rule) => rule.host === host);
  return `Add it to ${list}: ${ruleText({ host, port })}${other ? `; or say what is granted: to: "${host}:${other.port}"` : ''}`;
}
