import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile, syncFolder } from '../../../host/files/replace-file.ts';
import { Failure } from '../../../model/failure.ts';
import { type SecretName, secretName } from '../../../model/names.ts';
import { whyBroad } from '../../../policy/broad-secrets.ts';
import { type Shape, shapeOf, whyNoSecret } from '../../../policy/placeholder.ts';
import { type KeptSecret, type OwnPlace, ownPlaces } from '../../../policy/secret-findings.ts';
import type { Sealer } from './sealer.ts';

export interface Secret {
  readonly value: string;
  /** When this value came. */
  readonly since: Date;
  /** Where it was found to be an operator's own. */
  readonly own: readonly OwnPlace[];
}

/** How a value comes. */
export interface Coming {
  readonly own?: readonly OwnPlace[];
  /** It was sealed by then, and waited. */
  readonly since?: Date;
  /** The value before stays, out of use, until it was found to be refused. */
  readonly keep?: boolean;
  /** Of its placeholder, in place of the one before. */
  readonly shape?: Shape;
  /** Whether it is still wanted, asked right before it is written. */
  readonly stands?: () => boolean;
}

const SEALED = '.age';
const SHAPE = '.shape';
const OWN = '.own';
const BEFORE = '.before';

/** The secrets, sealed in files of the gateway's own (age-encryption.org/v1), and open in its memory. A file is replaced as a whole and on
 *  disk before it counts, so that a death at any moment leaves the old value or the new one. */
export class Vault {
  readonly #dir: string;
  readonly sealer: Sealer;
  readonly #open = new Map<SecretName, Secret>();
  readonly #shapes = new Map<SecretName, Shape>();
  readonly #before = new Map<SecretName, string>();
  /** Another number whenever a value or a shape is another. */
  changes = 0;
  /** Names whose file does not open. */
  readonly damaged: SecretName[] = [];

  private constructor(dir: string, sealer: Sealer) {
    this.#dir = dir;
    this.sealer = sealer;
  }

  static async open(dir: string, sealer: Sealer): Promise<Vault> {
    const vault = new Vault(dir, sealer);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(dir)) {
      if (file.endsWith('.next')) rmSync(join(dir, file));
      else if (file.endsWith(BEFORE)) await vault.#loadBefore(secretName(file.slice(0, -BEFORE.length)));
      else if (file.endsWith(SHAPE)) vault.#loadShape(secretName(file.slice(0, -SHAPE.length)));
      else if (file.endsWith(SEALED)) await vault.#load(secretName(file.slice(0, -SEALED.length)));
    }
    return vault;
  }

  /** From which placeholders are made: nobody who does not have the identity can make them. */
  get placeholderKey(): Buffer {
    return createHash('sha256').update('bulkhead placeholder').update(this.sealer.key).digest();
  }

  /** Of a secret that is set, or was: an agent that is up keeps its placeholder when it is revoked. */
  shape(name: string): Shape | undefined {
    return this.#shapes.get(name as SecretName);
  }

  get(name: string): Secret | undefined {
    return this.#open.get(name as SecretName);
  }

  /** What may be known of them. */
  list(): KeptSecret[] {
    return [...this.#open].map(([name, { value, since, own }]) => {
      const broad = whyBroad(value);
      const same = [...this.#open].filter(([other, one]) => other !== name && one.value === value);
      return {
        name,
        since: since.toISOString(),
        ...(own.length > 0 && { own }),
        ...(broad !== undefined && { broad }),
        ...(same.length > 0 && { same: same.map(([other]) => other).sort() }),
        ...(this.#before.has(name) && { before: true as const }),
      };
    });
  }

  /** The value that a rotation replaced, as long as nothing has shown that it is refused. */
  before(name: SecretName): string | undefined {
    return this.#before.get(name);
  }

  forgetBefore(name: SecretName): void {
    if (!this.#before.delete(name)) return;
    rmSync(join(this.#dir, name + BEFORE), { force: true });
    syncFolder(this.#dir);
  }

  /** @throws Failure when it cannot be opened or cannot be a secret; then the one before stands */
  async set(
    name: SecretName,
    sealed: Uint8Array,
    { own = [], since = new Date(), keep = false, shape: given, stands }: Coming = {},
  ): Promise<{ replaced: boolean; changed: boolean }> {
    this.sealer.mustHaveIdentity();
    const value = await this.sealer.unseal(sealed);
    if (value === undefined)
      throw new Failure('not-sealed', `what came for ${name} is not sealed to this fleet`, 'Run the command again.', 1);
    const wrong = whyNoSecret(value);
    if (wrong !== undefined)
      throw new Failure('bad-secret', `the value for ${name} ${wrong}`, 'Give another value.', 2);
    if (stands?.() === false) return { replaced: false, changed: false };
    const before = this.#open.get(name);
    const shape = given ?? this.#shapes.get(name) ?? shapeOf(value); // the first: placeholders stay the same when it is rotated
    replaceFile(join(this.#dir, name + SHAPE), JSON.stringify(shape));
    this.#shapes.set(name, shape);
    this.changes += 1;
    const changed = before !== undefined && before.value !== value;
    if (changed && keep) this.#keepBefore(name, before.value);
    else if (!keep || this.#before.get(name) === value) this.forgetBefore(name);
    replaceFile(join(this.#dir, name + OWN), JSON.stringify(own));
    replaceFile(join(this.#dir, name + SEALED), sealed);
    utimesSync(join(this.#dir, name + SEALED), since, since);
    this.#open.set(name, { value, since, own });
    this.changes += 1;
    if (this.damaged.includes(name)) this.damaged.splice(this.damaged.indexOf(name), 1);
    return { replaced: before !== undefined, changed };
  }

  /** Its sealed file is there, so it is copied as it is. */
  #keepBefore(name: SecretName, value: string): void {
    replaceFile(join(this.#dir, name + BEFORE), readFileSync(join(this.#dir, name + SEALED)));
    this.#before.set(name, value);
  }

  /** @returns whether there was one */
  remove(name: SecretName): boolean {
    for (const kind of [SEALED, BEFORE, OWN]) rmSync(join(this.#dir, name + kind), { force: true });
    syncFolder(this.#dir);
    this.#before.delete(name);
    this.changes += 1;
    const damaged = this.damaged.indexOf(name);
    if (damaged >= 0) this.damaged.splice(damaged, 1);
    return this.#open.delete(name) || damaged >= 0;
  }

  async #load(name: SecretName): Promise<void> {
    const file = join(this.#dir, name + SEALED);
    const value = await this.#kept(file);
    if (value === undefined) this.damaged.push(name);
    else this.#open.set(name, { value, since: statSync(file).mtime, own: this.#ownOf(name) });
  }

  async #loadBefore(name: SecretName): Promise<void> {
    const value = await this.#kept(join(this.#dir, name + BEFORE));
    if (value !== undefined) this.#before.set(name, value);
  }

  /** Without an identity nothing opens, and that is no reason to let nothing pass. */
  #kept(file: string): Promise<string | undefined> {
    return this.sealer.unseal(readFileSync(file));
  }

  #ownOf(name: SecretName): OwnPlace[] {
    const file = join(this.#dir, name + OWN);
    return existsSync(file) ? ownPlaces(JSON.parse(readFileSync(file, 'utf8'))) : [];
  }

  #loadShape(name: SecretName): void {
    const { prefix, length, alphabet } = JSON.parse(readFileSync(join(this.#dir, name + SHAPE), 'utf8')) as Shape;
    this.#shapes.set(name, { prefix, length, alphabet });
  }
}
