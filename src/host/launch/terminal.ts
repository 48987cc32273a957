import { closeSync, constants, fchownSync, openSync } from 'node:fs';
import { errno, ioctl } from '../libc.ts';

/** A pseudo-terminal of a compartment's own devpts instance, opened from outside through its first process's root (pty(7),
 *  ioctl_tty(2)). /dev inside is read-only, so the agent controls no part of the path. */
const TIOCSPTLCK = 0x40045431;
const TIOCGPTN = 0x80045430;
const TIOCSWINSZ = 0x5414;
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const OPOST = 1;

export interface Terminal {
  readonly master: number;
  readonly slave: number;
}

/** The caller owns both descriptors. */
export function openTerminal(
  firstPid: number,
  { uid, gid }: { uid: number; gid: number },
  size: { rows: number; columns: number },
): Terminal {
  const pts = `/proc/${firstPid}/root/dev/pts`;
  const flags = constants.O_RDWR | constants.O_NOCTTY;
  const master = openSync(`${pts}/ptmx`, flags);
  try {
    checked(ioctl(master, TIOCSPTLCK, Buffer.alloc(4)), 'unlock the terminal');
    const number = Buffer.alloc(4);
    checked(ioctl(master, TIOCGPTN, number), 'the number of the terminal');
    const slave = openSync(`${pts}/${number.readUInt32LE(0)}`, flags);
    fchownSync(slave, uid, gid);
    resizeTerminal(master, size);
    return { master, slave };
  } catch (error) {
    closeSync(master);
    throw error;
  }
}

/** struct winsize: rows, columns, two unused, 16 bits each. */
export function resizeTerminal(master: number, size: { rows: number; columns: number }): void {
  const winsize = Buffer.alloc(8);
  winsize.writeUInt16LE(size.rows, 0);
  winsize.writeUInt16LE(size.columns, 2);
  checked(ioctl(master, TIOCSWINSZ, winsize), 'the size of the terminal');
}

/** Takes what is written to a terminal as it is: what comes from another terminal has its line ends already, and a program on the
 *  whole screen moves the cursor with bare line feeds. Node's raw mode leaves this on; its end puts back all there was.
 *  termios(3): struct termios begins with c_iflag and c_oflag, 32 bits each; OPOST is 1. */
export function passThrough(terminal: number): void {
  const termios = Buffer.alloc(64);
  checked(ioctl(terminal, TCGETS, termios), 'the settings of the terminal');
  termios.writeUInt32LE((termios.readUInt32LE(4) & ~OPOST) >>> 0, 4);
  checked(ioctl(terminal, TCSETS, termios), 'the settings of the terminal');
}

function checked(result: number, what: string): void {
  if (result < 0) throw new Error(`${what}: errno ${errno()}`);
}
