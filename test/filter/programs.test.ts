import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { syscallFilter } from '../../src/tiers/filter/filter.ts';

/** Access is tested as strictly as denial: what agents use all day works under the filter. */

let dir = '';

before(() => {
  dir = mkdtempSync(join(tmpdir(), 'bh-programs-'));
  writeFileSync(join(dir, 'filter'), syscallFilter(process.arch === 'arm64' ? 'aarch64' : 'x86_64'));
});
after(() => removeTree(dir));

const NODE = `
  const { createServer, connect } = require('node:net'), fs = require('node:fs'), cp = require('node:child_process');
  const { Worker } = require('node:worker_threads');
  const watcher = fs.watch('.');
  new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true }).once('message', () => {
    const server = createServer((s) => s.end('hello')).listen(0, '127.0.0.1', () =>
      connect(server.address().port, '127.0.0.1').on('data', (d) => {
        const shell = cp.execFileSync('sh', ['-c', 'echo from sh']).toString();
        fs.writeFileSync('a', 'x'); fs.copyFileSync('a', 'b'); fs.chmodSync('b', 0o700); fs.renameSync('b', 'c');
        require('node:dns').lookup('localhost', () => { console.log(String(d) + ' ' + shell.trim()); server.close(); watcher.close(); });
      }));
  });`;

const PYTHON = `
import asyncio, multiprocessing, os, socket, sqlite3, subprocess, tempfile, threading
threading.Thread(target=lambda: None).start()
sqlite3.connect('py.db').execute('create table t (a)')
out = subprocess.run(['sh', '-c', 'echo child'], capture_output=True, text=True).stdout.strip()
async def main():
    p = await asyncio.create_subprocess_exec('true'); await p.wait()
asyncio.run(main())
with multiprocessing.Pool(2) as pool: total = sum(pool.map(abs, range(3)))
a, b = socket.socketpair(); a.send(b'x'); os.mkfifo('fifo')
print(out, total, b.recv(1).decode())`;

const GIT = `export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.test GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.test
  git init -q repo && cd repo && echo 1 > f && git add f && git commit -qm one && git branch two && git gc -q && cd .. &&
  git clone -q repo copy && git -C copy log --format=%s`;

const CURL = `python3 -u -m http.server --bind 127.0.0.1 0 > log 2>&1 & server=$!
  for i in {1..600}; do grep -q port log && break; sleep 0.1; done
  port=$(sed -n 's/.*port \\([0-9]*\\).*/\\1/p' log)
  echo served > page && curl -s http://127.0.0.1:$port/page; kill $server`;

const NPM = `mkdir pkg app && cd pkg && echo '{"name":"a","version":"1.0.0"}' > package.json && npm pack --silent && cd ../app &&
  npm install --silent --offline --no-audit --no-fund --cache ./cache ../pkg/a-1.0.0.tgz && node -p 'require("a/package.json").version'`;

const PROGRAMS: readonly (readonly [string, readonly string[], string])[] = [
  ['node', [process.execPath, '-e', NODE], 'hello from sh'],
  ['python3', ['python3', '-c', PYTHON], 'child 3 x'],
  ['git', ['sh', '-c', GIT], 'one'],
  [
    'bash',
    [
      'bash',
      '-c',
      'set -m; sleep 0 & wait; diff <(echo a) <(echo a) && for i in {1..3}; do echo $i; done | sort -r | head -1',
    ],
    '3',
  ],
  [
    'tar',
    ['bash', '-c', 'mkdir d e && echo x > d/f && ln d/f d/g && tar czf t.tgz d && tar xzf t.tgz -C e && cat e/d/g'],
    'x',
  ],
  ['curl', ['bash', '-c', CURL], 'served'],
  ['npm', ['bash', '-c', NPM], 'a-1.0.0.tgz\n1.0.0'],
  [
    'perl',
    [
      'perl',
      '-e',
      'open my $p, "-|", "echo piped" or die; print <$p>; close $p; utime 1, 1, "."; symlink "x", "l"; sleep 0;',
    ],
    'piped',
  ],
];

for (const [name, argv, expected] of PROGRAMS) {
  const found = [argv[0] ?? '', name].every(
    (program) => program.startsWith('/') || spawnSync('sh', ['-c', `command -v ${program}`]).status === 0,
  );
  const missing = existsSync('/usr/bin/bwrap') && found ? false : `${name} or bwrap is not on this machine`;
  test(`${name} works under the filter`, { skip: missing }, () => {
    const work = mkdtempSync(join(dir, `${name}-`));
    const filter = openSync(join(dir, 'filter'), 'r');
    const walls = ['--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc', '--bind', work, work, '--chdir', work];
    const confined = [
      ...walls,
      '--unshare-pid',
      '--unshare-net',
      '--new-session',
      '--die-with-parent',
      '--seccomp',
      '3',
      '--',
      ...argv,
    ];
    const ran = spawnSync('bwrap', confined, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe', filter],
      timeout: 120_000,
      env: { PATH: process.env.PATH, HOME: work, LANG: 'C.UTF-8' },
    });
    closeSync(filter);
    assert.equal(ran.stdout.trim(), expected, ran.stderr);
    assert.equal(ran.status, 0, ran.stderr);
  });
}
