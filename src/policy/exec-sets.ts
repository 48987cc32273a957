import type { ExecSetName, WantedExec } from '../model/fleet.ts';

/** Programs that come together. */
export interface ExecSet {
  /** Names, looked up in the host's bin folders. What is not there is left out; a name that is a link brings what it points at. */
  readonly programs: readonly string[];
  /** Absolute folders that these programs need, read-only, whole: helpers they start, modules they load. What is not there is
   *  left out. Libraries, time zones, certificates and terminal descriptions are every compartment's anyway. */
  readonly trees: readonly string[];
}

/** Everyday work in a shell. */
const BASE = `
  sh bash dash env printenv test [ expr echo printf true false date sleep timeout seq
  ls cat cp mv rm mkdir rmdir ln touch chmod stat du find fd fdfind xargs file readlink realpath basename dirname mktemp pwd
  grep rg sed awk mawk head tail sort uniq wc cut tr tee paste comm cmp diff patch fold nl tac rev split less od base64 sha256sum
  tar gzip gunzip xz unzip
  id whoami uname nproc ps kill which getent curl
  tty stty tput clear df hostname expand fmt join nice nohup numfmt shuf sum md5sum sha1sum sha512sum unexpand yes zcat`;

/** CPython's minor versions whose modules are looked for. */
const PYTHONS: readonly string[] = ['3.9', '3.10', '3.11', '3.12', '3.13', '3.14', '3.15'];

/** The lists we keep. Chosen so that a shell script of everyday work runs; nothing here gains privileges, and what of it reads a
 *  language of its own (awk, sed, find) starts only what is allowed too. */
export const EXEC_SETS: Readonly<Record<ExecSetName, ExecSet>> = {
  base: {
    programs: BASE.trim().split(/\s+/),
    trees: ['/usr/lib/file', '/usr/share/misc', '/usr/share/file'],
  },
  git: {
    programs: ['git', 'git-upload-pack', 'git-receive-pack', 'git-upload-archive'],
    trees: ['/usr/lib/git-core', '/usr/libexec/git-core', '/usr/share/git-core'],
  },
  python: {
    programs: ['python3', 'python', 'pip3', 'pip', ...PYTHONS.map((version) => `python${version}`)],
    trees: [
      ...['/usr/lib/python3', '/usr/share/python3', '/usr/share/python-wheels'],
      ...PYTHONS.flatMap((version) => [`/usr/lib/python${version}`, `/usr/local/lib/python${version}`]),
    ],
  },
  node: {
    programs: ['node', 'nodejs', 'npm', 'npx', 'corepack'],
    trees: [
      ...['/usr/lib/node_modules', '/usr/local/lib/node_modules', '/usr/share/nodejs', '/usr/share/node_modules'],
      ...['/usr/share/npm', '/usr/lib/nodejs', '/usr/lib/x86_64-linux-gnu/nodejs', '/usr/lib/aarch64-linux-gnu/nodejs'],
    ],
  },
};

/** What an agent may start: the sets and `allow`, without `deny`, each name once, in the order given. Deny wins; it takes
 *  programs away, never a tree. A path and a name are compared as written: the host side, which knows what a name is a link to,
 *  must leave out whatever a denied entry resolves to as well. */
export function allowedPrograms(exec: WantedExec): ExecSet {
  const sets = exec.sets.map((name) => EXEC_SETS[name]);
  const programs = new Set([...sets.flatMap((set) => set.programs), ...exec.allow]);
  for (const denied of exec.deny) programs.delete(denied);
  return { programs: [...programs], trees: [...new Set(sets.flatMap((set) => set.trees))] };
}
