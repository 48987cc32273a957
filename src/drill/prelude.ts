/** Stands before every text of the drill. `%A` is already there; nothing is loaded.
 *  The agent's own processes have the uid of the text and see it start. What they can do to it must not make a wall look as if it
 *  held: names of files cannot be guessed (`$tag`), signals but the two that nobody can ignore do nothing, and whatever keeps the
 *  text from trying (no process, no room, a child that was killed) is `failed`, never `refused`, but where the second argument
 *  says that running out is how the wall holds. The agent can lower the limits of the text at any moment (prlimit(2)). */
export const PRELUDE: string = `
$| = 1;
$SIG{$_} = 'IGNORE' for qw(HUP INT QUIT ILL TRAP ABRT BUS FPE USR1 SEGV USR2 PIPE ALRM TERM STKFLT TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS);
our $tag = join '', map { sprintf '%04x', int rand 65536 } 1 .. 4;
sub say_line { my ($word, $text) = @_; $text =~ s/[^\\x20-\\x7e]/?/g; print substr("$word $text", 0, 300), "\\n"; POSIX::_exit(0) }
sub done { say_line('done', $_[0]) }
sub refused {
  my ($text, $starved_is_held) = @_;
  my ($what) = $text =~ /(Cannot allocate memory|Too many open files|No space left on device|Disk quota exceeded|Resource temporarily unavailable|File too large)/;
  failed("it was kept from trying ($what): $text") if defined $what && !$starved_is_held;
  say_line('refused', $text);
}
sub failed { say_line('error', $_[0]) }
`;
