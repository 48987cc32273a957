/** What the most lenient of servers would make of a request to the drill's host with rules (src/drill/lent.ts): whatever can be read as
 *  something else than they grant, is. Pure. */
export interface LenientRequest {
  readonly path: string;
  readonly head: string;
}

/** Whether even that server would take it for one that the rules grant. */
export function isGranted({ path, head }: LenientRequest): boolean {
  const fields = (name: string): string[] =>
    [...head.matchAll(new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)[ \\t]*\\r?$`, 'gim'))].map(([, value = '']) => value);
  const method = fields('x-(?:http-method(?:-override)?|method-override)')[0] ?? /^[A-Z]+/.exec(head)?.[0] ?? '';
  const target = fields('x-(?:original|rewrite)-url')[0] ?? path;
  const [before = '', query = ''] = target.replace(/^[a-z]+:\/\/[^/]*/i, '').split('?', 2);
  const all = (name: string): string[] =>
    unescaped(query)
      .split(/[&;]/)
      .flatMap((one) => (one.startsWith(`${name}=`) ? [one.slice(name.length + 1)] : []));
  const types = fields('content-type').map((one) => one.toLowerCase());
  const hasBody = fields('content-length').some((one) => one !== '0') || fields('transfer-encoding').length > 0;
  const is = (type: string): boolean => types.length === 1 && types[0]?.replace(/ *;.*$/, '') === type;
  const place = plain(before);
  if (place === '/find')
    return method === 'GET' && all('kind').length > 0 && all('kind').every((one) => one === 'open');
  if (place.startsWith('/v1/'))
    return ['GET', 'POST'].includes(method) && (is('application/json') || (types.length === 0 && !hasBody));
  const [, repository = '', end = ''] =
    /^\/me\/([\w-]+)(?:\.git)?\/(info\/refs|git-(?:upload|receive)-pack)$/.exec(place) ?? [];
  const services = ['git-upload-pack', ...(repository === 'site' ? ['git-receive-pack'] : [])];
  if (end === 'info/refs')
    return method === 'GET' && all('service').length > 0 && all('service').every((one) => services.includes(one));
  return method === 'POST' && services.includes(end) && is(`application/x-${end}-request`);
}

/** Decoded as often as it will, dots and slashes in every spelling, parameters of parts and what follows a NUL left out. */
export function plain(path: string): string {
  const flat = unescaped(path.replace(/#.*$/s, ''))
    .replace(/\0.*$/s, '')
    .replaceAll('\\', '/')
    .replace(/;[^/]*/g, '');
  const parts: string[] = [];
  for (const part of flat.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}${/[^/.]\/+$/.test(flat) ? '/' : ''}`;
}

function unescaped(text: string): string {
  let now = text;
  for (let round = 0; round < 3; round++)
    now = now.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return now.replaceAll('\u00c0\u00ae', '.').replaceAll('\u00c0\u00af', '/');
}
