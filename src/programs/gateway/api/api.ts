import { ruleText } from '../../../policy/egress.ts';
import { amount } from '../../../policy/meter/caps.ts';
import { hostText } from '../../../protocol/host.ts';
import { onlyHost, type RequestHead, requestTarget } from '../../../protocol/http1.ts';
import type { Compartment } from '../compartment.ts';
import type { Door } from '../door.ts';
import { readHead } from '../doors/plain-http.ts';
import { sayAndClose } from '../first-bytes.ts';
import { INTERNAL } from '../names/names.ts';
import { httpText } from '../refusals/refuse.ts';
import { usageOf } from '../usage/usage.ts';
import { serveDo } from './do.ts';

/** http://bulkhead.internal/: what the agent may know of its own limits. Who is asking is known by the listener it came from. */
export async function serveApi(door: Door): Promise<void> {
  const head = await readHead(door, { host: INTERNAL, port: 80, literal: false });
  if (head === undefined) return;
  const target = requestTarget(head);
  const host = onlyHost(head);
  if (target.kind !== 'origin' || host === undefined || hostText(host.host) !== INTERNAL)
    return sayAndClose(
      door.client,
      httpText(400, 'text/plain', 'This is http://bulkhead.internal/ and nothing else.\n'),
    );
  return answerApi(door, head, target.path);
}

export async function answerApi(door: Door, request: RequestHead, path: string): Promise<void> {
  const { client, compartment } = door;
  const { method } = request;
  if (method === 'POST' && path === '/v1/do') return serveDo(door, request);
  const head = method === 'HEAD';
  const known = method === 'GET' || head;
  const text = known
    ? answer(compartment, path.replace(/\?.*$/, ''))
    : httpText(405, 'text/plain', 'GET or HEAD; POST for /v1/do.\n');
  sayAndClose(client, head ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : text);
}

function answer(compartment: Compartment, path: string): string {
  if (path === '/') return httpText(200, 'text/plain; charset=utf-8', welcome(compartment));
  if (path === '/denials')
    return httpText(200, 'application/json', `${JSON.stringify({ denials: compartment.denials.list() }, null, 2)}\n`);
  if (path === '/v1/' || path === '/v1')
    return httpText(200, 'application/json', `${JSON.stringify(versionOne(compartment), null, 2)}\n`);
  return httpText(404, 'text/plain', 'There is /, /denials and /v1/.\n');
}

function versionOne({ name, elevated }: Compartment): object {
  return {
    agent: name,
    requests: {
      'GET /denials': 'what was refused to you, and what would allow it',
      'POST /v1/do': 'runs one of `elevated` outside: {"argv": [...]}, application/json; or bulkhead-do in a shell',
    },
    elevated,
  };
}

function welcome({ name, rules, grants, askMs, elevated, bindings, meter }: Compartment): string {
  const spending = usageOf(name, meter, 1).flatMap(({ caps }) =>
    caps.map(({ cap, used, limit }) => `  ${amount(cap, used)} of ${amount(cap, limit)}`),
  );
  const secrets = bindings.map(
    ({ variable, host, port, in: places }) => `  ${variable}  at ${host}:${port} (${places.join(' or ')})`,
  );
  const approved = grants.map(({ id, once, ...to }) => `  ${ruleText(to)}  (approval ${id}${once ? ', once' : ''})`);
  const granted = [...rules.map((rule) => `  ${ruleText(rule)}`), ...approved];
  const others =
    askMs === undefined
      ? 'Names outside this list do not resolve; every attempt is on record.'
      : 'Any other host is asked for: the attempt is refused with the number of a question; try again once it is approved.';
  return [
    `You are ${name}, in a compartment of Bulkhead. Your network ends here; what passes is decided by host and port.`,
    '',
    granted.length > 0 ? 'You may reach:' : 'You may reach nothing yet.',
    ...granted,
    '',
    others,
    ...(secrets.length === 0
      ? []
      : [
          '',
          'These variables hold placeholders. The secret takes its place at its destination; anywhere else the request is refused:',
          ...secrets,
          '',
        ]),
    ...(spending.length === 0
      ? []
      : ['Today you have used up:', ...spending, 'What is over it is refused until tomorrow.', '']),
    'What was refused, and what would allow it, is at http://bulkhead.internal/denials; there is no way around.',
    ...(elevated.length > 0 ? ['', 'Outside of it you may have run, with bulkhead-do COMMAND or POST /v1/do:'] : []),
    ...elevated.map((line) => `  ${line}`),
    ...(elevated.length > 0 ? [''] : []),
    'No proxy setting is needed. If a program wants one: http://bulkhead.internal:3128 or socks5h://bulkhead.internal:1080.',
    '',
  ].join('\n');
}
