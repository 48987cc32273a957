import type { RevokedDocument } from '../../model/documents.ts';
import { Failure } from '../../model/failure.ts';
import type { Question } from '../../model/question.ts';
import { standing } from '../../policy/approval.ts';
import { destinationTerms } from '../../policy/question/destination.ts';
import type { Compartment } from './compartment.ts';
import type { Destinations } from './destinations.ts';
import type { StandingFleet } from './fleet.ts';
import type { GatewayLink } from './gateway-link.ts';
import type { Inbox } from './inbox.ts';
import type { Record } from './record.ts';
import { runScript } from './scripts.ts';

/** Asks the compartment's own proxy for the destination, as the agent, and says how that answered. 198.18.0.1 is always
 *  bulkhead.internal (src/programs/gateway/names.ts). */
const TRY = String.raw`
my $to = index($A{host}, ':') >= 0 ? "[$A{host}]:$A{port}" : "$A{host}:$A{port}";
socket(my $s, AF_INET, SOCK_STREAM, 0) or do { print "none socket: $!\n"; exit };
connect($s, pack_sockaddr_in(3128, inet_aton('198.18.0.1'))) or do { print "none connect: $!\n"; exit };
syswrite $s, "CONNECT $to HTTP/1.1\r\nHost: $to\r\n\r\n";
my $got = '';
while ($got !~ /\n/ && sysread $s, my $more, 4096) { $got .= $more }
print $got =~ /^HTTP\/1\.1 (\d+)/ ? "status $1\n" : "none no answer\n";
`;

export interface Around {
  readonly inbox: Inbox;
  readonly fleet: StandingFleet;
  readonly record: Record;
  readonly destinations: Destinations;
  readonly gateway: () => GatewayLink | undefined;
  /** Ends commands that run outside under an approval. @returns how many */
  readonly endOutside?: (question: number) => number;
}

/** Takes an answer back: ends what runs under it, then tries, from inside and as the agent, whether it is refused.
 *  @param by  uid of the operator */
export async function revoke(around: Around, id: number, by: number): Promise<RevokedDocument> {
  const { inbox, record } = around;
  const before = inbox.get(id);
  const { agent, kind, shown } = before;
  const lived = before.state === 'approved' || before.state === 'used';
  const terms = kind === 'destination' && lived ? destinationTerms(before.terms) : undefined;
  const gateway = around.gateway();
  // What runs ends before anything else: it needs no record, and waits for none.
  const outside = kind === 'elevated' ? (around.endOutside?.(id) ?? 0) : 0;
  const ended = terms && gateway ? await gateway.revoke(agent, { id, ...terms }) : outside;
  try {
    if (before.state !== 'used') await inbox.withdraw(id, by);
    else if (ended > 0)
      record.tell({ event: 'grant.revoked', agent, id, kind, digest: before.digest, shown, operator: by });
    else throw notStanding(before);
    await around.destinations.settled();
    const tested = terms ? await tryIt(around, agent, terms) : undefined;
    const test = tested && { tested: tested.result, ...(tested.why && { why: tested.why }) };
    if (lived) record.tell({ event: 'revoke.tested', agent, id, kind, ended, tested: 'nothing to try', ...test });
    return { id, agent, kind, shown, ended, ...test };
  } finally {
    if (terms) await gateway?.unbar(agent).catch(() => {}); // a gateway that is gone has no bar either
  }
}

async function tryIt(
  { fleet, gateway }: Around,
  agent: string,
  terms: { host: string; port: number },
): Promise<{ result: 'refused' | 'reached' | 'unknown'; why?: string }> {
  const compartment: Compartment | undefined = fleet.compartments.get(agent);
  if (!gateway()) return { result: 'unknown', why: 'the gateway is not running, so nothing passes at all' };
  if (!compartment?.standing || compartment.state === 'paused')
    return { result: 'unknown', why: `${agent} is ${compartment?.state ?? 'down'}, so nothing can be tried in it` };
  const args = { host: terms.host, port: String(terms.port) };
  const { stdout } = await runScript(compartment, { text: TRY, arguments: args, timeoutMs: 10_000 }, ['Socket']);
  const [, status] = /^status (\d+)$/m.exec(stdout) ?? [];
  if (status === '403') return { result: 'refused' };
  if (status === '200' || status === '502') return { result: 'reached', why: `the proxy said ${status}` };
  return { result: 'unknown', why: stdout.trim().slice(0, 200) || 'no answer' };
}

function notStanding({ id, agent, shown }: Question): Failure {
  return new Failure(
    'not-standing',
    `Approval ${id} was used and nothing runs under it (${agent}: ${shown.slice(0, 80)}).`,
    'bulkhead grants lists what is in force.',
    1,
  );
}

/** Everything of an agent that goes, or may not ask any more, is taken back. */
export async function withdrawAll({ inbox }: Pick<Around, 'inbox'>, agent: string, why: string): Promise<void> {
  const now = Date.now();
  for (const question of inbox.all())
    if (question.agent === agent && standing(question, now) !== 'none')
      await inbox.withdraw(question.id, undefined, why);
}
