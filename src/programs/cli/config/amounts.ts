import { type Bounds, CPU, DISK, MEMORY, within } from '../../../model/bounds.ts';
import type { Problem } from './paths.ts';
import { quoted } from './shown.ts';

/** Of sizes. */
export const UNITS: Readonly<Record<string, number>> = { '': 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** Bytes of `512M`, `2G`, or a plain number of bytes; units count in 1024. The shape has checked the spelling. */
export function bytes(size: string | number, bounds: Bounds): number | Problem {
  const unit = /[KMGT]$/.exec(String(size))?.[0] ?? '';
  const value = Number(String(size).slice(0, unit === '' ? undefined : -1)) * (UNITS[unit] ?? Number.NaN);
  if (within(value, bounds)) return value;
  return {
    problem: `${quoted(size)} is ${value < bounds.least ? 'too little' : 'too much'}`,
    hint: `Write at least ${sizeText(bounds.least)} and at most ${sizeText(bounds.most)}; ${quoted(size)} is ${value} bytes.`,
  };
}

export function memory(size: string | number): number | Problem {
  return bytes(size, MEMORY);
}

export function disk(size: string | number): number | Problem {
  return bytes(size, DISK);
}

/** Per cent of one processor. */
export function share(percent: string): number | Problem {
  const value = Number(percent.slice(0, -1));
  if (within(value, CPU)) return value;
  return { problem: `${quoted(percent)} is more than any machine has`, hint: `Write at most ${CPU.most}%.` };
}

const MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Milliseconds of `30s`, `5m`, `12h`, `7d`; undefined for any other text. */
export function milliseconds(text: string): number | undefined {
  const [, count, unit] = /^(0|[1-9][0-9]{0,5})([smhd])$/.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * (MS[unit ?? ''] ?? Number.NaN);
}

/** The shape has checked the spelling. */
export function duration(text: string, { least, most }: Bounds): number | Problem {
  const ms = milliseconds(text) ?? Number.NaN;
  if (within(ms, { least, most })) return ms;
  const limits = `Write at least ${durationText(least)} and at most ${durationText(most)}.`;
  return { problem: `${quoted(text)} is ${ms < least ? 'too short' : 'too long'}`, hint: limits };
}

function durationText(ms: number): string {
  const unit = ['d', 'h', 'm', 's'].find((letter) => ms % (MS[letter] ?? 1) === 0) ?? 's';
  return `${ms / (MS[unit] ?? 1)}${unit}`;
}

function sizeText(value: number): string {
  const unit = ['T', 'G', 'M', 'K'].find((letter) => value % (UNITS[letter] ?? 1) === 0) ?? '';
  return `${value / (UNITS[unit] ?? 1)}${unit}`;
}
