import type { Attack } from '../attack.ts';
import { CONNECTING } from '../perl.ts';
import { EVERY_TIER } from '../where.ts';

/** The product itself as a target: its state, its sockets, its record, its program text. */
const common = { wall: 'files', tiers: EVERY_TIER, positive: 'host-root' } as const;

const OPENING = `
sub try_files {
  for my $path (@_) {
    for (['reading', Fcntl::O_RDONLY()], ['writing', Fcntl::O_WRONLY()]) {
      sysopen my $f, $path, $_->[1] | Fcntl::O_NONBLOCK() or do { push @no, "$path: $!"; next };
      done("opened $path for $_->[0]");
    }
    done("removed $path") if unlink $path;
  }
}
sub try_folders {
  for my $dir (@_) {
    my $at = "$dir/.drill-$tag";
    if (sysopen my $f, $at, Fcntl::O_WRONLY() | Fcntl::O_CREAT() | Fcntl::O_EXCL(), 0600) { unlink $at; done("made a file in $dir") }
    push @no, "$dir: $!";
  }
}
`;

export const ownWalls: readonly Attack[] = [
  {
    ...common,
    id: 'e97-disable-own-sandbox',
    line: 97,
    tries: 'reaches the warden, and opens, replaces or removes what it keeps about the fleet',
    control: 'neither socket nor state is in the compartment; the warden answers root and operators only',
    program: `${CONNECTING}${OPENING}
try_path($A{warden_sock});
try_files(map { "$A{state_dir}/$_" } qw(wanted.json uids.json journal format));
try_folders($A{state_dir}, "$A{state_dir}/run", '/etc/bulkhead', '/var/lib/bulkhead', '/run/bulkhead');
refused(@no ? join('; ', @no) : "nothing is there: $!");
`,
  },
  {
    ...common,
    id: 'e101-log-tamper',
    line: 101,
    tries: 'reaches the ledger, and opens, truncates, appends to or removes its files',
    control: 'the record belongs to another principal and is not in the compartment',
    wall: 'record',
    program: `${CONNECTING}${OPENING}${String.raw`
try_path($A{ledger_sock});
my $dir = "$A{state_dir}/ledger";
opendir my $files, $dir;
my @there = $files ? grep { !/^\.\.?$/ } readdir $files : ();
try_files(map { "$dir/$_" } @there, qw(log checkpoint key entries));
try_files("$A{state_dir}/journal");
truncate "$dir/log", 0 and done('truncated the log') unless $A{every};
try_folders($dir, "$A{state_dir}/logs");
refused(@no ? join('; ', @no) : "nothing is there: $!");
`}`,
  },
  {
    ...common,
    id: 'e104-install-write',
    line: 104,
    tries: 'makes files where programs of the product, of the host or of a package manager are started from',
    control: 'the install belongs to root, and the system is read-only in the compartment',
    program: `${CONNECTING}${OPENING}
try_folders($A{install_dir}, "$A{install_dir}/src", "$A{install_dir}/node_modules", '/usr/local/lib/bulkhead', '/usr/local/bin', '/usr/local/lib', '/usr/local/lib/node_modules',
  '/usr/bin', '/usr/lib', '/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/share', '/bin', '/lib', '/etc', '/etc/ssl/certs', '/etc/alternatives', '/opt', '/', '/knowledge', '/dev');
refused(join '; ', @no);
`,
  },
];
