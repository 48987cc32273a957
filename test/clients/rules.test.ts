import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { NOT_ROOT, type Stand } from '../e2e/stand.ts';
import type { Origin } from '../e2e/tls-origin.ts';
import type { Services } from './services.ts';
import { HOST, type Served, withClients } from './stand.ts';

// Rules about requests, without any secret, and the places of a request that a secret may be bound to. `open` has the same destinations without
// rules, and gets through with what `ruled` is refused.

const VALUE = `real-${'Z9y8X7w6'.repeat(4)}/one`;

const fleet = ({ port, root }: Origin, plain: number): string => `
roots: [${root}]
defaults:
  exec: { sets: [base, git], allow: [wget], ask: never }
  limits: { disk: 64M, cpu: 200% }
agents:
  ruled:
    egress:
      - { git: ${HOST}, port: ${port}, address: 127.0.0.1, pull: [git/other], push: [git/thing] }
      - host: ${HOST}
        port: ${port}
        address: 127.0.0.1
        methods: [POST]
        paths: [/v1/messages]
        content-type: application/json
        match: [POST /v1/messages application/json]
        not-match: [POST /api/event_logging/batch application/json]
      - { host: plain.test, port: ${plain}, address: 127.0.0.1, methods: [GET], paths: [/debian/**] }
  open:
    egress: [{ host: ${HOST}, port: ${port}, address: 127.0.0.1 }, { host: plain.test, port: ${plain}, address: 127.0.0.1 }]
  placed:
    egress: [{ host: ${HOST}, port: ${port}, address: 127.0.0.1 }]
    secrets:
      KEY: { secret: mine, to: "${HOST}:${port}", in: [query key, json auth.key, path bot], path: [/v1/**, /bot*/send] }
`;

const ID = '-c user.name=a -c user.email=a@a.test';

test('rules about requests hold for real clients, and secrets stand in query, path and JSON', {
  skip: NOT_ROOT,
}, async (t) => {
  const bodies: string[] = [];
  const answer =
    (services: Services): Services['answer'] =>
    (request, response) => {
      let text = '';
      if (!request.url?.startsWith('/git/'))
        request.on('data', (chunk) => (text += chunk)).once('end', () => bodies.push(text));
      // Everybody may read and write: what is refused is refused on the way.
      if (request.url?.startsWith('/git/')) request.headers.authorization = 'Basic bm9ib2R5OngK';
      services.answer(request, response);
    };
  const plain = createServer((request, response) => response.end(`plain ${request.url}\n`)).listen(0, '127.0.0.1');
  await new Promise((resolve) => plain.once('listening', resolve));
  const plainPort = (plain.address() as AddressInfo).port;
  const use = async (stand: Stand & Served): Promise<void> => {
    const { origin } = stand;
    const url = `https://${HOST}:${origin.port}`;
    const sh = (agent: string, line: string) => stand.run(agent, ['sh', '-c', line]);
    await t.test('git pushes to one repository, fetches from another, and pushes to no other', async () => {
      const made = await sh(
        'ruled',
        `git clone -q ${url}/git/thing.git && cd thing && git checkout -qB main && echo 1 >f && git add f &&
           git ${ID} commit -qm one && git push -q origin main && git clone -q ${url}/git/other.git ../other`,
      );
      assert.equal(made.status, 0, made.stderr);
      const refused = await sh('ruled', `cd thing && git push -q ${url}/git/other.git main`);
      assert.notEqual(refused.status, 0);
      assert.match(refused.stderr, /error: 403/);
      const third = await sh('ruled', `git ls-remote ${url}/git/third.git`);
      assert.match(third.stderr, /error: 403/);
      const open = await sh(
        'open',
        `export GIT_SSL_NO_VERIFY=1; git clone -q ${url}/git/thing.git && cd thing && git push -q ${url}/git/other.git HEAD:refs/heads/main`,
      );
      assert.equal(open.status, 0, open.stderr);
    });
    await t.test('a harness’s model calls pass and its telemetry does not; the refusal names the rule', async () => {
      const post = (path: string): string =>
        `curl -sS -m 20 --cacert "$CURL_CA_BUNDLE" -H 'content-type: application/json' -d '{}' ${url}${path}`;
      assert.match((await sh('ruled', post('/v1/messages'))).stdout, /an answer/);
      const { stdout } = await sh('ruled', post('/api/event_logging/batch'));
      assert.match(
        stdout,
        /"rule":"POST \/api\/event_logging\/batch is not what is granted: git pull and push or \{ methods: \[POST\], paths: \[\/v1\/messages\]/,
      );
      for (const path of ['/v1/messages/../../api/event_logging', '/v1/%2e%2e/api', '//v1/messages'])
        assert.match((await sh('ruled', post(path).replace('-m 20', '-m 20 --path-as-is'))).stdout, /"rule"/, path);
      const denied = await sh('ruled', 'curl -s http://bulkhead.internal/denials');
      assert.match(denied.stdout, /event_logging/);
      const open = `curl -sS -m 20 -k -d '{}' ${url}/api/event_logging/batch`;
      assert.match((await sh('open', open)).stdout, /an answer/);
    });
    await t.test('plain HTTP too, transparently and by a proxy', async () => {
      for (const proxy of ['', '-x http://bulkhead.internal:3128', '-p -x http://bulkhead.internal:3128']) {
        const get = (path: string): string => `curl -sS -m 20 ${proxy} http://plain.test:${plainPort}${path}`;
        assert.equal((await sh('ruled', get('/debian/x'))).stdout, 'plain /debian/x\n', proxy);
        assert.match((await sh('ruled', get('/other'))).stdout, /GET \/other is not what is granted/, proxy);
        assert.match((await sh('ruled', `${get('/debian/x')} -d a`)).stdout, /POST \/debian\/x is not what/, proxy);
        assert.equal((await sh('open', get('/other'))).stdout, 'plain /other\n', proxy);
      }
      const raw = await sh('ruled', `echo SSH-2.0-x | curl -sS -m 20 telnet://plain.test:${plainPort}`);
      assert.doesNotMatch(raw.stdout, /plain/);
    });
    await t.test('a secret in the query, the path and JSON goes out, and its echo does not come back', async () => {
      bodies.length = 0;
      origin.seen.length = 0;
      const line = `curl -sS -m 20 "${url}/v1/x?a=1&key=$KEY" && curl -sS -m 20 ${url}/bot$KEY/send &&
          curl -sS -m 20 -H 'content-type: application/json' -d '{"n":1,"auth":{"key":"'$KEY'"}}' ${url}/v1/json &&
          head -c 1000000 /dev/zero | tr '\\0' a | sed "s/^/{\\"auth\\":{\\"key\\":\\"$KEY\\"},\\"x\\":\\"/;s/$/\\"}/" >large &&
          curl -sS -m 20 -H 'content-type: application/json' -H 'expect: 100-continue' -H 'transfer-encoding: chunked' --data-binary @large ${url}/v1/json`;
      const { status, stdout, stderr } = await sh('placed', line);
      assert.deepEqual([status, stdout], [0, 'an answer\n'.repeat(4)], stderr);
      assert.deepEqual(
        origin.seen.map((request) => request.url),
        [`/v1/x?a=1&key=${encodeURIComponent(VALUE)}`, `/bot${VALUE}/send`, '/v1/json', '/v1/json'],
      );
      assert.equal(bodies[2], `{"n":1,"auth":{"key":"${VALUE}"}}`);
      assert.ok(bodies[3]?.startsWith(`{"auth":{"key":"${VALUE}"},"x":"aaa`) && bodies[3].length > 1_000_000);
    });
    await t.test('elsewhere in them it is refused, and nothing of the request gets there', async () => {
      origin.seen.length = 0;
      const json = `-H 'content-type: application/json'`;
      for (const [args, said] of [
        [`"${url}/v1/x?other=$KEY"`, /where its secret is not bound/],
        [`"${url}/v1/x?key=of-an-attacker"`, /no placeholder of this agent/],
        [`"${url}/v1/$KEY/x"`, /where its secret is not bound/],
        [`${json} -d '{"other":"'$KEY'"}' ${url}/v1/x`, /where its secret is not bound/],
        [`${json} -d '{"auth":{"key":"of-an-attacker"}}' ${url}/v1/x`, /no placeholder of this agent/],
        [`${json} -d '{"auth":{"key":"'$KEY'"}' ${url}/v1/x`, /not JSON/],
        [`${json} -H 'content-encoding: gzip' -d '{"auth":{}}' ${url}/v1/x`, /compressed/],
        [`-d '{"auth":{"key":"'$KEY'"}}' ${url}/v1/x`, /where its secret is not bound/],
        [`${json} -d @large -d @large ${url}/v1/x`, /too long/],
      ] as const) {
        const { stdout } = await sh('placed', `curl -sS -m 20 ${args}`);
        assert.match(stdout, said, args);
      }
      assert.deepEqual(
        origin.seen.filter(({ headers }) => !headers['content-type']?.startsWith('application/x-www-form')).length,
        0,
      );
    });
  };
  try {
    await withClients(VALUE, (origin) => fleet(origin, plainPort), use, answer);
  } finally {
    plain.close();
  }
});
