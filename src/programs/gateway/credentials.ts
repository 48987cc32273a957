import { ACCOUNT, filled, HOLE, type PlaceholderFile } from '../../model/placeholder-text.ts';
import type { SecretBinding } from '../../model/secret-binding.ts';
import { shownAccount } from '../../policy/codex-sign-in.ts';
import { type Destination, isAt } from '../../policy/egress.ts';
import type { Credential } from '../../policy/place.ts';
import { placeholder, type Shape, shapeOf } from '../../policy/placeholder.ts';
import { type Pattern, reflections } from '../../policy/scrub.ts';
import { shapeBefore } from '../../policy/secret-presets.ts';
import type { Vault } from './vault.ts';

/** Of agents and destinations. */
const MOST_KEPT = 1024;

export interface Patterns {
  readonly stray: readonly Pattern[];
  readonly reflected: readonly Pattern[];
  readonly secrets: readonly { readonly value: string; readonly shown: string }[];
}

/** What an agent has instead of its secrets, and what stands for them at a destination. */
export class Credentials {
  readonly #vault: Vault;
  readonly #key: Buffer;
  /** Placeholders made lately: each takes a hash, and each request needs all of its agent's. */
  readonly #made = new Map<string, string>();
  readonly #patterns = new Map<string, { readonly of: string; readonly patterns: Patterns }>();

  constructor(vault: Vault) {
    this.#vault = vault;
    this.#key = vault.placeholderKey;
  }

  /** What may not stand in a request to a destination, and what may not come back: the same lists as long as they say the same. */
  patterns(agent: string, { host, port }: Destination, all: readonly string[], bound: readonly Credential[]): Patterns {
    const key = [agent, host, port].join(' ');
    const of = JSON.stringify([all, bound.map(({ value, shown }) => [value, shown])]);
    const known = this.#patterns.get(key);
    if (known?.of === of) return known.patterns;
    if (this.#patterns.size >= MOST_KEPT) this.#patterns.clear();
    const secrets = bound.flatMap(({ value, shown }) => (value === undefined ? [] : [{ value, shown }]));
    const patterns = {
      stray: all.map((one) => ({ find: Buffer.from(one), put: Buffer.from(one) })),
      reflected: reflections(secrets),
      secrets,
    };
    this.#patterns.set(key, { of, patterns });
    return patterns;
  }

  /** The variables of an agent. */
  placeholders(agent: string, bindings: readonly SecretBinding[]): Record<string, string> {
    return Object.fromEntries(
      bindings
        .filter(({ lent }) => lent === undefined)
        .map((binding) => [binding.variable, filled(binding.as ?? HOLE, this.#stands(agent, binding)[0] as string)]),
    );
  }

  /** The files of its home that hold one. */
  files(agent: string, bindings: readonly SecretBinding[]): PlaceholderFile[] {
    const found = bindings.flatMap((binding): PlaceholderFile[] => {
      if (binding.file === undefined) return [];
      const stand = this.#stands(agent, binding)[0] as string;
      const text = binding.file.text.replaceAll(ACCOUNT, shownAccount(stand) ?? ACCOUNT);
      return [{ path: binding.file.path, text: filled(text, stand) }];
    });
    return [...new Map(found.map((file) => [file.path, file])).values()];
  }

  /** Every placeholder that an agent may have. */
  all(agent: string, bindings: readonly SecretBinding[]): string[] {
    return [...new Set(bindings.flatMap((binding) => this.#stands(agent, binding)))];
  }

  /** What stands for one secret, whatever it is bound to. */
  standing(agent: string, bindings: readonly SecretBinding[], secret: string): string[] {
    return this.all(
      agent,
      bindings.filter((one) => one.secret === secret),
    );
  }

  at(agent: string, bindings: readonly SecretBinding[], to: Destination): Credential[] {
    return bindings
      .filter((binding) => isAt(binding, to))
      .map((binding) => {
        const { lent } = binding;
        if (lent) return { binding, stands: [lent.stand], shown: lent.stand, value: lent.value };
        const value = this.#vault.get(binding.secret)?.value;
        const context = [agent, binding.variable, binding.secret];
        const shown = value === undefined ? '' : this.#placeholder(context, shapeOf(value));
        return { binding, stands: this.#stands(agent, binding), shown, ...(value !== undefined && { value }) };
      });
  }

  /** Of the shape of what was set first; and of the shape that stood for it before, which an agent that was up by then still has. */
  #stands(agent: string, { variable, secret, lent }: SecretBinding): string[] {
    if (lent) return [lent.stand];
    const shape = this.#vault.shape(secret);
    const shapes = [...(shape === undefined ? [] : [shape]), shapeBefore(variable)];
    return shapes.map((one) => this.#placeholder([agent, variable, secret], one));
  }

  #placeholder(context: readonly string[], shape: Shape): string {
    const key = JSON.stringify([context, shape.prefix, shape.length, shape.alphabet]);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    if (this.#made.size >= MOST_KEPT) this.#made.clear();
    const made = placeholder(this.#key, context, shape);
    this.#made.set(key, made);
    return made;
  }
}
