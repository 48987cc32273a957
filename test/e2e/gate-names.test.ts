import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { approve, asked, killed } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = `
defaults:
  exec: { sets: [base, python, node], ask: on-miss }
  ask: { wait: 2m }
agents:
  one: {}
  next: {}
  bare:
    exec: { sets: [base] }
`;

/** Programs of this test on the host: in a folder that compartments see, with links from where programs are looked for. */
const PREFIX = `bh-names-${process.pid}`;
const PARTS = `/usr/share/misc/${PREFIX}`;
const PROGRAMS = '/usr/local/bin';
const NAMES = ['self', 'self2', 'py', 'js'].map((name) => `${PREFIX}-${name}`);

function install(): void {
  mkdirSync(PARTS);
  copyFileSync('/usr/bin/readlink', `${PROGRAMS}/${PREFIX}-self`);
  copyFileSync('/usr/bin/readlink', `${PROGRAMS}/${PREFIX}-self2`);
  writeFileSync(
    `${PARTS}/tool.py`,
    '#!/usr/bin/python3\nimport part, sys\nprint(part.word, sys.path[0], sys.argv[1:])\n',
  );
  writeFileSync(`${PARTS}/part.py`, 'word = "beside"\n');
  writeFileSync(
    `${PARTS}/tool.js`,
    '#!/usr/bin/env node\nconsole.log(require("./part.js"), __dirname, process.argv.slice(2).join())\n',
  );
  writeFileSync(`${PARTS}/part.js`, 'module.exports = "beside"\n');
  for (const kind of ['py', 'js']) {
    chmodSync(`${PARTS}/tool.${kind}`, 0o755);
    symlinkSync(`${PARTS}/tool.${kind}`, `${PROGRAMS}/${PREFIX}-${kind}`);
  }
}

function remove(): void {
  removeTree(PARTS);
  for (const name of NAMES) rmSync(`${PROGRAMS}/${name}`, { force: true });
}

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['what runs by approval sees itself under the path of its original', itself],
  ['a Python script finds the modules beside it', (stand) => script(stand, 'py', `beside ${PARTS} ['7']`)],
  ['a Node script finds the modules beside it', (stand) => script(stand, 'js', `beside ${PARTS} 7`)],
  ['two agents, and the next gate, give the names again', again],
  [
    'an interpreter that is asked for itself is asked for with its script, and the answer is good for no other',
    interpreter,
  ],
];

test('names of approved programs', { skip: NOT_ROOT }, async (t) => {
  try {
    install();
    await withFleetBeside(FLEET, async (stand) => {
      for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
    });
  } finally {
    remove();
  }
});

async function itself(stand: Stand): Promise<void> {
  for (const name of [`${PREFIX}-self`, `${PREFIX}-self2`]) {
    const { ended } = stand.start(['run', 'one', '--', name, '/proc/self/exe']);
    await approve(stand, `${name} /proc/self/exe (program ${PROGRAMS}/${name})`);
    assert.equal((await ended).stdout, `${PROGRAMS}/${name}\n`);
  }
}

async function script(stand: Stand, kind: string, line: string): Promise<void> {
  const { ended } = stand.start(['run', 'one', '--', `${PREFIX}-${kind}`, '7']);
  await approve(stand, `${PREFIX}-${kind} 7 (program ${PARTS}/tool.${kind})`);
  const { stdout, stderr } = await ended;
  assert.equal(stdout, `${line}\n`, stderr);
}

async function again(stand: Stand): Promise<void> {
  const name = `${PREFIX}-self`;
  await killed(stand, 'gate');
  for (const agent of ['next', 'one']) {
    const { ended } = stand.start(['run', agent, '--', name, '-n', '/proc/self/exe']);
    await approve(stand, `${name} -n /proc/self/exe (program ${PROGRAMS}/${name})`);
    assert.equal((await ended).stdout, `${PROGRAMS}/${name}`);
  }
}

async function interpreter(stand: Stand): Promise<void> {
  const first = stand.run('bare', [`${PREFIX}-py`, '7']);
  await approve(stand, `${PREFIX}-py 7 (program ${PARTS}/tool.py)`);
  const [digest] = execFileSync('sha256sum', [`${PARTS}/tool.py`])
    .toString()
    .split(' ');
  const { id, shown } = await waiting(stand, 'bare', '/usr/bin/python3 /dev/fd/');
  const [, fd] = /^\/usr\/bin\/python3 \/dev\/fd\/(\d+) 7 /.exec(shown) ?? [];
  assert.ok(shown.endsWith(` (script ${PARTS}/tool.py sha256 ${digest})`), shown);
  assert.equal((await stand.bulkhead(['approve', String(id), '--for', '1h'])).status, 0);
  await first; // without its library Python may end as it likes
  const other = stand.run('bare', [
    'bash',
    '-c',
    `echo 'print(1)' > x.py; exec ${fd}< x.py; exec /usr/bin/python3 /dev/fd/${fd} 7`,
  ]);
  const again = await waiting(stand, 'bare', '/usr/bin/python3 /dev/fd/');
  assert.doesNotMatch(again.shown, /script/);
  await stand.bulkhead(['deny', String(again.id)]);
  assert.equal((await other).status, 126);
}

function waiting(stand: Stand, agent: string, start: string): Promise<{ id: number; shown: string }> {
  return asked(stand, (one) => one.agent === agent && one.shown.startsWith(start));
}
