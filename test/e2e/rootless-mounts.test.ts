import assert from 'node:assert/strict';
import { chownSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type Result, start } from './command.ts';
import { NOT_ROOT } from './stand.ts';
import { type Reachable, withinReach } from './within-reach.ts';

let product: Reachable;
before(async () => {
  product = await withinReach();
});
after(() => product?.close());

const UID = 62_900 + (process.pid % 90);
const GIVEN: Readonly<Record<string, string>> = {
  shared: 'agents: { one: { workspace: ./given, shared: true } }',
  knowledge: 'knowledge: { book: ./given }\nagents: { one: { knowledge: [book] } }',
};

/** A command line of an ordinary user, in a mount namespace where `at` is a mount: what a test mounts is never the machine's. */
function withMount(at: string, home: string, args: readonly string[]): Promise<Result> {
  const program = [
    ...['unshare', '--mount', '--propagation', 'private'],
    ...['sh', '-c', 'mount -t tmpfs -o size=64k bulkhead-test "$0" && exec "$@"', at],
    ...['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups'],
    ...['env', '-i', `HOME=${home}`, `PATH=${process.env.PATH}`, `${product.tree}/bulkhead`],
  ];
  return start([...args, '--state', join(home, 'state'), '-f', join(home, 'fleet.yaml')], { program }).ended;
}

for (const [what, yaml] of Object.entries(GIVEN))
  test(`without root, a folder with something mounted below it is refused as ${what} before anything is made`, {
    skip: NOT_ROOT,
  }, async () => {
    const home = mkdtempSync(join(tmpdir(), 'bulkhead-mounted-'));
    try {
      mkdirSync(join(home, 'given/a/below'), { recursive: true });
      mkdirSync(join(home, 'given-more'));
      writeFileSync(join(home, 'fleet.yaml'), `fleet: mounted\n${yaml}\n`);
      for (const path of ['', 'given', 'given/a', 'given/a/below', 'given-more', 'fleet.yaml'])
        chownSync(join(home, path), UID, UID);
      for (const command of ['plan', 'up']) {
        const { status, json } = await withMount(join(home, 'given/a/below'), home, [command, '--json']);
        assert.deepEqual([status, json?.error?.code], [3, 'mount-below'], JSON.stringify(json));
        assert.match(json.error.message, /given\/a\/below/);
        assert.equal(existsSync(join(home, 'state')), false);
      }
      for (const elsewhere of ['given', 'given-more'])
        assert.equal((await withMount(join(home, elsewhere), home, ['plan'])).status, 0, elsewhere);
    } finally {
      removeTree(home);
    }
  });
