import { ACCOUNT, filled, HOLE, type PlaceholderFile } from '../../../model/placeholder-text.ts';
import type { SecretBinding } from '../../../model/secret-binding.ts';
import { shownAccount } from '../../../policy/codex-sign-in.ts';
import { type Destination, isAt } from '../../../policy/egress.ts';
import type { Credential } from '../../../policy/place.ts';
import { placeholder, type Shape, shapeOf } from '../../../policy/placeholder.ts';
import { type Pattern, reflections } from '../../../policy/scrub.ts';
import { shapeBefore } from '../../../policy/secret-presets.ts';
import type { Vault } from './vault.ts';

/** Of agents and destinations. */
const MOST_KEPT = 1024;

/** What stands for an agent's secrets at one destination. */
export interface Here {
  readonly bound: readonly Credential[];
  /** Every placeholder that the agent may have. */
  readonly all: readonly string[];
  /** What may not stand in a request, where it is no place for it. */
  readonly stray: readonly Pattern[];
  /** What may not come back. */
  readonly reflected: readonly Pattern[];
  readonly secrets: readonly { readonly value: string; readonly shown: string }[];
}

interface Worked {
  readonly agent: string;
  readonly changes: number;
  readonly at: Map<string, Here>;
}

/** What an agent has instead of its secrets, and what stands for them at a destination. */
export class Credentials {
  readonly #vault: Vault;
  readonly #key: Buffer;
  /** Placeholders made lately: each takes a hash, and each request needs all of its agent's. */
  readonly #made = new Map<string, string>();
  /** What was worked out for the bindings of an agent, until a secret changes: each request needs it. */
  readonly #worked = new WeakMap<readonly SecretBinding[], Worked>();

  constructor(vault: Vault) {
    this.#vault = vault;
    this.#key = vault.placeholderKey;
  }

  /** The same lists as long as bindings and secrets are the same. */
  here(agent: string, bindings: readonly SecretBinding[], to: Destination): Here {
    let worked = this.#worked.get(bindings);
    if (worked?.agent !== agent || worked.changes !== this.#vault.changes) {
      worked = { agent, changes: this.#vault.changes, at: new Map() };
      this.#worked.set(bindings, worked);
    }
    const key = `${to.literal ? '=' : ''}${to.host} ${to.port}`;
    const known = worked.at.get(key);
    if (known !== undefined) return known;
    if (worked.at.size >= MOST_KEPT) worked.at.clear();
    const bound = this.at(agent, bindings, to);
    const all = this.all(agent, bindings);
    const secrets = bound.flatMap(({ value, shown }) => (value === undefined ? [] : [{ value, shown }]));
    const stray = all.map((one) => ({ find: Buffer.from(one), put: Buffer.from(one) }));
    const here = { bound, all, stray, reflected: reflections(secrets), secrets };
    worked.at.set(key, here);
    return here;
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
