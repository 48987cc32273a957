import type { Failure } from '../../../model/failure.ts';
import type { FleetDocument } from './document.ts';
import type { Problem } from './paths.ts';
import { type Path, pathText } from './shown.ts';

/** Whose file is read, and where it is; what a path or a default in it depends on. */
export interface Reading {
  /** Absolute path of the fleet.yaml; relative paths in it start from its folder. */
  readonly source: string;
  /** Absolute home folder of whoever asks, for `~/`; undefined when it is not known. */
  readonly home: string | undefined;
  /** Unix user of whoever asks: the operator when the file names none. */
  readonly user: string;
  /** The file's name in messages; the last part of `source` unless given. */
  readonly file?: string;
}

/** A reading under way: the document, to say where something is wrong. */
export interface Where extends Reading {
  readonly document: FleetDocument;
}

/** The value, or its problem thrown with its place. */
export function settled<T extends string | number | object>(
  where: Where,
  code: string,
  path: Path,
  value: T | Problem,
): T {
  if (isProblem(value)) throw problemAt(where, code, path, value);
  return value;
}

export function problemAt(where: Where, code: string, path: Path, { problem, hint }: Problem): Failure {
  return where.document.failure(code, path, `${problem}, in ${pathText(path)}`, hint);
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, 'problem');
}
