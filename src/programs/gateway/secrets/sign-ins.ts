import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile, syncFolder } from '../../../host/files/replace-file.ts';
import { Failure } from '../../../model/failure.ts';
import { type SecretName, secretName } from '../../../model/names.ts';
import type { OwnPlace } from '../../../policy/secret-findings.ts';
import { HARNESSES, type Harness, type SignIn, shapeOfSignIn, signInOf } from '../../../policy/sign-in.ts';
import type { Outside } from '../door.ts';
import { type Asker, type Refreshed, refreshAtEndpoint } from './token-endpoint.ts';
import type { Vault } from './vault.ts';

const LOGIN = '.login';
/** So long before its end an access token is replaced. */
const EARLY_MS = 600_000;
const LOOK_MS = 30_000;
/** One that came to nothing is tried again after this, twice as long each time, up to the other: each try is two lines of the record. */
const FIRST_WAIT_MS = 30_000;
const LONGEST_WAIT_MS = 300_000;
/** An agent that asks again so soon gets the answer of before: it may ask as often as it likes, and what its placeholder stands for is
 *  refreshed by us. */
const AGAIN_MS = 300_000;
/** The same of an answer that the endpoint is too busy or broken, or wants fewer requests (RFC 9110, 15.6; RFC 6585, 4): the operator's account is what
 *  it would be held against. */
const BUSY_MS = 10_000;
const BUSY = 429;

type World = Pick<Outside, 'recorder' | 'resolve' | 'keys'>;

interface Held {
  readonly signIn: SignIn;
  /** New, and not on disk yet. */
  readonly unsaved?: true;
  /** Why it cannot be refreshed any more. */
  readonly refused?: string;
}

/** Sign-ins: the access token is a secret like others, under its name; the refresh token is with us alone, and never stands for anything. */
export class SignIns {
  readonly #dir: string;
  readonly #vault: Vault;
  readonly #outside: World;
  readonly #held = new Map<SecretName, Held>();
  readonly #going = new Map<SecretName, Promise<Refreshed>>();
  readonly #last = new Map<SecretName, { readonly until: number; readonly said: Refreshed }>();
  /** Not before `at` by ourselves. */
  readonly #waits = new Map<SecretName, { readonly at: number; readonly ms: number }>();
  #busy = false;
  #asked = false;

  private constructor(dir: string, vault: Vault, outside: World) {
    this.#dir = dir;
    this.#vault = vault;
    this.#outside = outside;
  }

  static async open(dir: string, vault: Vault, outside: World): Promise<SignIns> {
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
    this.#last.delete(name);
    this.#waits.delete(name);
    const done = await this.#keep(name, signIn, own, true);
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

  /** Where what it stands for is refreshed. @returns undefined: it is no sign-in */
  endpointOf(name: SecretName): Harness['token'] | undefined {
    const held = this.#held.get(name);
    return held && HARNESSES[held.signIn.harness].token;
  }

  /** The secret is set by hand, or revoked. */
  forget(name: SecretName): void {
    this.#last.delete(name);
    this.#waits.delete(name);
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
        for (const [name, { signIn, refused, unsaved }] of [...this.#held]) {
          if (unsaved) await this.#keep(name, signIn, this.#vault.get(name)?.own ?? []).catch(() => {}); // tried again
          const ends = refused === undefined && signIn.until - Date.now() < EARLY_MS;
          if (ends && Date.now() >= (this.#waits.get(name)?.at ?? 0)) await this.refresh(name);
        }
      }
    } finally {
      this.#busy = false;
    }
  }

  /** One at a time for each; who comes while it goes on, or right behind, gets what came of it. What is new is on disk by then. */
  refresh(name: SecretName, asker?: Asker): Promise<Refreshed> {
    const last = this.#last.get(name);
    if (asker && last && performance.now() < last.until) return Promise.resolve(last.said);
    const going = this.#going.get(name) ?? this.#refresh(name, asker).finally(() => this.#going.delete(name));
    this.#going.set(name, going);
    return going;
  }

  async #refresh(name: SecretName, asker: Asker | undefined): Promise<Refreshed> {
    const { signIn: before, refused } = this.#held.get(name) ?? {};
    if (before === undefined) return { kind: 'later', why: 'there is no sign-in' };
    if (refused !== undefined) return { kind: 'refused', why: refused };
    const result = await refreshAtEndpoint(this.#outside, name, before, asker);
    if (this.#held.get(name)?.signIn !== before) return { kind: 'later', why: 'it was signed in anew meanwhile' };
    this.#wait(name, result.kind === 'later');
    const entry = {
      event: 'secret.refreshed',
      secret: name,
      result: result.kind,
      ...('why' in result && { why: result.why }),
    };
    void this.#outside.recorder.append([entry], 'accepted').catch(() => {}); // that it was sent is on record
    if (result.kind === 'signed-in') {
      try {
        await this.#keep(name, result.signIn, this.#vault.get(name)?.own ?? []);
      } catch (error) {
        return { kind: 'later', why: `it cannot be kept: ${(error as Error).message}` };
      }
      this.#last.set(name, { until: performance.now() + AGAIN_MS, said: result });
    } else if (result.kind === 'refused') this.#held.set(name, { signIn: before, refused: result.why });
    else if ((result.answer?.status ?? 0) >= BUSY)
      this.#last.set(name, { until: performance.now() + BUSY_MS, said: result });
    return result;
  }

  #wait(name: SecretName, again: boolean): void {
    const before = this.#waits.get(name);
    const ms = before === undefined ? FIRST_WAIT_MS : Math.min(2 * before.ms, LONGEST_WAIT_MS);
    if (again) this.#waits.set(name, { at: Date.now() + ms, ms });
    else this.#waits.delete(name);
  }

  /** The refresh token first: it is good for one use, and is held here even if it cannot be written. Of two at a time, and where it is revoked
   *  meanwhile, what came last stands.
   *  @param fresh  a person has signed in: whose it is may be another now, and what cannot be written was not taken */
  async #keep(
    name: SecretName,
    signIn: SignIn,
    own: readonly OwnPlace[],
    fresh: boolean = false,
  ): Promise<{ replaced: boolean; changed: boolean }> {
    const before = this.#held.get(name);
    const stands = (): boolean => this.#held.get(name)?.signIn === signIn;
    this.#held.set(name, { signIn, unsaved: true });
    try {
      const file = await this.#vault.sealer.seal(JSON.stringify(signIn));
      const access = await this.#vault.sealer.seal(signIn.access);
      if (stands()) replaceFile(join(this.#dir, name + LOGIN), file);
      const shape = fresh ? shapeOfSignIn(signIn) : undefined;
      const done = await this.#vault.set(name, access, { own, stands, ...(shape && { shape }) });
      if (stands()) this.#held.set(name, { signIn });
      return done;
    } catch (error) {
      if (fresh && stands() && before) this.#held.set(name, before);
      else if (fresh && stands()) this.#held.delete(name);
      throw error;
    }
  }
}
