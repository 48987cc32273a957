/** Stands before every text of the drill. `%A` is already there; nothing is loaded. */
export const PRELUDE: string = `
$| = 1;
$SIG{PIPE} = 'IGNORE';
sub say_line { my ($word, $text) = @_; $text =~ s/[^\\x20-\\x7e]/?/g; print substr("$word $text", 0, 300), "\\n"; POSIX::_exit(0) }
sub done { say_line('done', $_[0]) }
sub refused { say_line('refused', $_[0]) }
sub failed { say_line('error', $_[0]) }
`;
