import type { AccessTest } from '../attack.ts';
import { EVERY_TIER } from '../where.ts';

function writes(folder: 'workspace' | 'home' | 'tmp'): AccessTest {
  const path = folder === 'tmp' ? "'/tmp'" : `$A{${folder}}`;
  return {
    id: `access-${folder}-written`,
    tries: `writes, reads and removes a file in its ${folder}`,
    tiers: EVERY_TIER,
    program: `
my $file = ${path} . "/.bulkhead-drill-$tag";
sysopen(my $fh, $file, O_CREAT | O_EXCL | O_RDWR, 0600) or refused("create: $!");
syswrite($fh, $A{canary}) or refused("write: $!");
sysseek $fh, 0, 0; sysread $fh, my $back, 100;
unlink $file or refused("remove: $!");
$back eq $A{canary} ? done('written, read, removed') : refused('it reads differently');`,
  };
}

/** What an agent must be able to do with files and programs. */
export const FILE_ACCESS: readonly AccessTest[] = [
  writes('workspace'),
  writes('home'),
  writes('tmp'),
  {
    id: 'access-knowledge-read',
    tries: 'reads every knowledge entry it was given',
    tiers: EVERY_TIER,
    program: `
for my $name (split /:/, $A{knowledge}) {
  my $at = "/knowledge/$name";
  if (-d $at) { opendir(my $dir, $at) or refused("$name: $!"); defined readdir $dir or refused("$name: $!") }
  else { open(my $fh, '<', $at) or refused("$name: $!"); defined sysread($fh, my $some, 100) or refused("$name: $!") }
}
done('all read');`,
    applies: (agent) => (agent.knowledge.length === 0 ? 'it was given no knowledge' : undefined),
  },
  {
    id: 'access-granted-command',
    tries: 'runs a program that it was granted',
    tiers: EVERY_TIER,
    program: String.raw`
pipe(my $from, my $to) or failed("pipe: $!");
my $pid = fork;
failed("fork: $!") unless defined $pid;
if (!$pid) { open STDOUT, '>&', $to; exec { '/bin/sh' } 'sh', '-c', 'echo "$0"', $A{canary}; POSIX::_exit(126) }
close $to;
my $got = '';
1 while sysread $from, $got, 4096, length $got;
waitpid $pid, 0;
$got eq "$A{canary}\n" && $? == 0 ? done('it ran') : refused('status ' . ($? >> 8));`,
    applies: (agent) => (agent.exec.sets.includes('base') ? undefined : 'it was not granted the base set'),
  },
];
