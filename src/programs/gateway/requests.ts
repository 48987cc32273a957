import { NTP_PORT } from '../../model/bounds.ts';
import { budget, prices } from '../../model/budget.ts';
import { Failure } from '../../model/failure.ts';
import type { EgressRule } from '../../model/fleet.ts';
import { lentBinding, lentKey } from '../../model/lent-key.ts';
import { agentName } from '../../model/names.ts';
import { requestTerms } from '../../model/request-terms.ts';
import { secretBinding } from '../../model/secret-binding.ts';
import { sshBinding } from '../../model/ssh-binding.ts';
import { parseAddress } from '../../protocol/address.ts';
import { canonicalHost, hostText } from '../../protocol/host.ts';
import type { AgentPolicy } from './agent-policy.ts';
import type { Gateway } from './gateway.ts';
import { SECRET_REQUESTS } from './secrets/secret-requests.ts';
import { SSH_REQUESTS } from './ssh/ssh-requests.ts';
import { BUDGET_REQUESTS } from './usage/budget-requests.ts';
import { postNotice } from './webhook.ts';

type Body = Readonly<Record<string, unknown>>;

/** The closed table of what the warden may ask. `take` gives the descriptors that came before the request. */
export const REQUESTS: Readonly<Record<string, (gateway: Gateway, body: Body, take: () => number[]) => unknown>> = {
  policy: (gateway, body) =>
    gateway.policy(
      list(body.agents).map(readPolicy),
      list(body.roots ?? []).map(text),
      prices(body.prices ?? [], 'prices'),
    ),
  listen: (gateway, body, take) => {
    const fds = take();
    const agent = agentName(body.agent);
    const sockets = list(body.sockets).map(text);
    if (fds.length !== sockets.length || !LISTENING.includes(sockets.join()))
      throw malformed(`listen wants ${LISTENING.join(' or ')}`);
    return gateway.listen(agent, fds);
  },
  answered: (gateway, body) => gateway.answered(agentName(body.agent), wholeNumber(body.question), String(body.state)),
  revoke: (gateway, body) => gateway.revoke(agentName(body.agent), readGrant(record(body.grant))),
  unbar: (gateway, body) => gateway.unbar(agentName(body.agent)),
  forget: (gateway, body) => gateway.forget(agentName(body.agent), body.names === true),
  publish: (gateway, body) => gateway.ports.publish(agentName(body.agent), portNumber(body.port)),
  unpublish: (gateway, body) => gateway.ports.unpublish(agentName(body.agent), portNumber(body.port)),
  notify: (_, body) => postNotice(text(body.url), text(body.type), text(body.body)),
  status: (gateway) => gateway.status(),
  denials: (gateway, body) => gateway.denials(agentName(body.agent)),
  ...SECRET_REQUESTS,
  ...BUDGET_REQUESTS,
  ...SSH_REQUESTS,
};

/** In the host's own network nobody is answered about the time. */
const LISTENING: readonly string[] = ['tcp4,tcp6,dns4,dns6', 'tcp4,tcp6,dns4,dns6,ntp4,ntp6'];

function readPolicy(raw: unknown): AgentPolicy {
  const body = record(raw);
  const egress = list(body.egress).map(readRule);
  const grants = list(body.grants ?? []).map((one) => ({
    ...readGrant(record(one)),
    once: record(one).once !== false,
  }));
  const asks = body.askMs === undefined ? {} : { askMs: wholeNumber(body.askMs) };
  const elevated = body.elevated === undefined ? {} : { elevated: list(body.elevated).map(text) };
  const lent = list(body.lent ?? []).map((one) => lentBinding(lentKey(one, 'lent')));
  const secrets = [...list(body.secrets ?? []).map((one) => secretBinding(one, 'secrets')), ...lent];
  const spending = {
    budget: body.budget === undefined ? {} : budget(body.budget, 'budget'),
    budgetMs: wholeNumber(body.budgetMs ?? 0),
  };
  const ssh = list(body.ssh ?? []).map((one) => sshBinding(one, 'ssh'));
  return { name: agentName(body.name), egress, grants, secrets, ssh, ...spending, ...asks, ...elevated };
}

/** Rules are held in canonical spelling, so that matching is comparing. */
function readRule(raw: unknown): EgressRule {
  const body = record(raw);
  const text = typeof body.host === 'string' ? body.host : '';
  const wild = text.startsWith('*.');
  const host = canonicalHost(wild ? text.slice(2) : text);
  const name = hostText(host);
  if (name === undefined || (wild && host.kind !== 'name'))
    throw malformed(`${JSON.stringify(text)} is no host of a rule`);
  const rule = {
    host: wild ? `*.${name}` : name,
    port: portNumber(body.port),
    ...requestTerms(body, 'egress'),
    ...(typeof body.from === 'string' && { from: body.from }),
    ...(body.protocol !== undefined && timeOnly(body)),
  };
  if (body.address === undefined) return rule;
  const address = typeof body.address === 'string' ? parseAddress(body.address) : undefined;
  if (address === undefined) throw malformed(`${JSON.stringify(body.address)} is no address`);
  return { ...rule, address };
}

function timeOnly({ protocol, port, host }: Body): { readonly protocol: 'ntp' } {
  if (protocol === 'ntp' && port === NTP_PORT && !String(host).startsWith('*.')) return { protocol };
  throw malformed(`${JSON.stringify(protocol)} is no protocol of a rule`);
}

function readGrant(body: Body): { id: number; host: string; port: number } {
  const host = hostText(canonicalHost(typeof body.host === 'string' ? body.host : ''));
  if (host === undefined) throw malformed(`${JSON.stringify(body.host)} is no host of a grant`);
  return { id: wholeNumber(body.id), host, port: portNumber(body.port) };
}

function wholeNumber(raw: unknown): number {
  if (typeof raw === 'number' && Number.isSafeInteger(raw) && raw >= 0) return raw;
  throw malformed(`${JSON.stringify(raw)} is no number`);
}

function text(raw: unknown): string {
  if (typeof raw === 'string') return raw;
  throw malformed('a text is missing');
}

function portNumber(raw: unknown): number {
  if (typeof raw === 'number' && Number.isInteger(raw) && raw >= 1 && raw <= 65535) return raw;
  throw malformed(`${JSON.stringify(raw)} is no port`);
}

function list(raw: unknown): readonly unknown[] {
  if (Array.isArray(raw)) return raw;
  throw malformed('a list is missing');
}

function record(raw: unknown): Body {
  if (typeof raw === 'object' && raw !== null && !Array.isArray(raw)) return raw as Body;
  throw malformed('an object is missing');
}

function malformed(message: string): Failure {
  return new Failure('malformed', message, 'The programs may be of different versions; run bulkhead up again.', 2);
}
