import { isAlias, isMap, isScalar, isSeq, type Node } from 'yaml';
import type { Failure } from '../../../model/failure.ts';
import { Origin } from './origin.ts';
import { INVISIBLE, type Path, pathText, quoted } from './shown.ts';
import { composeYaml } from './yaml.ts';

/** Offsets of a value and of its key, and how a scalar was written. */
interface Place {
  readonly key: number;
  readonly value: number;
  readonly written?: string;
}

/** A YAML file as plain data that remembers where everything stood. Built from text that anybody may have written. */
export class FleetDocument {
  readonly value: unknown;
  readonly #origin: Origin;
  readonly #places: Map<string, Place> = new Map();

  /** @param file  the file's name in messages
   *  @throws Failure on what `composeYaml` refuses, and on anchors, aliases, tags, duplicate keys, keys that are not text, and
   *  escapes that stand for control characters */
  constructor(text: string, file: string) {
    this.#origin = new Origin(text, file);
    this.value = this.#plain(composeYaml(this.#origin), []);
  }

  /** How a scalar was written, quotes off: `0777` stays `0777` though its value is 777. */
  written(path: Path): string | undefined {
    return this.#places.get(JSON.stringify(path))?.written;
  }

  /** Where a path's key or value stands, or the nearest thing around it that exists. */
  offset(path: Path, part: 'key' | 'value' = 'value'): number {
    for (let length = path.length; length >= 0; length--) {
      const place = this.#places.get(JSON.stringify(path.slice(0, length)));
      if (place) return length === path.length ? place[part] : place.key;
    }
    return 0;
  }

  failure(code: string, path: Path, message: string, hint: string, part: 'key' | 'value' = 'value'): Failure {
    return this.#origin.failure(code, this.offset(path, part), message, hint);
  }

  failureAt(code: string, offset: number, message: string, hint: string): Failure {
    return this.#origin.failure(code, offset, message, hint);
  }

  #plain(node: unknown, path: Path, key?: number): unknown {
    if (node === null || node === undefined) return null;
    const at = (node as Node).range?.[0] ?? 0;
    this.#refuseMarks(node as Node, at);
    const written = isScalar(node) ? node.source : undefined;
    const place = { key: key ?? at, value: at };
    this.#places.set(JSON.stringify(path), written === undefined ? place : { ...place, written });
    if (isSeq(node)) return node.items.map((item, i) => this.#plain(item, [...path, i]));
    if (isMap(node)) return this.#map(node.items, path);
    if (!isScalar(node))
      throw this.failureAt('bad-yaml', at, 'this is not a value', 'Write text, a list or a mapping.');
    if (typeof node.value === 'string') this.#refuseControls(node.value, at, path);
    return node.value;
  }

  #map(items: readonly { key: unknown; value: unknown }[], path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const { key, value } of items) {
      const at = (key as Node | null)?.range?.[0] ?? this.offset(path);
      if (key) this.#refuseMarks(key as Node, at);
      if (!isScalar(key) || typeof key.value !== 'string')
        throw this.failureAt(
          'bad-key',
          at,
          `a key in ${pathText(path)} is not text`,
          'Keys are words; quote other ones.',
        );
      const name = key.value;
      this.#refuseControls(name, at, path);
      if (name === '__proto__')
        throw this.failureAt('unknown-key', at, `unknown key "__proto__" in ${pathText(path)}`, 'Take it out.');
      if (Object.hasOwn(result, name))
        throw this.failureAt(
          'duplicate-key',
          at,
          `${quoted(name)} stands twice in ${pathText(path)}`,
          'Keep one of the two; nothing is merged or silently replaced.',
        );
      result[name] = this.#plain(value, [...path, name], at);
    }
    return result;
  }

  #refuseMarks(node: Node, at: number): void {
    if (isAlias(node) || (node as { anchor?: string }).anchor !== undefined)
      throw this.failureAt(
        'bad-yaml',
        at,
        'anchors (&) and aliases (*) are not used in a fleet.yaml',
        'Write the value out, or put what all agents share under defaults.',
      );
    if (node.tag !== undefined)
      throw this.failureAt(
        'bad-yaml',
        at,
        'tags (!) are not used in a fleet.yaml',
        'Put a value in quotes to make it text.',
      );
  }

  #refuseControls(text: string, at: number, path: Path): void {
    if (!INVISIBLE.test(text.replace(/[\t\n]/g, ' '))) return;
    throw this.failureAt(
      'invisible-character',
      at,
      `text in ${pathText(path)} has an invisible character in it`,
      'Take the control character, or the escape that stands for it, out.',
    );
  }
}
