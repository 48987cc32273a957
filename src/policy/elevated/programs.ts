import { interpreter } from '../interpreters.ts';

/** Programs that no elevated rule names, whatever its arguments: an exact command line says nothing about what they do next. */
const EDITORS = `vi vim vim.basic vim.tiny nvim view vimdiff rvim nano rnano pico joe jed ed ex emacs mcedit micro kak helix hx
  sensible-editor editor visudo sudoedit vipw vigr crontab`;
const PAGERS = 'less more most man pg pager sensible-pager info w3m lynx links';
const LAUNCHERS = `env xargs parallel nice ionice chrt taskset nohup setsid timeout stdbuf time watch script flock choom prlimit
  sudo su doas pkexec runuser setpriv capsh chroot unshare nsenter bwrap systemd-run start-stop-daemon run-parts run0 at batch
  strace ltrace gdbserver valgrind perf rlwrap unbuffer screen tmux dtach ssh ld.so busybox toybox bulkhead bulkhead-do`;

const set = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));
const KINDS: readonly (readonly [what: string, names: ReadonlySet<string>])[] = [
  ['an editor, which starts programs and writes any file', set(EDITORS)],
  ['a pager, which starts programs when it is told to', set(PAGERS)],
  ['a program that starts others: the one that it starts would be neither checked nor pinned', set(LAUNCHERS)],
];

/** Why a program may not be elevated, as the end of "it is ..."; undefined: it may.
 *  @param program  a name or path; ask again for the file that it leads to */
export function notElevated(program: string): string | undefined {
  const name = program.slice(program.lastIndexOf('/') + 1);
  const plain = name.replace(/[-.]?\d[\d.]*$/u, '');
  const kind = KINDS.find(([, names]) => names.has(name) || names.has(plain));
  if (kind) return kind[0];
  if (/^ld(?:-linux|-musl|-\d|\.so|64)/.test(name)) return 'the loader, which starts any file';
  const found = interpreter(name);
  return found && `a shell or interpreter (${found.language}), which runs what it reads; name the script itself`;
}
