import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { observeCgroups, unifiedFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { cgroupPath } from '../../src/plan/fleet.ts';
import { NOT_ROOT } from '../e2e/stand.ts';
import type { Origin } from '../e2e/tls-origin.ts';
import { holdersOf, processesOf } from '../harness/holding.ts';
import { installedHarness, NOT_REACHED } from '../harness/installed.ts';
import { HOST, withClients } from './stand.ts';

// Clients as Debian and npm have them, told of nothing but a placeholder. Each is looked at from outside while it holds an answer in which
// the server has sent its credential back.

const VALUE = `real-${'Z9y8X7w6'.repeat(6)}`;

interface Client {
  readonly line: string;
  /** What the server saw of the credential in at least one request, with the real value for VALUE. */
  readonly saw?: string;
  /** What the line printed. */
  readonly said?: RegExp;
}

const WS = 'ws from npm';
const basic = (user: string): string => `Basic ${Buffer.from(`${user}:${VALUE}`).toString('base64')}`;

/** Ours, for a WebSocket by Node 24, whatever Node the compartment's own is: where programs are, as this tree may lie where compartments have folders
 *  of their own. */
const FOLDER = `/opt/bulkhead-clients-${process.pid}`;
const NODE = `${FOLDER}/node`;

/** A WebSocket by it. */
function socket(url: string, first: string = ''): string {
  const opens = `new WebSocket("wss://${url}/socket",{headers:{authorization:"Bearer "+process.env.MY_KEY}})`;
  const hears =
    'w.onmessage=({data})=>console.log(data.replace(/x{100000}/,"much "));w.onerror=e=>console.log(e.message)';
  return `${NODE} -e '${first}const w=${opens};${hears}'`;
}
/** Whatever stands for the value, in each form that the server sends it back in. */
const REFLECTED = /^you sent (Bearer [A-Za-z0-9]{53})\n\1\nmuch \1\nan answer\n$/;

function clients(port: number, http2: number): Record<string, Client> {
  const at = `${HOST}:${port}`;
  const url = `https://${at}`;
  const two = `https://${HOST}:${http2}`;
  const header = 'Authorization: Bearer $MY_KEY';
  const header2 = 'Authorization: Bearer $TWO_KEY';
  const python = (lines: string): string => `python3 -c '${lines}'`;
  const encoded = '$(printf %s "x-access-token:$MY_KEY" | base64 -w0)';
  const commit = 'git -c user.name=a -c user.email=a@a.test commit -qm one';
  return {
    curl: { line: `curl -sS -m 20 -H "${header}" ${url}/`, said: /an answer/ },
    'curl with user and password': {
      line: `curl -sS -m 20 -u "me:$MY_KEY" ${url}/`,
      saw: basic('me'),
      said: /an answer/,
    },
    'curl with a header of its own': {
      line: `curl -sS -m 20 -H "X-Key: $MY_KEY" ${url}/`,
      saw: VALUE,
      said: /an answer/,
    },
    'curl --http2': {
      line: `curl -sS --http2 -m 20 -w '%{http_version}' -H "${header2}" ${two}/`,
      said: /an answer\n2$/,
    },
    'curl --http2 with user and password, that posts': {
      line: `curl -sS --http2 -m 20 -w '%{http_version}' -u "me:$TWO_KEY" -d body ${two}/`,
      saw: basic('me'),
      said: /an answer\n2$/,
    },
    nghttp: { line: `nghttp -t 20 -H "${header2}" ${two}/ ${two}/again`, said: /an answer\nan answer/ },
    'nghttp that posts, with a trailer': {
      line: `head -c 100000 /dev/zero >zeros && nghttp -t 20 -d zeros --trailer 'x-sum: 1' -H "${header2}" ${two}/`,
      said: /an answer/,
    },
    h2load: {
      line: `h2load -n 12 -c 2 -m 3 -T 20 -H "${header2}" ${two}/`,
      said: /12 succeeded, 0 failed, 0 errored.*status codes: 12 2xx/s,
    },
    'git over HTTP/2, both ways': {
      line: `GIT_CURL_VERBOSE=1 git clone https://me:$TWO_KEY@${HOST}:${http2}/git/other.git by-two 2>err && cd by-two && git checkout -qB main && echo 2 >two && git add . && ${commit} && git push -q origin main && grep -c 'HTTP/2 200' ../err && git log --oneline origin/main`,
      saw: basic('me'),
      said: /^[1-9]\d*\n\S+ one\n/,
    },
    'Node http2': {
      line: `node -e 'const c=require("http2").connect("${two}");const s=c.request({":path":"/",authorization:"Bearer "+process.env.TWO_KEY});s.setEncoding("utf8");s.on("data",d=>console.log(d)).on("close",()=>c.close())'`,
      said: /an answer/,
    },
    'Node WebSocket': { line: socket(at), said: REFLECTED },
    [WS]: {
      line: socket(at, 'const WebSocket=require("/knowledge/harness/node_modules/ws");'),
      said: REFLECTED,
    },
    'curl --http2, to a server that has only HTTP/1.1': {
      line: `curl -sS --http2 -m 20 -H "${header}" ${url}/`,
      said: /an answer/,
    },
    'curl by a proxy, that posts': {
      line: `curl -sS -m 20 -x http://bulkhead.internal:3128 -d body -H "${header}" ${url}/`,
      said: /an answer/,
    },
    wget: { line: `wget -qO- -T 20 --header "${header}" ${url}/`, said: /an answer/ },
    'git, from clone to push, by a URL with the token in it': {
      line: `git clone -q https://me:$MY_KEY@${at}/git/thing.git by-url && cd by-url && git checkout -qB main &&
        head -c 1500000 /dev/urandom >large && git add . && ${commit} && git push -q origin main && git fetch -q && git log --oneline origin/main`,
      saw: basic('me'),
      said: /one/,
    },
    'git by a credential helper': {
      line: `git -c credential.helper='!f() { echo username=me; echo "password=$MY_KEY"; }; f' clone -q ${url}/git/thing.git by-helper && ls by-helper`,
      saw: basic('me'),
      said: /large/,
    },
    'git by http.extraHeader': {
      line: `git -c "http.extraHeader=Authorization: basic ${encoded}" clone -q ${url}/git/thing.git by-header && ls by-header`,
      saw: basic('x-access-token'),
      said: /large/,
    },
    npm: {
      line: `mkdir n && cd n && printf '%s\\n' '//${at}/npm/:_authToken=\${MY_KEY}' 'registry=${url}/npm/' >.npmrc && npm install --no-fund --no-audit thing && ls node_modules`,
      said: /thing/,
    },
    pip: {
      line: `pip3 install --disable-pip-version-check --no-cache-dir -q --index-url "https://me:$MY_KEY@${at}/simple" --target out thing && cat out/thing.py`,
      saw: basic('me'),
      said: /the thing/,
    },
    'Node fetch': {
      line: `node -e 'fetch("${url}/",{headers:{authorization:"Bearer "+process.env.MY_KEY}}).then(r=>r.text()).then(console.log)'`,
      said: /an answer/,
    },
    'Node https': {
      line: `node -e 'require("https").get("${url}/",{headers:{authorization:"Bearer "+process.env.MY_KEY}},r=>r.pipe(process.stdout))'`,
      said: /an answer/,
    },
    'Python urllib': {
      line: python(
        `import os,urllib.request as u;print(u.urlopen(u.Request("${url}/",headers={"Authorization":"Bearer "+os.environ["MY_KEY"]}),timeout=20).read())`,
      ),
      said: /an answer/,
    },
    'Python requests': {
      line: python(
        `import os,requests;s=requests.Session();[print(s.get("${url}/",headers={"Authorization":"Bearer "+os.environ["MY_KEY"]},timeout=20).text) for i in (1,2)]`,
      ),
      said: /an answer/,
    },
  };
}

const fleet = (origin: Origin, http2: Origin, harness: string | undefined): string => `
roots: [${origin.root}, ${http2.root}]${harness === undefined ? '' : `\nknowledge: { harness: ${harness} }`}
agents:
  boxed:
    exec: { sets: [base, git, python, node], allow: [wget, nghttp, h2load, ${NODE}], ask: never }
    limits: { disk: 256M, cpu: 200% }
    egress: [{ host: ${HOST}, port: ${origin.port}, address: 127.0.0.1 }, { host: ${HOST}, port: ${http2.port}, address: 127.0.0.1 }]${harness === undefined ? '' : '\n    knowledge: [harness]'}
    secrets:
      MY_KEY: { secret: mine, to: "${HOST}:${origin.port}", in: [bearer, basic, header x-key] }
      TWO_KEY: { secret: mine, to: "${HOST}:${http2.port}", in: [bearer, basic] }
`;

test('each unmodified client works with a placeholder; the server sees the value, and nothing in the compartment ever holds it', {
  skip: NOT_ROOT,
}, async (t) => {
  t.after(() => removeTree(FOLDER));
  mkdirSync(FOLDER, { recursive: true, mode: 0o755 });
  copyFileSync(process.execPath, NODE);
  chmodSync(NODE, 0o755);
  const harness = await installedHarness('pi'); // it brings ws
  const written = (origin: Origin, http2: Origin): string => fleet(origin, http2, harness);
  await withClients(VALUE, written, async (stand) => {
    const { origin, http2, services } = stand;
    const told = await stand.run('boxed', ['sh', '-c', 'printf "%s %s" "$MY_KEY" "$TWO_KEY"']);
    assert.match(told.stdout, /^[A-Za-z0-9]{53} [A-Za-z0-9]{53}$/);
    const placeholders = told.stdout.split(' ');
    const group = unifiedFolder(observeCgroups(), cgroupPath(stand.fleet, 'boxed'));
    if (group === undefined) throw new Error('there is no unified cgroup hierarchy');
    const disk = join(stand.state, 'agents/boxed/disk');
    // From behind the user's name on.
    const forms = [VALUE.slice(5, 45), basic('me').slice(12, 60), basic('x-access-token').slice(28, 70)];
    for (const [name, { line, saw = `Bearer ${VALUE}`, said }] of Object.entries(clients(origin.port, http2.port)))
      await t.test(
        name,
        { skip: name === WS && harness === undefined && `pi, which brings it, ${NOT_REACHED}` },
        async () => {
          const held = { value: [] as string[], placeholder: [] as string[] };
          services.meanwhile = () => {
            const pids = processesOf(group);
            held.value.push(...forms.flatMap((form) => holdersOf(form, pids, [])));
            held.placeholder.push(...placeholders.flatMap((one) => holdersOf(one, pids, [])));
          };
          for (const one of [origin, http2]) one.seen.length = 0;
          const { status, stdout, stderr } = await stand.run('boxed', ['sh', '-c', line]);
          assert.equal(status, 0, stdout + stderr);
          if (said) assert.match(stdout, said, stderr);
          const sent = [...origin.seen, ...http2.seen].flatMap(
            ({ headers }) => headers.authorization ?? headers['x-key'] ?? [],
          );
          assert.ok(
            sent.length > 0 && sent.every((one) => one.toString().replace(/^basic/, 'Basic') === saw),
            sent.join(),
          );
          assert.ok(http2.seen.every(({ httpVersion }) => httpVersion === '2.0'));
          assert.ok(
            held.placeholder.some((where) => where.endsWith('memory')),
            'the search finds what is there',
          );
          assert.deepEqual(held.value, []);
          assert.ok(!(stdout + stderr).includes(VALUE));
        },
      );
    await t.test('no file that they left has it', () => {
      assert.deepEqual(
        forms.flatMap((form) => holdersOf(form, processesOf(group), [disk])),
        [],
      );
      for (const [i, folder] of ['by-url', 'by-two'].entries())
        assert.ok(holdersOf(placeholders[i] ?? '', [], [disk]).some((file) => file.endsWith(`${folder}/.git/config`)));
    });
  });
});
