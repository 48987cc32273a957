import type { z } from 'zod';
import type { Failure } from '../../../model/failure.ts';
import { suggest } from '../suggest.ts';
import type { FleetDocument } from './document.ts';
import { keysAt } from './keys.ts';
import { isLaterKey, isLaterValue, laterHint } from './later.ts';
import { type Path, pathText, quoted } from './shown.ts';

type Issue = z.core.$ZodIssue;

/** One thing wrong with the shape of a file, in words. */
interface Complaint {
  readonly code: string;
  readonly path: Path;
  readonly part: 'key' | 'value';
  readonly message: string;
  readonly hint: string;
}

/** The first of zod's issues, by place in the file; what is missing comes last, because a misspelt key is the usual reason. */
export function explain(document: FleetDocument, issues: readonly Issue[], file: string): Failure {
  const all = issues.flatMap((issue) => complaints(document.value, [], issue, file));
  const [first] = all
    .map((complaint) => ({ ...complaint, offset: document.offset(complaint.path, complaint.part) }))
    .sort((a, b) => Number(a.code === 'missing-key') - Number(b.code === 'missing-key') || a.offset - b.offset);
  if (first === undefined) throw new Error('there is nothing to explain');
  return document.failureAt(first.code, first.offset, first.message, first.hint);
}

function complaints(root: unknown, base: Path, issue: Issue, file: string): Complaint[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  const value = valueAt(root, path);
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, file));
    case 'invalid_union': {
      const meant = branch(value, issue);
      return meant === undefined ? [other(path, value, issue)] : complaints(root, path, meant, file);
    }
    case 'invalid_key': {
      const [message, hint] = sentence(issue.issues[0]?.message ?? '');
      const text = `${quoted(path.at(-1))} in ${pathText(path.slice(0, -1))} ${message}`;
      return [{ code: 'bad-name', path, part: 'key', message: text, hint }];
    }
    case 'invalid_value':
      return [notOneOf(path, value, issue.values.map(String))];
    default:
      return [other(path, value, issue)];
  }
}

function unknownKey(path: Path, key: string, file: string): Complaint {
  const full = [...path, key];
  const where = path.length === 0 ? '' : ` in ${pathText(path)}`;
  if (isLaterKey(path, key))
    return {
      code: 'not-yet',
      path: full,
      part: 'key',
      message: `${quoted(key)}${where} is not supported yet`,
      hint: laterHint(key),
    };
  const known = keysAt(path);
  const meant = suggest(key, known);
  const first = meant === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean ${quoted(meant)}?`;
  const hint = `${first}  bulkhead plan -f ${file} checks the file without changing anything.`;
  return { code: 'unknown-key', path: full, part: 'key', message: `unknown key ${quoted(key)}${where}`, hint };
}

function notOneOf(path: Path, value: unknown, known: readonly string[]): Complaint {
  const at = { path, part: 'value' } as const;
  if (value === undefined) return missing(path);
  if (isLaterValue(path, value))
    return {
      ...at,
      code: 'not-yet',
      message: `${quoted(value)} in ${pathText(path)} is not supported yet`,
      hint: `This version knows: ${known.join(', ')}.`,
    };
  const meant = typeof value === 'string' ? suggest(value, known) : undefined;
  const choices = known.length === 1 ? `The only choice is ${known[0]}.` : `Choose from: ${known.join(', ')}.`;
  const hint = meant === undefined ? choices : `Did you mean ${quoted(meant)}?  ${choices}`;
  return { ...at, code: 'bad-value', message: `${told(path, value)} is not one of the choices`, hint };
}

function other(path: Path, value: unknown, issue: Issue): Complaint {
  if (value === undefined) return missing(path);
  const at = { path, part: 'value' } as const;
  if (value === null)
    return {
      ...at,
      code: 'no-value',
      message: path.length === 0 ? 'the file is empty' : `${pathText(path)} has no value`,
      hint: noValueHint(path),
    };
  if (issue.code === 'invalid_type' && !issue.message.includes('\n')) {
    const [noun, hint] = NOUNS[issue.expected] ?? ['what belongs here', 'See schema/fleet.schema.json.'];
    return { ...at, code: 'bad-value', message: `${told(path, value)} is not ${noun}`, hint };
  }
  const [message, hint] = sentence(issue.message);
  const code = issue.code === 'too_small' && issue.origin === 'array' ? 'empty-list' : 'bad-value';
  const subject = code === 'empty-list' ? pathText(path) : told(path, value);
  return { ...at, code, message: `${subject} ${message}`, hint };
}

const NOUNS: Readonly<Record<string, readonly [string, string]>> = {
  string: ['text', 'Write text; put it in quotes if it looks like a number.'],
  number: ['a number', 'Write a whole number, without quotes.'],
  int: ['a whole number', 'Write a whole number, without quotes.'],
  boolean: ['true or false', 'Write true or false, without quotes.'],
  array: ['a list', 'Write [ONE, TWO], or one entry per line after a dash.'],
  object: ['a mapping', 'Write indented lines of the form key: value, or { key: value }.'],
  record: ['a mapping', 'Write indented lines of the form NAME: value, or { NAME: value }.'],
};

function missing(path: Path): Complaint {
  const where = path.length === 1 ? '' : ` in ${pathText(path.slice(0, -1))}`;
  const hint =
    path.length === 1 && path[0] === 'fleet' ? 'Begin the file with a name for the fleet: fleet: home' : 'Add it.';
  return {
    code: 'missing-key',
    path: path.slice(0, -1),
    part: 'key',
    message: `${quoted(path.at(-1))} is missing${where}`,
    hint,
  };
}

function noValueHint(path: Path): string {
  if (path.length === 2 && path[0] === 'agents')
    return `Write ${path[1]}: {} for an agent with nothing but the defaults.`;
  return path.length === 0
    ? 'Begin with fleet: NAME and agents: with at least one agent.'
    : 'Give it one, or take the key out.';
}

/** What stands in env may be a secret that went to the wrong place: it is never repeated in a message. */
function told(path: Path, value: unknown): string {
  return path.includes('env') ? `the value of ${pathText(path)}` : `${quoted(value)} in ${pathText(path)}`;
}

function sentence(message: string): [string, string] {
  const [first = '', second = 'See schema/fleet.schema.json.'] = message.split('\n');
  return [message.includes('\n') ? first : 'does not fit here', second];
}

/** Of a union, the branch that was meant: the one whose first complaint is not about the type of the whole value. */
function branch(value: unknown, issue: Extract<Issue, { code: 'invalid_union' }>): Issue | undefined {
  const meant = issue.errors.find((errors) => !(errors[0]?.code === 'invalid_type' && errors[0].path.length === 0));
  if (meant !== undefined || issue.message.includes('\n')) return meant?.[0];
  return (typeof value === 'object' && value !== null ? issue.errors.at(-1) : issue.errors[0])?.[0];
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
