import type { Destination } from '../../../policy/egress.ts';
import { type Authority, hostText } from '../../../protocol/host.ts';
import { onlyHost, type RequestHead, requestTarget, valuesOf } from '../../../protocol/http1.ts';
import { answerApi, serveApi } from '../api/api.ts';
import type { Door } from '../door.ts';
import { INTERNAL } from '../names/names.ts';
import { openPassage, UNOPENED } from '../passages/open-passage.ts';
import { sayInHttp } from '../refusals/refuse.ts';
import { carry } from './carry.ts';
import { forwardRequest, readHead } from './plain-http.ts';

const HERE: Destination = { host: INTERNAL, port: 3128, literal: false };

/** The explicit proxy, for programs that are told of one (HTTPS_PROXY and the like): CONNECT and absolute-form. Nothing is
 *  allowed here that the transparent way would not allow. */
export async function serveProxy(door: Door): Promise<void> {
  const { client, compartment } = door;
  const head = await readHead(door, HERE);
  if (head === undefined) return;
  const target = requestTarget(head);
  if (target.kind === 'authority') return tunnel({ ...door, via: 'connect' }, head, target.authority);
  if (target.kind !== 'absolute') {
    const why = target.kind === 'bad' ? target.why : 'this is a proxy; the page about it is http://bulkhead.internal/';
    return sayInHttp(client, 400, await compartment.refuse(HERE, door.via, why, Date.now()));
  }
  const { host, port = 80 } = target.authority;
  if (host.kind === 'bad')
    return sayInHttp(client, 400, await compartment.refuseMalformed(host, port, 'proxy', Date.now()));
  const destination = compartment.destination(host, port);
  if (isApi(destination)) return answerApi(door, head, target.path);
  const why = plainAnywhere(door, destination);
  if (why === undefined) return forwardRequest({ ...door, via: 'proxy' }, destination, head);
  return sayInHttp(client, 403, await compartment.refuse(destination, 'proxy', why, Date.now()));
}

/** Why a request may not go there in plain HTTP, as it could not transparently. */
function plainAnywhere({ compartment }: Door, destination: Destination): string | undefined {
  if (compartment.binds(destination))
    return 'a secret is bound to it, and plain HTTP by the proxy would show it on the way; use CONNECT';
  return destination.port === 443 ? 'plain HTTP on port 443' : undefined;
}

async function tunnel(door: Door, head: RequestHead, { host, port }: Authority): Promise<void> {
  const { client, compartment } = door;
  if (host.kind === 'bad')
    return sayInHttp(client, 400, await compartment.refuseMalformed(host, port ?? 0, door.via, Date.now()));
  const destination = compartment.destination(host, port ?? 443);
  const hosts = valuesOf(head, 'host');
  const also = onlyHost(head);
  if (port === undefined || hosts.length > 1 || (also !== undefined && hostText(also.host) !== hostText(host))) {
    const why = port === undefined ? 'CONNECT without a port' : 'the Host is not the authority of CONNECT';
    return sayInHttp(client, 403, await compartment.refuse(destination, door.via, why, Date.now()));
  }
  if (isApi(destination)) {
    client.write(ESTABLISHED);
    return serveApi(door);
  }
  const opened = await openPassage(door, destination);
  if (opened.kind !== 'open') return sayInHttp(client, UNOPENED[opened.kind], opened.explanation);
  client.write(ESTABLISHED);
  await carry(door, destination, opened);
}

function isApi({ host, port }: Destination): boolean {
  return host === INTERNAL && port === 80;
}

const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
