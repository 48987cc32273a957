import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { start, type Ways } from '../e2e/command.ts';
import { NOT_ROOT, type Stand } from '../e2e/stand.ts';
import type { Origin } from '../e2e/tls-origin.ts';
import { withinReach } from '../e2e/within-reach.ts';
import { HOST, startServed, withClients } from './stand.ts';

// Programs that read their credential from a file find a placeholder there, in each tier and without root.

const VALUE = `real-${'Z9y8X7w6'.repeat(4)}`;

const agent = (name: string, { port }: Origin, tier: string): string => `
  ${name}:
    tier: ${tier}
    exec: { sets: [base, git, node], ask: never }
    limits: { disk: 128M }
    egress: [{ host: ${HOST}, port: ${port}, address: 127.0.0.1 }]
    secrets:
      NETRC_KEY:
        secret: mine
        to: "${HOST}:${port}"
        in: basic
        file: { path: ~/.netrc, text: "machine ${HOST} login me password {}\\n" }
      NPM_KEY:
        secret: mine
        to: "${HOST}:${port}"
        file: { path: ~/.npmrc, text: "registry=https://${HOST}:${port}/npm/\\n//${HOST}:${port}/npm/:_authToken={}\\n" }
      URL_KEY:
        secret: mine
        to: "${HOST}:${port}"
        in: [query key]
        as: "https://${HOST}:${port}/hook?key={}"
      DEEP_KEY: { secret: mine, to: "${HOST}:${port}", file: { path: ~/.config/some/tool, text: "{}" } }
`;

async function works(stand: Pick<Stand, 'run'>, name: string, origin: Origin): Promise<void> {
  const sh = (line: string) => stand.run(name, ['sh', '-c', line]);
  const basic = `Basic ${Buffer.from(`me:${VALUE}`).toString('base64')}`;
  const sent = async (line: string, said: RegExp): Promise<(string | undefined)[]> => {
    origin.seen.length = 0;
    const { stdout, stderr } = await sh(line);
    assert.match(stdout, said, stderr);
    return origin.seen.flatMap(({ headers, url }) => headers.authorization ?? url ?? []);
  };
  const url = `https://${HOST}:${origin.port}`;
  assert.deepEqual(await sent(`curl -sS -m 20 -n ${url}/`, /an answer/), [basic]);
  assert.ok((await sent(`git clone -q ${url}/git/thing.git && ls`, /thing/)).includes(basic));
  assert.ok(
    (await sent('npm install --no-fund --no-audit thing && ls node_modules', /thing/)).every(
      (one) => one === `Bearer ${VALUE}`,
    ),
  );
  assert.deepEqual(await sent('curl -sS -m 20 "$URL_KEY"', /an answer/), [`/hook?key=${VALUE}`]);
  const { stdout } = await sh(
    'stat -c "%a %n" ~/.netrc ~/.npmrc ~/.config/some/tool; test "$(cat ~/.config/some/tool)" = "$DEEP_KEY" && echo same',
  );
  assert.match(stdout, /^600 .*\.netrc\n600 .*\.npmrc\n600 .*tool\nsame\n$/);
  assert.doesNotMatch((await sh('cat ~/.netrc ~/.npmrc ~/.config/some/tool; env')).stdout, new RegExp(VALUE));
}

test('a placeholder stands in files that programs read, mode 0600, written anew at each start', {
  skip: NOT_ROOT,
}, async (t) => {
  const fleet = (origin: Origin): string =>
    `roots: [${origin.root}]\nagents:${agent('boxed', origin, 'sandbox')}${agent('hosted', origin, 'user')}`;
  await withClients(VALUE, fleet, async (stand) => {
    for (const name of ['boxed', 'hosted']) await t.test(name, () => works(stand, name, stand.origin));
    await t.test('what the agent puts in the way is replaced, and leads nowhere', async () => {
      const away = 'rm -rf ~/.netrc ~/.config; echo mine >~/kept; ln -s ~/kept ~/.netrc; ln -s ~/kept ~/..netrc.next';
      assert.equal((await stand.run('boxed', ['sh', '-c', away])).status, 0);
      assert.equal((await stand.bulkhead(['restart', 'boxed'])).status, 0);
      const { stdout } = await stand.run('boxed', ['sh', '-c', 'cat ~/kept; stat -c %F ~/.netrc; ls ~/.config/some']);
      assert.equal(stdout, 'mine\nregular file\ntool\n');
    });
  });
});

test('without root too', { skip: NOT_ROOT }, async () => {
  const product = await withinReach();
  const uid = 62_900 + (process.pid % 90);
  const home = mkdtempSync(join(tmpdir(), 'bulkhead-keyless-'));
  chmodSync(home, 0o755); // the root certificate is read by the gateway, of the same uid, and by nobody else
  const as = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', 'env', '-i', `HOME=${home}`];
  const program = [...as, `PATH=${process.env.PATH}`, join(product.tree, 'bulkhead')];
  const bulkhead = ([first = '', ...rest]: readonly string[], ways: Ways = {}) =>
    start([first, '--state', join(home, 'state'), ...rest], { ...ways, program }).ended;
  const { origin, http2 } = await startServed(home);
  try {
    const file = join(home, 'fleet.yaml');
    writeFileSync(file, `fleet: keyless\nroots: [${origin.root}]\nagents:${agent('boxed', origin, 'sandbox')}`);
    chownSync(home, uid, uid);
    chownSync(file, uid, uid);
    const set = await bulkhead(['secrets', 'set', 'mine'], { input: VALUE });
    assert.equal(set.status, 0, set.stderr);
    const up = await bulkhead(['up', '-f', file]);
    assert.equal(up.status, 0, up.stdout + up.stderr);
    await works({ run: (name, argv) => bulkhead(['run', name, '--', ...argv]) }, 'boxed', origin);
  } finally {
    await bulkhead(['uninstall']);
    for (const one of [origin, http2]) one.stop();
    removeTree(home);
    product.close();
  }
});
