import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { observeCgroups, unifiedFolder } from '../../src/host/cgroup-roots.ts';
import { cgroupPath } from '../../src/plan/fleet.ts';
import { NOT_ROOT } from '../e2e/stand.ts';
import type { Origin } from '../e2e/tls-origin.ts';
import { holdersOf, processesOf } from '../harness/holding.ts';
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

const basic = (user: string): string => `Basic ${Buffer.from(`${user}:${VALUE}`).toString('base64')}`;

function clients(port: number): Record<string, Client> {
  const at = `${HOST}:${port}`;
  const url = `https://${at}`;
  const header = 'Authorization: Bearer $MY_KEY';
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

const fleet = ({ port, root }: Origin): string => `
roots: [${root}]
agents:
  boxed:
    exec: { sets: [base, git, python, node], allow: [wget], ask: never }
    limits: { disk: 256M, cpu: 200% }
    egress: [{ host: ${HOST}, port: ${port}, address: 127.0.0.1 }]
    secrets: { MY_KEY: { secret: mine, to: "${HOST}:${port}", in: [bearer, basic, header x-key] } }
`;

test('each unmodified client works with a placeholder; the server sees the value, and nothing in the compartment ever holds it', {
  skip: NOT_ROOT,
}, async (t) => {
  await withClients(VALUE, fleet, async (stand) => {
    const { origin, services } = stand;
    const placeholder = (await stand.run('boxed', ['sh', '-c', 'printf %s "$MY_KEY"'])).stdout;
    assert.match(placeholder, /^[A-Za-z0-9]{53}$/);
    const group = unifiedFolder(observeCgroups(), cgroupPath(stand.fleet, 'boxed'));
    if (group === undefined) throw new Error('there is no unified cgroup hierarchy');
    const disk = join(stand.state, 'agents/boxed/disk');
    // From behind the user's name on.
    const forms = [VALUE.slice(5, 45), basic('me').slice(12, 60), basic('x-access-token').slice(28, 70)];
    for (const [name, { line, saw = `Bearer ${VALUE}`, said }] of Object.entries(clients(origin.port)))
      await t.test(name, async () => {
        const held = { value: [] as string[], placeholder: [] as string[] };
        services.meanwhile = () => {
          const pids = processesOf(group);
          held.value.push(...forms.flatMap((form) => holdersOf(form, pids, [])));
          held.placeholder.push(...holdersOf(placeholder, pids, []));
        };
        origin.seen.length = 0;
        const { status, stdout, stderr } = await stand.run('boxed', ['sh', '-c', line]);
        assert.equal(status, 0, stdout + stderr);
        if (said) assert.match(stdout, said, stderr);
        const sent = origin.seen.flatMap(({ headers }) => headers.authorization ?? headers['x-key'] ?? []);
        assert.ok(
          sent.length > 0 && sent.every((one) => one.toString().replace(/^basic/, 'Basic') === saw),
          sent.join(),
        );
        assert.ok(
          held.placeholder.some((where) => where.endsWith('memory')),
          'the search finds what is there',
        );
        assert.deepEqual(held.value, []);
        assert.ok(!(stdout + stderr).includes(VALUE));
      });
    await t.test('no file that they left has it', () => {
      assert.deepEqual(
        forms.flatMap((form) => holdersOf(form, processesOf(group), [disk])),
        [],
      );
      assert.ok(holdersOf(placeholder, [], [disk]).some((file) => file.endsWith('by-url/.git/config')));
    });
  });
});
