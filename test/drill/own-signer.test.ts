import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { holders } from '../../src/drill/credentials/holders.ts';
import { PRELUDE } from '../../src/drill/prelude.ts';
import { removeTree } from '../../src/host/files/mounts.ts';

const OURS = '/run/bulkhead/ssh-agent';

test('the attack on the signer succeeds against one that signs anything, OpenSSH’s own', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bulkhead-own-signer-'));
  const socket = join(dir, 'agent');
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
  const env = { ...process.env, SSH_AUTH_SOCK: socket };
  const attack = holders.find(({ id }) => id === 'b37-agent-sockets');
  assert.ok(attack);
  assert.ok(attack.program.includes(`'${OURS}'`));
  const text = `${PRELUDE}${attack.program.replaceAll(OURS, socket)}`;
  const perl = ['-MSocket', '-MPOSIX', '-MFcntl', '-MErrno', '-e', `our %A = (sockets_dir => '/nonexistent'); ${text}`];
  try {
    const late = Date.now() + 60_000;
    while (spawnSync('ssh-add', ['-l'], { env }).status === 2 && Date.now() < late) await wait(50);
    assert.match(spawnSync('perl', perl, { env, encoding: 'utf8' }).stdout, /^refused /, 'it has no key yet');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(dir, 'key')]);
    execFileSync('ssh-add', ['-q', join(dir, 'key')], { env, stdio: 'pipe' });
    assert.match(
      spawnSync('perl', perl, { env, encoding: 'utf8' }).stdout,
      /^done the signer signed what is no login$/m,
    );
    const login = [...perl.slice(0, -1), String(perl.at(-1)).replace("['what is no login', $file], ", '')];
    assert.match(
      spawnSync('perl', login, { env, encoding: 'utf8' }).stdout,
      /^done the signer signed a login at a server that it never heard$/m,
    );
  } finally {
    const gone = new Promise((resolve) => agent.once('exit', resolve));
    agent.kill('SIGTERM');
    await gone;
    removeTree(dir);
  }
});
