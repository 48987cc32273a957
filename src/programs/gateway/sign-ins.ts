import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile, syncFolder } from '../../host/replace-file.ts';
import { Failure } from '../../model/failure.ts';
import { type SecretName, secretName } from '../../model/names.ts';
import type { OwnPlace } from '../../policy/secret-findings.ts';
import { type SignIn, signInOf } from '../../policy/sign-in.ts';
import type { Outside } from './passage.ts';
import { refreshAtEndpoint } from './token-endpoint.ts';
import type { Vault } from './vault.ts';

const LOGIN = '.login';
/** So long before its end an access token is replaced. */
const EARLY_MS = 600_000;
const LOOK_MS = 30_000;

interface Held {
  readonly signIn: SignIn;
  /** Why it cannot be refreshed any more. */
  readonly refused?: string;
}

/** Sign-ins: the access token is a secret like others, under its name; the refresh token is with us alone, and never stands for anything. */
export class SignIns {
  readonly #dir: string;
  readonly #vault: Vault;
  readonly #outside: Pick<Outside, 'recorder' | 'resolve' | 'keys'>;
  readonly #held = new Map<SecretName, Held>();
  #busy = false;
  #asked = false;

  private constructor(dir: string, vault: Vault, outside: Pick<Outside, 'recorder' | 'resolve' | 'keys'>) {
    this.#dir = dir;
    this.#vault = vault;
    this.#outside = outside;
  }

  static async open(
    dir: string,
    vault: Vault,
    outside: Pick<Outside, 'recorder' | 'resolve' | 'keys'>,
  ): Promise<SignIns> {
    const all = new SignIns(dir, vault, outside);
    for (const file of readdirSync(dir).filter((file) => file.endsWith(LOGIN))) {
      const name = secretName(file.slice(0, -LOGIN.length));
      const text = await vault.sealer.unseal(readFileSync(join(dir, file)));
      const signIn = text === undefined ? undefined : signInOf(text);
      if (signIn === undefined) continue; // does not open: neither does the secret, which says so
      all.#held.set(name, { signIn });
      if (vault.get(name)?.value !== signIn.access) await vault.set(name, await vault.sealer.seal(signIn.access)); // we died in between
    }
    setInterval(() => void all.look(), LOOK_MS).unref();
    return all;
  }

  /** @throws Failure when it is none; then nothing has changed */
  async take(
    name: SecretName,
    sealed: Uint8Array,
    own: readonly OwnPlace[],
  ): Promise<{ replaced: boolean; changed: boolean }> {
    const text = await this.#vault.sealer.unseal(sealed);
    const signIn = text === undefined ? undefined : signInOf(text);
    if (signIn === undefined)
      throw new Failure('no-sign-in', `what came for ${name} is no sign-in`, 'Run the command again.', 1);
    const done = await this.#keep(name, signIn, own);
    void this.look();
    return done;
  }

  /** @returns what may be known of it */
  of(name: string): { readonly harness: string; readonly until: string; readonly refused?: string } | undefined {
    const held = this.#held.get(name as SecretName);
    if (held === undefined) return undefined;
    const { harness, until } = held.signIn;
    return { harness, until: new Date(until).toISOString(), ...(held.refused && { refused: held.refused }) };
  }

  /** The secret is set by hand, or revoked. */
  forget(name: SecretName): void {
    if (!this.#held.delete(name)) return;
    rmSync(join(this.#dir, name + LOGIN), { force: true });
    syncFolder(this.#dir);
  }

  /** Refreshes what ends soon, one after the other; asked meanwhile, it looks once more. */
  async look(): Promise<void> {
    this.#asked = true;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#asked) {
        this.#asked = false;
        for (const [name, { signIn, refused }] of [...this.#held])
          if (refused === undefined && signIn.until - Date.now() < EARLY_MS) await this.#refresh(name, signIn);
      }
    } finally {
      this.#busy = false;
    }
  }

  async #refresh(name: SecretName, before: SignIn): Promise<void> {
    const result = await refreshAtEndpoint(this.#outside, name, before);
    if (this.#held.get(name)?.signIn !== before) return; // another came meanwhile, or it was revoked
    const entry = {
      event: 'secret.refreshed',
      secret: name,
      result: result.kind,
      ...('why' in result && { why: result.why }),
    };
    void this.#outside.recorder.append([entry], 'accepted').catch(() => {}); // that it was sent is on record
    if (result.kind === 'signed-in') await this.#keep(name, result.signIn, this.#vault.get(name)?.own ?? []);
    else if (result.kind === 'refused') this.#held.set(name, { signIn: before, refused: result.why });
  }

  /** The refresh token first: it is good for one use. */
  async #keep(
    name: SecretName,
    signIn: SignIn,
    own: readonly OwnPlace[],
  ): Promise<{ replaced: boolean; changed: boolean }> {
    replaceFile(join(this.#dir, name + LOGIN), await this.#vault.sealer.seal(JSON.stringify(signIn)));
    this.#held.set(name, { signIn });
    return this.#vault.set(name, await this.#vault.sealer.seal(signIn.access), { own });
  }
}
