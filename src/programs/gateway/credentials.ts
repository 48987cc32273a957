import { filled, HOLE, type PlaceholderFile } from '../../model/placeholder-text.ts';
import type { SecretBinding } from '../../model/secret-binding.ts';
import type { Destination } from '../../policy/egress.ts';
import type { Credential } from '../../policy/place.ts';
import { placeholder, shapeOf } from '../../policy/placeholder.ts';
import { shapeBefore } from '../../policy/secret-presets.ts';
import type { Vault } from './vault.ts';

/** What an agent has instead of its secrets, and what stands for them at a destination. */
export class Credentials {
  readonly #vault: Vault;

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** The variables of an agent. */
  placeholders(agent: string, bindings: readonly SecretBinding[]): Record<string, string> {
    return Object.fromEntries(
      bindings.map((binding) => [
        binding.variable,
        filled(binding.as ?? HOLE, this.#stands(agent, binding)[0] as string),
      ]),
    );
  }

  /** The files of its home that hold one. */
  files(agent: string, bindings: readonly SecretBinding[]): PlaceholderFile[] {
    const found = bindings.flatMap((binding): PlaceholderFile[] =>
      binding.file
        ? [{ path: binding.file.path, text: filled(binding.file.text, this.#stands(agent, binding)[0] as string) }]
        : [],
    );
    return [...new Map(found.map((file) => [file.path, file])).values()];
  }

  /** Every placeholder that an agent may have. */
  all(agent: string, bindings: readonly SecretBinding[]): string[] {
    return [...new Set(bindings.flatMap((binding) => this.#stands(agent, binding)))];
  }

  at(agent: string, bindings: readonly SecretBinding[], { host, port }: Destination): Credential[] {
    return bindings
      .filter((binding) => binding.host === host && binding.port === port)
      .map((binding) => {
        const value = this.#vault.get(binding.secret)?.value;
        const context = [agent, binding.variable, binding.secret];
        const shown = value === undefined ? '' : placeholder(this.#vault.placeholderKey, context, shapeOf(value));
        return { binding, stands: this.#stands(agent, binding), shown, ...(value !== undefined && { value }) };
      });
  }

  /** Of the shape of what was set first; and of the shape that stood for it before, which an agent that was up by then still has. */
  #stands(agent: string, { variable, secret }: SecretBinding): string[] {
    const shape = this.#vault.shape(secret);
    const shapes = [...(shape === undefined ? [] : [shape]), shapeBefore(variable)];
    return shapes.map((one) => placeholder(this.#vault.placeholderKey, [agent, variable, secret], one));
  }
}
