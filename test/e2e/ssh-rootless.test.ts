import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type Result, start } from './command.ts';
import { makeSshUser, startSshd } from './sshd.ts';
import { NOT_ROOT } from './stand.ts';
import { withinReach } from './within-reach.ts';

const UID = 63_900 + (process.pid % 90);

test('without root too, git works over SSH with a key that the agent does not hold, and a sibling has no signer', {
  skip: NOT_ROOT,
}, async () => {
  const product = await withinReach();
  const user = makeSshUser();
  const home = mkdtempSync(join(tmpdir(), 'bulkhead-ssh-nobody-'));
  // As long as the programs' own sockets allow: the signer's path is longer than a socket's may be (unix(7)).
  const state = join(home, 'x').padEnd(84, 'x');
  const as = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', 'env', '-i', `HOME=${home}`];
  const program = [...as, `PATH=${process.env.PATH}`, `${product.tree}/bulkhead`];
  const bulkhead = (args: readonly string[]): Promise<Result> => {
    const [first = '', ...rest] = args;
    return start([first, '--state', state, ...rest], { program }).ended;
  };
  const server = await startSshd(user);
  try {
    const at = `{ host: git.test, port: ${server.port}, address: 127.0.0.1 }`;
    writeFileSync(
      join(home, 'fleet.yaml'),
      `fleet: nobody-ssh
defaults: { exec: { sets: [base, git] } }
agents:
  coder:
    egress: [${at}]
    ssh: [{ host: git.test, port: ${server.port}, user: ${user.name}, host-key: "${server.hostKey}" }]
  other:
    egress: [${at}]
`,
    );
    for (const path of [home, join(home, 'fleet.yaml')]) chownSync(path, UID, UID);
    chmodSync(home, 0o700);
    const up = await bulkhead(['up', '-f', join(home, 'fleet.yaml')]);
    assert.match(up.stdout, /^coder logs in to /m, up.stdout + up.stderr);
    server.authorize((await bulkhead(['secrets', 'ssh', 'coder'])).stdout.trim().split('\n'));
    const url = `ssh://${user.name}@git.test:${server.port}${user.home}/repo`;
    const line = `git clone -q ${url} got && cd got && echo more > more && git add . && git -c user.name=a -c user.email=a@b.test commit -qm more && git push -q && git ls-remote origin | wc -l`;
    const { status, stdout, stderr } = await bulkhead(['run', 'coder', '--', 'sh', '-c', line]);
    assert.deepEqual([status, stdout.trim()], [0, '2'], stderr);
    const beside = await bulkhead([
      'run',
      'other',
      '--',
      'sh',
      '-c',
      `ls /run/bulkhead ${state} 2>&1; echo "[$SSH_AUTH_SOCK]"`,
    ]);
    assert.match(beside.stdout, /^\[\]$/m);
    assert.equal(beside.stdout.match(/No such file or directory/g)?.length, 2, beside.stdout);
  } finally {
    const gone = await bulkhead(['uninstall']);
    await server.stop();
    await user.remove();
    removeTree(home);
    product.close();
    assert.equal(gone.status, 0, gone.stdout + gone.stderr);
  }
});
