import { isMap, isScalar, isSeq, type Node, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';

/** Adds an entry to a list of an agent in the text of a fleet.yaml, and touches no other character of it: comments, order and spelling stay.
 *  @param key  below the agent: `['exec', 'allow']`
 *  @param entry  as YAML, on one line
 *  @param before  the entries that the list comes to now where the agent has none of its own: it replaces them
 *  @returns undefined where the text has a form that this does not know; the caller must read the result again anyway */
export function withEntry(
  text: string,
  agent: string,
  key: readonly string[],
  entry: string,
  before: readonly string[],
): string | undefined {
  const document = parseDocument(text, { version: '1.2', schema: 'core', merge: false });
  if (document.errors.length > 0) return undefined;
  const path = ['agents', agent, ...key];
  let at: unknown = document.contents;
  let depth = 0;
  for (; depth < path.length && isMap(at); depth++) {
    const next: unknown = (at as YAMLMap).get(path[depth], true);
    if (next === undefined || next === null) break;
    at = next;
  }
  if (depth === path.length) return isSeq(at) ? intoList(text, at, entry) : undefined;
  if (depth < 2 || !isMap(at)) return undefined;
  const rest = path.slice(depth);
  const [first = '', ...inner] = rest;
  const list = `[${[...before, entry].join(', ')}]`;
  const value = inner.reduceRight((value, name) => `{ ${name}: ${value} }`, list);
  return intoMap(text, at, `${first}: ${value}`);
}

function intoList(text: string, list: YAMLSeq, entry: string): string | undefined {
  const last = list.items.at(-1) as Node | undefined;
  const end = last?.range?.[1];
  if (list.flow) {
    const close = text.indexOf(']', end ?? list.range?.[0]);
    return close < 0 ? undefined : end === undefined ? splice(text, close, entry) : splice(text, end, `, ${entry}`);
  }
  const start = last?.range?.[0];
  if (end === undefined || start === undefined) return undefined;
  const indent = /^( *)- /.exec(lineOf(text, start))?.[1];
  return indent === undefined ? undefined : splice(text, lineEnd(text, end), `\n${indent}- ${entry}`);
}

function intoMap(text: string, map: YAMLMap, member: string): string | undefined {
  const start = map.range?.[0];
  if (start === undefined) return undefined;
  if (map.flow) return splice(text, start + 1, map.items.length === 0 ? ` ${member} ` : ` ${member},`);
  const [first] = map.items;
  if (!isScalar(first?.key) || first.key.range?.[0] === undefined) return undefined;
  const at = first.key.range[0];
  const indent = /^ */.exec(lineOf(text, at))?.[0] ?? '';
  if (text.slice(lineStart(text, at), at) !== indent) return undefined;
  return splice(text, at, `${member}\n${indent}`);
}

function splice(text: string, at: number, more: string): string {
  return text.slice(0, at) + more + text.slice(at);
}

function lineStart(text: string, at: number): number {
  return text.lastIndexOf('\n', at - 1) + 1;
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

function lineOf(text: string, at: number): string {
  return text.slice(lineStart(text, at), lineEnd(text, at));
}
