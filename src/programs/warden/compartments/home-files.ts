import { runScript } from '../sessions/scripts.ts';
import type { Compartment } from './compartment.ts';

/** A file that an agent is to find in its home. */
export interface HomeFile {
  readonly path: string;
  readonly text: string;
}

/** Written by the agent itself, in its compartment: what it has put in the way leads nowhere but to places of its own. */
const WRITE = `
my ($path, $text) = (pack('H*', $A{path}), pack('H*', $A{text}));
chdir($ENV{HOME}) or die "its home: $!\\n";
my @names = split m{/}, $path;
my $last = pop @names;
for my $folder (@names) { mkdir $folder, 0700; chdir $folder or die "$folder: $!\\n"; }
my $next = ".$last.next";
unlink $next;
sysopen(my $file, $next, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600) or die "$next: $!\\n";
print {$file} $text and close $file or die "$next: $!\\n";
rename $next, $last or die "$last: $!\\n";
`;

/** @throws Error what the agent's own home would not take */
export async function writeHomeFiles(compartment: Compartment, files: readonly HomeFile[]): Promise<void> {
  for (const { path, text } of files) {
    const hex = (given: string): string => Buffer.from(given).toString('hex');
    const script = { text: WRITE, arguments: { path: hex(path), text: hex(text) }, timeoutMs: 10_000 };
    const { status, stderr } = await runScript(compartment, script, ['Fcntl']);
    if (status !== 0) throw new Error(`~/${path} could not be written: ${stderr.trim() || `status ${status}`}`);
  }
}
