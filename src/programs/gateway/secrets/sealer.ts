import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption';
import { Failure } from '../../../model/failure.ts';

/** Seals to the fleet's identity and opens what is sealed to it (age-encryption.org/v1). */
export class Sealer {
  readonly #identity: string | undefined;

  /** @param identity  `AGE-SECRET-KEY-1...`; undefined: nothing can be kept, and nothing opens */
  constructor(identity: string | undefined) {
    this.#identity = identity;
  }

  /** What others are derived from; empty without an identity. */
  get key(): string {
    return this.#identity ?? '';
  }

  /** @throws Failure `no-identity` */
  recipient(): Promise<string> {
    return identityToRecipient(this.#identified());
  }

  /** @throws Failure `no-identity` */
  async seal(text: string): Promise<Uint8Array> {
    const encrypter = new Encrypter();
    encrypter.addRecipient(await this.recipient());
    return encrypter.encrypt(text);
  }

  /** @returns undefined for what does not open: not for us, or damaged */
  async unseal(sealed: Uint8Array): Promise<string | undefined> {
    if (this.#identity === undefined) return undefined;
    const decrypter = new Decrypter();
    decrypter.addIdentity(this.#identity);
    try {
      return await decrypter.decrypt(sealed, 'text');
    } catch {
      return undefined; // its errors may quote bytes
    }
  }

  /** @throws Failure `no-identity` */
  mustHaveIdentity(): void {
    this.#identified();
  }

  #identified(): string {
    if (this.#identity !== undefined) return this.#identity;
    const hint =
      'bulkhead secrets identity says where the key is that secrets are sealed to; bulkhead up makes the first.';
    throw new Failure('no-identity', 'The gateway has no key, so it keeps no secrets.', hint, 1);
  }
}
