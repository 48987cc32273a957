/** Programs as the host has them: what a name leads to, link by link. Found by src/host/view/programs.ts. */
export interface FoundProgram {
  /** As it stands in `exec.allow` or a set. */
  readonly name: string;
  /** The links on the way, each with its text, the first being the name in a program folder. */
  readonly links: readonly { readonly at: string; readonly to: string }[];
  /** The regular file at the end, an absolute path without links. */
  readonly file: string;
  /** `#!` interpreters are programs of their own: a script whose interpreter is not allowed cannot start. */
  readonly script: boolean;
}

/** Names that stand in the program folders because of these programs. */
export function programNames(programs: readonly FoundProgram[]): string[] {
  const paths = programs.flatMap(({ file, links }) => [file, ...links.map(({ at }) => at)]);
  return [...new Set(paths.map((path) => path.slice(path.lastIndexOf('/') + 1)))].sort();
}
