// A token endpoint that plays what its standard input says, one JSON object for a line: {mode, hold}. It says each request that it sees.
//   argv: address, key file, certificate file
import { readFileSync } from 'node:fs';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { gzipSync } from 'node:zlib';

const [address = '', key = '', cert = ''] = process.argv.slice(2);
const say = (one: object): void => void process.stdout.write(`${JSON.stringify(one)}\n`);
let play: { mode: string } = { mode: 'good' };
let n = 1;
const held: (() => void)[] = [];
let text = '';
process.stdin.on('data', (chunk) => {
  const lines = (text + chunk).split('\n');
  text = lines.pop() ?? '';
  for (const line of lines) {
    const told = JSON.parse(line);
    if (told.go) for (const go of held.splice(0)) go();
    else play = told;
    say({ told: true });
  }
});

const coded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
/** As its issuer makes them: all claims, and a signature. */
const jwt = (kind: string, of: number): string =>
  `${coded({ alg: 'RS256', kid: 'k1' })}.${coded({ exp: Math.floor(Date.now() / 1000) + 36_000, kind, of, email: 'me@mail.test' })}.${'sIg'.repeat(20)}`;

function answer(request: Http2ServerRequest, response: Http2ServerResponse): void {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', async () => {
    const { url, method, headers, httpVersion } = request;
    say({ method, url, body, version: httpVersion, headers });
    if (url !== '/oauth/token') return void response.end('another page');
    const { mode } = play;
    if (mode === 'held') await new Promise<void>((resolve) => held.push(resolve));
    const asked = JSON.parse(body) as { refresh_token: string };
    if (mode === 'refuses') {
      response.writeHead(401, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ error: 'refresh_token_reused', you_sent: asked.refresh_token }));
    }
    if (mode === 'busy') {
      response.writeHead(503, { 'content-type': 'application/json' });
      return void response.end('{"error":"temporarily_unavailable"}');
    }
    n += 1;
    const made = {
      access_token: jwt('access', n),
      refresh_token: `rt_${String(n).padStart(4, '0')}_${'xY7'.repeat(20)}`,
      id_token: jwt('id', n),
    };
    const more = { token_type: 'Bearer', expires_in: 36_000, scope: 'openid offline_access' };
    const spelt = `\\u0072${made.refresh_token.slice(1)}`;
    const bad =
      mode === 'repeats'
        ? `,"note":${JSON.stringify(`old ${asked.refresh_token} new ${made.access_token}`)},"spelt":"${spelt}","${made.refresh_token}":1`
        : '';
    const whole = `${JSON.stringify({ ...more, ...made }).slice(0, -1)}${bad}, "big":12345678901234567890}`;
    say({ made });
    response.setHeader('content-type', 'application/json');
    response.setHeader('set-cookie', `session=${made.access_token}`);
    if (mode === 'page') return void response.end(`<html>${asked.refresh_token}`);
    if (mode === 'endless') {
      const more = (): void => void (response.destroyed || response.write('x'.repeat(65_536), more));
      return more();
    }
    if (mode === 'twice') return void response.end(`{"access_token":"${jwt('access', 0)}",${whole.slice(1)}`);
    if (mode === 'gzip') {
      response.setHeader('content-encoding', 'gzip');
      return void response.end(gzipSync(whole));
    }
    if (mode === 'slow') {
      for (const piece of whole.match(/.{1,200}/g) ?? []) {
        response.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      return void response.end();
    }
    response.end(whole);
  });
}

const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert), allowHTTP1: true }, answer);
server.listen(443, address, () => say({ ready: true }));
