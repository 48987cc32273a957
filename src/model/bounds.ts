/** The ranges a wanted fleet keeps to. The file reader and the warden's decoder both hold values against them. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

const MIB: number = 1024 ** 2;
const TIB: number = 1024 ** 4;

export const MEMORY: Bounds = { least: 16 * MIB, most: 16 * TIB };
/** bubblewrap and its init take two; a shell with a pipe needs a few more. */
export const PROCESSES: Bounds = { least: 8, most: 100_000 };
/** Per cent of one processor. */
export const CPU: Bounds = { least: 1, most: 100_000 };
/** The agent's file system is an image; below this ext4 leaves no room for anything. */
export const DISK: Bounds = { least: 16 * MIB, most: 64 * TIB };
export const PORT: Bounds = { least: 1, most: 65_535 };
/** Where clients ask for the time (RFC 5905). */
export const NTP_PORT = 123;

export const MOST_AGENTS = 256;
/** Entries of any one list (programs, rules, ports, arguments). */
export const MOST_ENTRIES = 1000;
/** Argv rules of one direction, of one agent. */
export const MOST_RULES = 10_000;
/** Characters of one path; Linux takes 4096 bytes, and ours get longer inside. */
export const LONGEST_PATH = 1024;
/** Characters of one argument or variable; the kernel's MAX_ARG_STRLEN is 131,072 bytes (execve(2)). */
export const LONGEST_WORD = 32_768;

export function within(value: number, { least, most }: Bounds): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most;
}
