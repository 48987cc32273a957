import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile, syncFolder } from '../../../host/files/replace-file.ts';
import type { SshBinding } from '../../../model/ssh-binding.ts';
import { ed25519Blob } from '../../../protocol/ssh-key.ts';
import type { Sealer } from '../secrets/sealer.ts';

export interface SshKey {
  readonly agent: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly since: Date;
  readonly key: KeyObject;
  /** The public half, as it goes over the wire. */
  readonly blob: Buffer;
}

type Place = Pick<SshBinding, 'host' | 'port' | 'user'>;

/** Agents' Ed25519 keys (RFC 8709), one for each destination: made here, sealed in files of the gateway's own beside the secrets and to the
 *  same identity, open in its memory only. */
export class SshKeys {
  readonly #dir: string;
  readonly #sealer: Sealer;
  /** By file. */
  readonly #open = new Map<string, SshKey>();
  /** Files that do not open: their keys are lost, and none is made in their place unasked. */
  readonly #damaged = new Set<string>();
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(dir: string, sealer: Sealer) {
    this.#dir = dir;
    this.#sealer = sealer;
  }

  static async open(dir: string, sealer: Sealer): Promise<SshKeys> {
    const keys = new SshKeys(dir, sealer);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    for (const file of readdirSync(dir)) {
      if (file.endsWith('.next')) rmSync(join(dir, file));
      else if (file.endsWith('.age')) await keys.#load(file);
    }
    return keys;
  }

  get(agent: string, at: Place): SshKey | undefined {
    return this.#open.get(fileOf(agent, at));
  }

  isDamaged(agent: string, at: Place): boolean {
    return this.#damaged.has(fileOf(agent, at));
  }

  /** Makes what is not there. One at a time.
   *  @param before  told of each before it is in use; if it rejects, there is none */
  complete(agent: string, places: readonly Place[], before: (key: SshKey) => Promise<void>): Promise<void> {
    return this.#alone(async () => {
      for (const at of places)
        if (!this.get(agent, at) && !this.isDamaged(agent, at)) await this.#make(agent, at, before);
    });
  }

  /** Another key in place of the one there is, which is gone for good. */
  renew(agent: string, at: Place, before: (key: SshKey) => Promise<void>): Promise<void> {
    return this.#alone(() => this.#make(agent, at, before));
  }

  /** Agents that are not in the fleet any more take their keys with them. */
  keepOnly(agents: readonly string[]): void {
    const gone = [...this.#open].filter(([, { agent }]) => !agents.includes(agent));
    for (const [file] of gone) {
      rmSync(join(this.#dir, file), { force: true });
      this.#open.delete(file);
    }
    if (gone.length > 0) syncFolder(this.#dir);
  }

  async #make(agent: string, { host, port, user }: Place, before: (key: SshKey) => Promise<void>): Promise<void> {
    this.#sealer.mustHaveIdentity();
    const { privateKey } = generateKeyPairSync('ed25519');
    const made = keyOf({ agent, host, port, user, since: new Date(), key: privateKey });
    const sealed = await this.#sealer.seal(
      JSON.stringify({
        ...{ agent, host, port, user, since: made.since.toISOString() },
        key: privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64'),
      }),
    );
    await before(made);
    const file = fileOf(agent, made);
    replaceFile(join(this.#dir, file), sealed);
    this.#damaged.delete(file);
    this.#open.set(file, made);
  }

  async #load(file: string): Promise<void> {
    try {
      const kept = JSON.parse((await this.#sealer.unseal(readFileSync(join(this.#dir, file)))) ?? '');
      const { agent, host, port, user, since, key } = kept as Record<string, string>;
      const opened = createPrivateKey({ key: Buffer.from(key ?? '', 'base64'), type: 'pkcs8', format: 'der' });
      const place = { agent: String(agent), host: String(host), port: Number(port), user: String(user) };
      if (fileOf(place.agent, place) !== file) throw new Error('another key’s file');
      this.#open.set(file, keyOf({ ...place, since: new Date(String(since)), key: opened }));
    } catch {
      this.#damaged.add(file); // its errors may quote bytes
    }
  }

  #alone<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(act);
    this.#turn = mine.catch(() => {}); // whoever asked is told
    return mine;
  }
}

function keyOf(parts: Omit<SshKey, 'blob'>): SshKey {
  const { x = '' } = createPublicKey(parts.key).export({ format: 'jwk' });
  return { ...parts, blob: ed25519Blob(Buffer.from(x, 'base64url')) };
}

function fileOf(agent: string, { host, port, user }: Place): string {
  const name = JSON.stringify([agent, host, port, user]);
  return `${createHash('sha256').update(name).digest('hex').slice(0, 32)}.age`;
}
