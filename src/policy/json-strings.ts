import { readJson } from '../model/read-json.ts';
/** A string in a JSON text, with where it stands: `text.slice(from, to)` is it with its quotes. */
export interface JsonString {
  readonly value: string;
  readonly from: number;
  readonly to: number;
  /** Names from the outermost object on, with dots between, one that has a dot itself as it stands there, quoted; elements of a list have the path of the list. Undefined: it is a name itself. */
  readonly path?: string;
}

/** Every string of a JSON text (RFC 8259), names among them, decoded.
 *  @returns why not: it is no JSON, or an object has a name twice, which readers understand differently (RFC 8259, 4) */
export function jsonStrings(text: string): JsonString[] | string {
  if (readJson(text) === undefined) return 'the body is not JSON';
  const found: JsonString[] = [];
  // Valid, so these are all that can stand in it.
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/gsy;
  const frames: { readonly names: Set<string> | undefined; readonly path: string }[] = [];
  let path = '';
  let naming = false;
  for (let at = 0; ; ) {
    while (at < text.length && /\s/.test(text[at] as string)) at++;
    if (at >= text.length) return found;
    token.lastIndex = at;
    const [word = ''] = token.exec(text) ?? [];
    if (word === '') return 'the body is not JSON';
    const frame = frames.at(-1);
    if (word === '{' || word === '[') {
      frames.push({ names: word === '{' ? new Set() : undefined, path });
      naming = word === '{';
    } else if (word === '}' || word === ']') {
      frames.pop();
      naming = false;
    } else if (word === ',') naming = frame?.names !== undefined;
    else if (word.startsWith('"')) {
      const value = JSON.parse(word) as string;
      if (naming && frame?.names) {
        if (frame.names.has(value)) return 'the body has a name twice in one object';
        frame.names.add(value);
        found.push({ value, from: at, to: at + word.length });
        // A name with a dot in it is not two names, and one of nothing is not none: in quotes it is none that a place can say.
        const part = value === '' || value.includes('.') ? word : value;
        path = frame.path === '' ? part : `${frame.path}.${part}`;
        naming = false;
      } else found.push({ value, from: at, to: at + word.length, path: frame?.names ? path : (frame?.path ?? '') });
    }
    at += word.length;
  }
}
