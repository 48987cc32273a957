import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { execsSoFar, asked as questionLike } from './asking.ts';
import type { Result } from './command.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = `
defaults:
  limits: { memory: 512M, processes: 256, cpu: 200%, disk: 128M }
agents:
  one:
    exec: { sets: [base, python, node], ask: on-miss, own: ask }
    ask: { wait: 2m }
  quick:
    exec: { sets: [base, python], ask: never, own: ask }
    ask: { wait: 1s }
  never:
    exec: { sets: [base], ask: on-miss }
    ask: { wait: 2s }
`;

/** Tries of the race; ten thousand with BULKHEAD_LONG, as test:long runs it. */
const TRIES = process.env.BULKHEAD_LONG ? 10_000 : 250;
const AT_ONCE = 250;

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['a program that the agent made waits, is shown by path and digest, and runs under its own path', binary],
  ['scripts of a shell, Python and Node wait as well, and find what lies beside them', scripts],
  ['one that is stopped in its exec for seconds is asked about like any other', late],
  ['while it waits its file can be read, changed and deleted, and what was shown is what runs', deleted],
  ['a file that is another after an approval asks again, under an always too', swapped],
  ['a hard link and a symbolic link lead to the file, which is shown', links],
  ['a link that is swapped while it is executed starts nothing that was not approved', race],
  ['a script whose interpreter would be asked for itself is refused in one line', interpreter],
  ['outside of the workspace nothing runs, and without own: ask nothing in it', elsewhere],
  ['what is no program fails as ever', ordinary],
  ['it waits on over a pause of its agent', paused],
  ['no mount and no copy is left of it', leftNothing],
  ['an agent that starts such programs without end can be paused, and loses an approval that is taken back', busy],
];

test('programs that an agent made', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(FLEET, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

/** Six at a time wait in the call, where the kernel cannot freeze them. */
async function busy(stand: Stand): Promise<void> {
  const held = stand.start(['run', 'one', '--', 'sh', '-c', 'tail -f /dev/null | factor']).ended;
  const factor = await asked(stand, 'factor');
  await yes(stand, 'factor', '--for', '1h');
  const first = sh(stand, 'echo "#!/bin/sh" > busy; chmod +x busy; : > go; ./busy');
  const { id } = await asked(stand, './busy');
  assert.equal((await stand.bulkhead(['deny', String(id), '--always'])).status, 0);
  assert.equal((await first).status, 126);
  const loops = sh(stand, 'for i in 1 2 3 4 5 6; do (while [ -e go ]; do ./busy 2> /dev/null; done) & done; wait');
  try {
    await sleep(1000);
    for (const what of ['pause', 'resume', 'pause', 'resume']) {
      const { status, stderr } = await stand.bulkhead([what, 'one']);
      assert.equal(status, 0, `${what}: ${stderr}`);
    }
    const { status, json, stderr } = await stand.bulkhead(['revoke', String(factor.id), '--json']);
    assert.equal(status, 0, stderr);
    assert.ok(json.ended >= 1, JSON.stringify(json));
  } finally {
    await sh(stand, 'rm -f go');
    await loops;
    await held;
  }
}

/** The copies that there are before an agent made anything. */
let before: readonly string[] = [];

function copiesIn(stand: Stand): string[] {
  return readdirSync(`${stand.state}/pins`)
    .filter((name) => name !== 'named')
    .sort();
}

function sh(stand: Stand, script: string, agent = 'one'): Promise<Result> {
  return stand.run(agent, ['sh', '-c', script]);
}

/** The question that begins like this. */
function asked(stand: Stand, start: string): Promise<{ id: number; shown: string }> {
  return questionLike(stand, ({ shown }) => shown.startsWith(start));
}

async function yes(stand: Stand, start: string, ...scope: string[]): Promise<string> {
  const { id, shown } = await asked(stand, start);
  const { status, stderr } = await stand.bulkhead(['approve', String(id), ...scope]);
  assert.equal(status, 0, stderr);
  return shown;
}

async function no(stand: Stand, start: string, ...scope: string[]): Promise<void> {
  assert.equal((await stand.bulkhead(['deny', String((await asked(stand, start)).id), ...scope])).status, 0);
}

async function binary(stand: Stand): Promise<void> {
  before = copiesIn(stand);
  const run = sh(stand, 'mkdir -p bin; cp /usr/bin/readlink bin/tool; sha256sum bin/tool; ./bin/tool /proc/self/exe');
  const shown = await yes(stand, './bin/tool /proc/self/exe');
  const { status, stdout, stderr } = await run;
  const [digest] = stdout.split(' ');
  assert.deepEqual([status, stdout.split('\n')[1]], [0, '/workspace/bin/tool'], stderr);
  assert.equal(shown, `./bin/tool /proc/self/exe (its own program /workspace/bin/tool sha256 ${digest})`);
  const record = (await execsSoFar(stand)).find(
    ({ event, path }) => event === 'exec.allowed' && path === '/workspace/bin/tool',
  );
  assert.match(record?.rule ?? '', /^approval /);
}

async function scripts(stand: Stand): Promise<void> {
  const made: readonly (readonly [name: string, lines: readonly string[], printed: string])[] = [
    ['a.sh', ['#!/bin/sh', 'echo "sh $1"'], 'sh x'],
    ['a.py', ['#!/usr/bin/python3', 'import part_py, sys', 'print(part_py.word, sys.argv[1])'], 'beside x'],
    ['a.js', ['#!/usr/bin/env node', 'console.log(require("./part.js"), process.argv[2])'], 'beside x'],
  ];
  await sh(stand, `echo 'word = "beside"' > part_py.py; echo 'module.exports = "beside"' > part.js`);
  for (const [name, lines, printed] of made) {
    const text = lines.join('\n');
    const run = sh(stand, `cat > ${name} <<'END'\n${text}\nEND\nchmod +x ${name}; ./${name} x`);
    await yes(stand, `./${name} x`);
    const { stdout, stderr } = await run;
    assert.equal(stdout, `${printed}\n`, stderr);
  }
}

async function deleted(stand: Stand): Promise<void> {
  const run = sh(
    stand,
    'cp /usr/bin/seq gone; ./gone 2 & until [ -e asked ]; do sleep 0.1; done; until cmp -s gone /usr/bin/seq; do sleep 0.1; done; echo same; echo "#!/bin/sh" > gone; rm gone; wait',
  );
  await asked(stand, './gone 2');
  const workspace = `${stand.state}/agents/one/disk/workspace`;
  writeFileSync(`${workspace}/asked`, '');
  for (const late = Date.now() + 30_000; existsSync(`${workspace}/gone`); await sleep(50))
    assert.ok(Date.now() < late, 'its file cannot be read');
  await yes(stand, './gone 2');
  const { stdout, stderr } = await run;
  assert.equal(stdout, 'same\n1\n2\n', stderr);
}

/** Its process is stopped while it waits in the exec, so that the stub begins to ask seconds later. */
const LATE = `
import os, signal, sys, time
r, w = os.pipe()
pid = os.fork()
if pid == 0:
    os.write(w, b'x')
    os.execv('./late', ['./late', '1'])
os.read(r, 1)
time.sleep(0.01)
os.kill(pid, signal.SIGSTOP)
time.sleep(6)
os.kill(pid, signal.SIGCONT)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

async function late(stand: Stand): Promise<void> {
  const run = stand.run('one', ['bash', '-c', 'cp /usr/bin/seq late; exec python3 -c "$0"', LATE]);
  await yes(stand, './late 1');
  const { status, stdout, stderr } = await run;
  assert.deepEqual([status, stdout], [0, '1\n'], stderr);
}

const COVERS = 'grep -c " /workspace/" /proc/self/mountinfo';

async function leftNothing(stand: Stand): Promise<void> {
  const late = Date.now() + 30_000; // an exec that did not find its stub is waited for, for 3 s
  for (let mounts = ''; mounts !== '0\n'; mounts = (await sh(stand, COVERS)).stdout) {
    assert.ok(Date.now() < late, `mounted over its files: ${mounts}`);
  }
  while (!isDeepStrictEqual(copiesIn(stand), before) && Date.now() < late) await sleep(100);
  assert.deepEqual(copiesIn(stand), before);
}

async function paused(stand: Stand): Promise<void> {
  const run = sh(stand, 'cp /usr/bin/seq paused; ./paused 1');
  await asked(stand, './paused 1');
  assert.equal((await stand.bulkhead(['pause', 'one'])).status, 0);
  assert.equal((await stand.bulkhead(['resume', 'one'])).status, 0);
  await yes(stand, './paused 1');
  assert.equal((await run).stdout, '1\n');
}

async function swapped(stand: Stand): Promise<void> {
  const first = sh(stand, 'cp /usr/bin/seq swap; ./swap 1');
  await yes(stand, './swap 1', '--always');
  assert.equal((await first).stdout, '1\n');
  assert.equal((await sh(stand, './swap 1')).stdout, '1\n', 'at once');
  const other = sh(stand, 'cp /usr/bin/printf swap; ./swap 1');
  await no(stand, './swap 1');
  assert.deepEqual([(await other).status, (await other).stdout], [126, '']);
}

async function links(stand: Stand): Promise<void> {
  const hard = sh(stand, 'cp /usr/bin/seq first; ln first second; ./second 1');
  assert.match(await yes(stand, './second 1'), /\(its own program \/workspace\/second sha256 /);
  assert.equal((await hard).stdout, '1\n');
  const soft = sh(stand, 'mkdir -p d; ln -sf ../first d/third; cd d; ./third 2');
  assert.match(await yes(stand, './third 2'), /\(its own program \/workspace\/first sha256 .*\(in \/workspace\/d\)$/);
  assert.equal((await soft).stdout, '1\n2\n');
}

const RACE = `
import os, subprocess, sys, threading, time
tries = int(sys.argv[1])
next = 'next%d' % os.getpid()
on = True
def swap():
    i = 0
    while on:
        i += 1
        try:
            os.symlink('good' if i % 2 else 'bad', next); os.rename(next, 'link')
        except FileExistsError: os.unlink(next)
        time.sleep(0.0005 * (i % 7))
threading.Thread(target=swap, daemon=True).start()
seen = {}
for i in range(tries):
    try:
        p = subprocess.run(['./link'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        word = p.stdout.decode().strip() or 'refused'
    except OSError as e: word = 'noexec'
    seen[word] = seen.get(word, 0) + 1
on = False
print(seen.get('good', 0), seen.get('refused', 0), seen.get('noexec', 0), sum(n for w, n in seen.items() if w not in ('good', 'refused', 'noexec')))
`;

async function race(stand: Stand): Promise<void> {
  const made = '#!/bin/sh\necho';
  await sh(stand, `printf '${made} good\\n' > good; printf '${made} bad\\n' > bad; chmod +x good bad`, 'quick');
  for (const [name, answer] of [
    ['good', yes],
    ['bad', no],
  ] as const) {
    const run = sh(stand, `ln -sf ${name} link; ./link`, 'quick');
    await answer(stand, './link (its own program', '--always');
    await run;
    assert.equal((await sh(stand, './link', 'quick')).stdout, name === 'good' ? 'good\n' : '');
  }
  const seen = [0, 0];
  for (let done = 0; done < TRIES || (Math.min(...seen) === 0 && done < TRIES + 4 * AT_ONCE); done += AT_ONCE) {
    const { stdout, stderr } = await stand.run('quick', ['python3', '-c', RACE, String(AT_ONCE)]);
    const [good = 0, refused = 0, noexec = 0, others] = stdout.trim().split(' ').map(Number);
    assert.equal(others, 0, stdout + stderr);
    assert.equal(good + refused + noexec, AT_ONCE, stderr);
    for (const [i, some] of [good, refused].entries()) seen[i] = (seen[i] ?? 0) + some;
  }
  assert.ok(Math.min(...seen) > 0, `the race never hit both: ${seen}`);
}

async function interpreter(stand: Stand): Promise<void> {
  const run = sh(stand, `printf '#!/usr/bin/perl\\nprint 1\\n' > a.pl; chmod +x a.pl; ./a.pl`);
  await yes(stand, './a.pl');
  const { status, stderr } = await run;
  assert.equal(status, 126);
  assert.match(stderr, /^bulkhead: refused: perl would read \/workspace\/a\.pl anew[^\n]*\n$/);
}

async function elsewhere(stand: Stand): Promise<void> {
  for (const folder of ['/tmp', '/home/agent', '/dev/shm']) {
    const { status, stderr } = await sh(stand, `cp /usr/bin/seq ${folder}/x; ${folder}/x 1`);
    assert.equal(status, 126, stderr);
    assert.match(stderr, /Permission denied/);
  }
  const { status, stderr } = await sh(stand, 'cp /usr/bin/seq x; ./x 1', 'never');
  assert.equal(status, 126);
  assert.match(stderr, /Permission denied/);
}

async function ordinary(stand: Stand): Promise<void> {
  const listed = await sh(stand, 'ln -sf /usr/bin/seq listed; ./listed 3 3');
  assert.equal(listed.stdout, '3\n', 'a link to what may be started by its file');
  assert.ok(
    (await execsSoFar(stand)).some(({ argv }) => argv?.join(' ') === './listed 3 3'),
    'it is on record',
  );
  const { stdout } = await sh(
    stand,
    './none 2>/dev/null; echo $?; mkdir -p e; ./e 2>/dev/null; echo $?; echo x > plain; ./plain 2>/dev/null; echo $?; python3 -c "import os; os.mkfifo(\'p\', 0o755)"; ./p 2>/dev/null; echo $?',
  );
  assert.equal(stdout, '127\n126\n126\n126\n');
}
