// Every service of the presets at one address of the pretended internet: 443 with TLS, 80 and 8080 without. Writes one JSON line for each request.
//   argv: address, folder with key.pem and cert.pem and what is served
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { NPM_HOST } from '../../src/policy/package-hosts.ts';

const [address = '', folder = ''] = process.argv.slice(2);
const file = (name: string): Buffer => readFileSync(join(folder, name));

function npm(): object {
  const integrity = `sha512-${createHash('sha512').update(file('thing.tgz')).digest('base64')}`;
  const dist = { tarball: `https://${NPM_HOST}/thing/-/thing-1.0.0.tgz`, integrity };
  return {
    name: 'thing',
    'dist-tags': { latest: '1.0.0' },
    versions: { '1.0.0': { name: 'thing', version: '1.0.0', dist } },
  };
}

const WHEEL = 'thing-1.0-py3-none-any.whl';

/** By host and path; everything else is answered with what the request was. */
const ANSWERS: Readonly<Record<string, () => Buffer | string>> = {
  [`${NPM_HOST}/thing`]: () => JSON.stringify(npm()),
  [`${NPM_HOST}/thing/-/thing-1.0.0.tgz`]: () => file('thing.tgz'),
  'pypi.org/simple/thing/': () => `<a href="https://files.pythonhosted.org/packages/${WHEEL}">${WHEEL}</a>`,
  [`files.pythonhosted.org/packages/${WHEEL}`]: () => file(WHEEL),
};

function answer(port: number): RequestListener {
  return (request, response) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    const path = (request.url ?? '').replace(/\?.*$/, '');
    let body = '';
    request.setEncoding('latin1').on('data', (part: string) => (body += part));
    request.once('end', () => {
      const { method, url } = request;
      process.stdout.write(
        `${JSON.stringify({ host, port, method, url, headers: headersOf(request), body: body.slice(0, 500) })}\n`,
      );
      const debian = path.startsWith('/debian/') ? join(folder, path) : '';
      if (debian !== '' && !existsSync(debian)) return void response.writeHead(404).end();
      const known = ANSWERS[host + path];
      const json = path === '/thing' || known === undefined;
      response.setHeader(
        'content-type',
        path.startsWith('/simple/') ? 'text/html' : json ? 'application/json' : 'application/octet-stream',
      );
      response.end(debian === '' ? (known?.() ?? JSON.stringify({ ok: true, host, path })) : readFileSync(debian));
    });
  };
}

function headersOf({ headers }: IncomingMessage): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

const servers = [
  createTls({ key: file('key.pem'), cert: file('cert.pem') }, answer(443)).listen(443, address),
  createServer(answer(80)).listen(80, address),
  createServer(answer(8080)).listen(8080, '127.0.0.1'),
];
for (const server of servers) server.on('clientError', (_: Error, socket: Socket) => socket.destroy());
await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
process.stdout.write('{"ready":true}\n');
