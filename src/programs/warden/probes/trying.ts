import type { CommandTerms } from '../../../policy/question/command.ts';
import type { DestinationTerms } from '../../../policy/question/destination.ts';
import { agentEnvironment } from '../../../tiers/sandbox.ts';
import type { Compartment } from '../compartments/compartment.ts';
import { runScript } from '../sessions/scripts.ts';

/** How a try from inside, as the agent, came out. */
export interface Tried {
  readonly result: 'refused' | 'reached' | 'unknown';
  readonly why?: string;
}

/** Asks the compartment's own proxy for the destination and says how that answered. 198.18.0.1 is always bulkhead.internal
 *  (src/programs/gateway/names/names.ts). */
const DESTINATION = String.raw`
my $to = index($A{host}, ':') >= 0 ? "[$A{host}]:$A{port}" : "$A{host}:$A{port}";
socket(my $s, AF_INET, SOCK_STREAM, 0) or do { print "none socket: $!\n"; exit };
connect($s, pack_sockaddr_in(3128, inet_aton('198.18.0.1'))) or do { print "none connect: $!\n"; exit };
syswrite $s, "CONNECT $to HTTP/1.1\r\nHost: $to\r\n\r\n";
my $got = '';
while ($got !~ /\n/ && sysread $s, my $more, 4096) { $got .= $more }
print $got =~ /^HTTP\/1\.1 (\d+)/ ? "status $1\n" : "none no answer\n";
`;

export async function tryDestination(compartment: Compartment, { host, port }: DestinationTerms): Promise<Tried> {
  const args = { host, port: String(port) };
  const { stdout } = await runScript(compartment, { text: DESTINATION, arguments: args, timeoutMs: 10_000 }, [
    'Socket',
  ]);
  const [, status] = /^status (\d+)$/m.exec(stdout) ?? [];
  if (status === '403') return { result: 'refused' };
  if (status === '200' || status === '502') return { result: 'reached', why: `the proxy said ${status}` };
  return { result: 'unknown', why: stdout.trim().slice(0, 200) || 'no answer' };
}

/** Starts exactly the command, and hands out what is said in its place. */
const COMMAND = String.raw`
my @argv = map { pack 'H*', $_ } split / /, $A{argv}, -1;
pipe(my $out, my $in) or do { print "none pipe: $!\n"; exit };
my $pid = fork;
defined $pid or do { print "none fork: $!\n"; exit };
if (!$pid) {
  open STDERR, '>&', $in; open STDOUT, '>', '/dev/null'; open STDIN, '<', '/dev/null';
  chdir $A{cwd} or do { syswrite STDERR, "none chdir: $!"; POSIX::_exit(1) };
  %ENV = map { pack('H*', $_) =~ /^([^=]*)=(.*)$/s ? ($1, $2) : () } split / /, $A{env};
  exec { $A{file} } @argv;
  syswrite STDERR, "none exec: $!"; POSIX::_exit(1);
}
close $in;
read $out, my $said, 4000;
waitpid $pid, 0;
print(($said // '') eq '' ? "none it said nothing, status " . ($? >> 8) . "\n" : $said);
`;

/** A try is a probe, in whose place the gate starts nothing that was approved: it says what it would do (src/programs/gate/control.ts). */
export async function tryCommand(compartment: Compartment, terms: CommandTerms): Promise<Tried> {
  const { facts } = compartment;
  const [file] = Object.entries(facts.gate?.behind ?? {}).find(([, { file }]) => file === terms.program.path) ?? [];
  if (file === undefined)
    return { result: 'unknown', why: 'no stub stands for this program, so there is nothing to try it by' };
  const given = Object.entries(agentEnvironment(facts)).map(([name, value]) => `${name}=${value}`);
  const args = { file, argv: words(terms.argv), cwd: terms.cwd, env: words([...given, ...terms.environment]) };
  const { stdout } = await runScript(compartment, { text: COMMAND, arguments: args, timeoutMs: 10_000 }, ['POSIX']);
  const said = stdout.trim().slice(0, 200);
  const [, reached] = /^bulkhead: .* would run (by approval \d+);/.exec(said) ?? [];
  if (reached !== undefined) return { result: 'reached', why: `it would run ${reached}` };
  if (/^bulkhead: .* (?:would wait for a person|(?:is|was) refused\b)/.test(said)) return { result: 'refused' };
  return { result: 'unknown', why: said || 'no answer' };
}

/** Bytes, one a character. */
function words(texts: readonly string[]): string {
  return texts.map((text) => Buffer.from(text, 'latin1').toString('hex')).join(' ');
}
