/** One line of a stub: what an assembler would be given, what it is for, and its bytes. A place that another line names has a
 *  label. `fill` says which bits of the bytes, zero in the table, hold a distance or a length. */
export interface Instruction {
  readonly label?: string;
  readonly text: string;
  readonly why?: string;
  /** Hexadecimal, in the order in which they stand in memory. */
  readonly bytes: string;
  readonly fill?: Fill;
}

/** Distances are to the place named. x86-64 counts from the end of the instruction, in bytes: `rel8` the last byte, `rel32` the last
 *  four. aarch64 counts from its beginning: `imm14`, `imm19` and `imm26` in words, `adr` in bytes. `length` is that of the text named. */
export interface Fill {
  readonly form: 'rel8' | 'rel32' | 'imm14' | 'imm19' | 'imm26' | 'adr' | 'length32' | 'length16';
  readonly to: string;
}

/** What the stub says itself, each ending in a newline; `empty` is the path that makes execveat(2) take the descriptor alone. */
export const TEXTS: Readonly<Record<string, string>> = {
  empty: '\0',
  gone: 'bulkhead: the exec gate does not answer, so this program is not started\n',
  unknown: 'bulkhead: the command outside was lost, and how it ended is not known\n',
  broken: 'bulkhead: this program could not be started here: what interprets it, or room for it, is missing\n',
};

/** The first descriptor that is tried for the program; while one is taken, the next lower. It must be below the soft limit on open
 *  files, and high enough that scripts do not use it. A chain of scripts takes one each. */
export const FIRST_FD = 250;
/** What the gate answers instead of a program (asm-generic/errno.h). ERESTART: ask again, for example because the agent was paused
 *  meanwhile. EKEYREJECTED: the refusal is one line to be read from the descriptor. No exec fails with either. */
export const ASK_AGAIN = 85;
export const REFUSED = 129;
/** EREMOTEIO: a command runs outside in its place; on the descriptor is a socket to it. */
export const OUTSIDE = 121;

export function line(bytes: string, text: string, why?: string, fill?: Fill): Instruction {
  return { bytes, text, ...(why === undefined ? {} : { why }), ...(fill && { fill }) };
}

export function at(label: string, instruction: Instruction): Instruction {
  return { ...instruction, label };
}

/** Lays the lines and the texts out one after the other and fills in what depends on where they are.
 *  @throws RangeError when a distance does not fit, TypeError when a label is missing */
export function assembleStub(lines: readonly Instruction[]): Buffer {
  const places = new Map<string, number>();
  let at = 0;
  for (const line of lines) {
    if (line.label !== undefined) places.set(line.label, at);
    at += line.bytes.length / 2;
  }
  for (const [name, text] of Object.entries(TEXTS)) {
    places.set(name, at);
    at += Buffer.byteLength(text);
  }
  let from = 0;
  const parts = lines.map((line) => {
    const bytes = Buffer.from(line.bytes, 'hex');
    if (line.fill) fill(bytes, line.fill, places, from);
    from += bytes.length;
    return bytes;
  });
  return Buffer.concat([...parts, ...Object.values(TEXTS).map((text) => Buffer.from(text))]);
}

function fill(bytes: Buffer, { form, to }: Fill, places: ReadonlyMap<string, number>, from: number): void {
  const place = places.get(to);
  if (place === undefined) throw new TypeError(`no place ${to}`);
  const end = from + bytes.length;
  const word = bytes.length === 4 ? bytes.readUInt32LE(0) : 0;
  switch (form) {
    case 'rel8':
      bytes.writeInt8(place - end, bytes.length - 1);
      break;
    case 'rel32':
      bytes.writeInt32LE(place - end, bytes.length - 4);
      break;
    case 'length32':
      bytes.writeUInt32LE(Buffer.byteLength(TEXTS[to] ?? ''), bytes.length - 4);
      break;
    case 'length16':
      bytes.writeUInt32LE((word | (Buffer.byteLength(TEXTS[to] ?? '') << 5)) >>> 0, 0);
      break;
    case 'adr': {
      const distance = signed(place - from, 21);
      bytes.writeUInt32LE((word | ((distance & 3) << 29) | ((distance >> 2) << 5)) >>> 0, 0);
      break;
    }
    case 'imm14':
      bytes.writeUInt32LE((word | (signed((place - from) / 4, 14) << 5)) >>> 0, 0);
      break;
    case 'imm19':
      bytes.writeUInt32LE((word | (signed((place - from) / 4, 19) << 5)) >>> 0, 0);
      break;
    case 'imm26':
      bytes.writeUInt32LE((word | signed((place - from) / 4, 26)) >>> 0, 0);
      break;
  }
}

/** Two's complement in so many bits. */
function signed(value: number, bits: number): number {
  const limit = 2 ** (bits - 1);
  if (!Number.isInteger(value) || value < -limit || value >= limit)
    throw new RangeError(`${value} is not in ${bits} bits`);
  return value < 0 ? value + 2 ** bits : value;
}
