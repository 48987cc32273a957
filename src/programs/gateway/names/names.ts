import { appendFileSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentName } from '../../../model/names.ts';
import { type Address, addressBytes, addressOf } from '../../../protocol/address.ts';

export const INTERNAL = 'bulkhead.internal';
/** Our own name has number 1, granted names start at 16. */
const OWN = 1;
const FIRST = 16;

/** The names of one agent and their synthetic addresses: number n is 198.18.0.0 + n and fd62:6862::n. An address never gets a
 *  second name while the compartment lives: each allocation is in the file before it is answered, and read back on a restart.
 *  One name per line; the line's number gives the address. */
export class SyntheticNames {
  readonly #file: string;
  readonly #most: number;
  readonly #numbers = new Map<string, number>();
  readonly #names: string[] = [];
  /** By their addresses, as the kernel writes them. */
  readonly #byAddress = new Map<string, string>();

  /** @throws if the file cannot be read */
  constructor(dir: string, agent: AgentName, most: number) {
    this.#file = join(dir, `${agent}.names`);
    this.#most = most;
    for (const name of readLines(this.#file)) this.#hold(name);
  }

  /** @returns undefined when the agent has used up its names */
  numberOf(name: string): number | undefined {
    if (name === INTERNAL) return OWN;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#names.length >= this.#most) return undefined;
    appendFileSync(this.#file, `${name}\n`, { mode: 0o600 });
    return this.#hold(name);
  }

  /** @returns undefined for a synthetic address that stands for nothing */
  nameOf(number: number): string | undefined {
    return number === OWN ? INTERNAL : this.#names[number - FIRST];
  }

  /** The name that an address of an accepted connection stands for, if it has one and is written in the usual way. */
  at(address: string): string | undefined {
    return this.#byAddress.get(address);
  }

  /** The compartment is gone. */
  forget(): void {
    rmSync(this.#file, { force: true });
    this.#numbers.clear();
    this.#byAddress.clear();
    this.#names.length = 0;
  }

  #hold(name: string): number {
    this.#names.push(name);
    const number = FIRST + this.#names.length - 1;
    this.#numbers.set(name, number);
    const { v4, v6 } = syntheticAddresses(number);
    this.#byAddress.set(v4, name).set(v6, name);
    return number;
  }
}

/** A last line without its end was never answered: it is cut off, so that the next name does not grow onto it. */
function readLines(file: string): string[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) truncateSync(file, Buffer.byteLength(whole));
  return whole.split('\n').slice(0, -1);
}

export function syntheticAddresses(number: number): { readonly v4: Address; readonly v6: Address } {
  const [high, low] = [(number >> 8) & 255, number & 255];
  return {
    v4: addressOf([198, 18 + ((number >> 16) & 1), high, low]),
    v6: addressOf([0xfd, 0x62, 0x68, 0x62, 0, 0, 0, 0, 0, 0, 0, 0, 0, (number >> 16) & 255, high, low]),
  };
}

/** @returns undefined when the address is not synthetic */
export function syntheticNumber(address: Address): number | undefined {
  const bytes = addressBytes(address);
  const low = ((bytes.at(-2) ?? 0) << 8) | (bytes.at(-1) ?? 0);
  if (bytes.length === 4)
    return bytes[0] === 198 && (bytes[1] === 18 || bytes[1] === 19) ? ((bytes[1] - 18) << 16) | low : undefined;
  const prefix = [0xfd, 0x62, 0x68, 0x62, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  return prefix.every((byte, i) => bytes[i] === byte) ? ((bytes[13] ?? 0) << 16) | low : undefined;
}
