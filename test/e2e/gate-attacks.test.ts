import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approve, asked, execsSoFar, pidOf, question, runsBy, signalled } from './asking.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

/** Adversarial programs against the exec gate, in Python inside a compartment (it may be started there, so it computes what it likes).
 *  `factor` is on no list; that it printed something is that it ran. */
const FLEET = `
defaults:
  limits: { memory: 512M, processes: 256, cpu: 200%, disk: 64M }
agents:
  one:
    exec: { sets: [base, python], ask: on-miss }
    ask: { wait: 1s }
  slow:
    exec: { sets: [base, python], ask: on-miss }
    ask: { wait: 2m }
`;

const text = (name: string): string => readFileSync(new URL(`gate/${name}`, import.meta.url), 'utf8');

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['nothing of a waiting stub, or of what was approved, is open to its agent’s other processes', untouched],
  ['two processes cannot share a working directory', sharedFolder],
  ['a link swapped after approval leads to what the link leads to, which is asked for by its own name', swappedLink],
  ['a program under a filter of the agent’s own is refused', ownFilter],
  ['no second listener', secondListener],
  ['the loader starts no stub and no program behind one', loader],
  ['no exec from memory, or of a file it made, by any name', memory],
  ['three thousand arguments are asked for whole; no arguments at all are refused', manyArguments],
  ['descriptors that are taken, and a low limit on them, let nothing through', descriptors],
  ['a script and its interpreter are each judged', chain],
  ['thousands of execs at once are all answered', flood],
  ['killing the gate over and over starts nothing that was not approved', killings],
];

test('attacks on the exec gate', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(FLEET, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

function python(stand: Stand, script: string, ...args: string[]): ReturnType<Stand['run']> {
  return stand.run('one', ['python3', '-c', script, ...args]);
}

async function untouched(stand: Stand): Promise<void> {
  const started = stand.start(['run', 'slow', '--', 'sh', '-c', 'factor < /dev/zero & echo $!; wait']);
  let pid = '';
  started.child.stdout?.on('data', (chunk: string) => (pid += chunk));
  await question(stand, 'factor');
  for (const late = Date.now() + 30_000; !pid.endsWith('\n'); await sleep(20)) assert.ok(Date.now() < late, 'no pid');
  const stub = await stand.run('slow', ['python3', '-c', text('look.py'), pid.trim()]);
  assert.equal(stub.stdout.split('\n').filter((line) => line.includes(' held ')).length, 21, stub.stdout + stub.stderr);
  assert.doesNotMatch(stub.stdout, / GOT /);
  await runsBy(stand, await approve(stand, 'factor'));
  const program = await stand.run('slow', ['python3', '-c', text('look.py'), pid.trim()]);
  assert.equal(program.stdout.split('\n').filter((line) => line.includes(' held ')).length, 21, program.stdout);
  assert.doesNotMatch(program.stdout, / GOT /);
  await stand.run('slow', ['kill', '-9', pid.trim()]);
  await started.ended;
}

async function sharedFolder(stand: Stand): Promise<void> {
  const { stdout } = await python(
    stand,
    'import ctypes,os\nc=ctypes.CDLL(None,use_errno=True)\nr=c.syscall(56,0x211,0,0,0,0)\nif r==0: os._exit(0)\nprint(r,os.strerror(ctypes.get_errno()))',
  );
  assert.equal(stdout, '-1 Operation not permitted\n');
}

async function swappedLink(stand: Stand): Promise<void> {
  const run = (): ReturnType<Stand['run']> =>
    stand.run('one', [
      'sh',
      '-c',
      'ln -sf /usr/bin/factor f; (sleep 0.3; ln -sf /usr/bin/shred f) & ./f 14; wait; ./f 14',
    ]);
  const { stdout } = await run();
  assert.equal(stdout, '');
  const shown = await stand.bulkhead(['approvals', '--json']);
  const asked = shown.json.approvals.map((one: { shown: string }) => one.shown);
  assert.ok(
    asked.some((line: string) => line.startsWith('./f 14 (program /usr/bin/shred)')),
    asked.join('\n'),
  );
}

async function ownFilter(stand: Stand): Promise<void> {
  const script = `import ctypes,os,struct
c=ctypes.CDLL(None,use_errno=True)
i=[(0x20,0,0,0),(0x15,0,1,79),(6,0,0,0x50000),(6,0,0,0x7fff0000)]
b=ctypes.create_string_buffer(b"".join(struct.pack("HBBI",*x) for x in i))
p=ctypes.create_string_buffer(struct.pack("HxxxxxxQ",len(i),ctypes.addressof(b)))
assert c.syscall(317,1,0,p)==0
os.execv("/usr/bin/factor",["factor","14"])`;
  const { status, stdout, stderr } = await python(stand, script);
  assert.deepEqual([status, stdout], [126, '']);
  assert.match(stderr, /^bulkhead: refused: it runs under a filter of its own/);
}

async function secondListener(stand: Stand): Promise<void> {
  const script = `import ctypes,os,struct
c=ctypes.CDLL(None,use_errno=True)
i=[(6,0,0,0x7fc00000)]
b=ctypes.create_string_buffer(b"".join(struct.pack("HBBI",*x) for x in i))
p=ctypes.create_string_buffer(struct.pack("HxxxxxxQ",len(i),ctypes.addressof(b)))
print(c.syscall(317,1,8,p),c.syscall(317,1,8|32,p))`;
  assert.equal((await python(stand, script)).stdout, '-1 -1\n');
}

async function loader(stand: Stand): Promise<void> {
  const script =
    'for l in /lib64/ld-linux*.so.2 /lib/ld-linux-aarch64.so.1; do [ -e $l ] && $l /usr/bin/factor 14; done; true';
  const { stdout, stderr } = await stand.run('one', ['sh', '-c', script]);
  assert.equal(stdout, '');
  assert.match(stderr, /Permission denied|cannot open/);
}

async function memory(stand: Stand): Promise<void> {
  const script = `import ctypes,os
c=ctypes.CDLL(None,use_errno=True)
print(c.syscall(319,b"x",0))
open("/workspace/mine","wb").write(open("/usr/bin/true","rb").read());os.chmod("/workspace/mine",0o755)
def ran(act):
    pid=os.fork()
    if pid==0:
        try: act()
        except OSError as e: os._exit(e.errno)
    return os.waitstatus_to_exitcode(os.waitpid(pid,0)[1])
fd=os.open("/workspace/mine",os.O_RDONLY)
print(ran(lambda: os.execv("/workspace/mine",["x"])),ran(lambda: os.execv(f"/proc/self/fd/{fd}",["x"])),ran(lambda: os.execve(fd,["x"],{})))`;
  assert.equal((await python(stand, script)).stdout, '-1\n13 13 13\n');
}

async function manyArguments(stand: Stand): Promise<void> {
  const many = await python(stand, 'import os;os.execv("/usr/bin/factor",["factor"]+[str(n) for n in range(3000)])');
  assert.equal(many.status, 126);
  const shown = await stand.bulkhead(['approvals', '--json']);
  const whole = ['factor', ...Array.from({ length: 3000 }, (_, n) => String(n))].join(' ');
  assert.ok(
    shown.json.approvals.some((one: { shown: string }) => one.shown === whole),
    'shown whole',
  );
  await sleep(1000);
  const long = await python(stand, 'import os;os.execv("/usr/bin/factor",["factor"]+["7"*100]*9000)');
  assert.equal(long.status, 126);
  const short = (await execsSoFar(stand)).find(
    ({ event, argv = [] }) => event === 'exec.denied' && argv[1] === '7'.repeat(100),
  );
  assert.ok(short && (short.argv?.join(' ').length ?? 0) <= 17_000, 'a record is no megabyte');
  assert.equal((short as { argvWords?: number }).argvWords, 9001);
  const none = await python(
    stand,
    'import ctypes;c=ctypes.CDLL(None);n=(ctypes.c_char_p*1)(None);c.execve(b"/usr/bin/factor",n,n)',
  );
  assert.equal(none.stdout, '');
  assert.equal(none.status, 126);
}

async function descriptors(stand: Stand): Promise<void> {
  const first = stand.run('one', ['python3', '-c', 'import os;os.execv("/usr/bin/factor",["factor","14"])']);
  await approve(stand, 'factor 14', '--for', '1h');
  await first;
  const taken = 'for i in 250 249 248; do eval "exec $i</etc/passwd"; done; exec factor 14';
  assert.equal((await stand.run('one', ['bash', '-c', taken])).stdout, '14: 2 7\n', 'the next free one is used');
  const low = await stand.run('one', ['bash', '-c', 'ulimit -n 64; exec factor 14']);
  assert.deepEqual([low.status, low.stdout], [126, '']);
  assert.match(low.stderr, /^bulkhead: [^\n]*\n$/);
}

async function chain(stand: Stand): Promise<void> {
  // Scripts of every Debian: zgrep has #!/bin/sh, which is allowed; deb-systemd-helper has perl, which is not.
  const waits = stand.start(['run', 'slow', '--', 'zgrep', '--version']).ended;
  await approve(stand, 'zgrep --version');
  const { status, stdout } = await waits;
  assert.equal(status, 0);
  assert.match(stdout, /zgrep/);
  const nested = stand.start(['run', 'slow', '--', 'deb-systemd-helper', 'purge']).ended;
  await approve(stand, 'deb-systemd-helper purge');
  const perl = await asked(stand, ({ shown }) => shown.startsWith('/usr/bin/perl')); // its interpreter
  await stand.bulkhead(['deny', String(perl.id)]);
  assert.equal((await nested).status, 126);
}

async function flood(stand: Stand): Promise<void> {
  const script = 'for b in 1 2 3 4 5 6 7 8 9 10; do for i in $(seq 200); do /bin/true & done; wait; done; echo done';
  const { status, stdout } = await stand.run('one', ['bash', '-c', script]);
  assert.deepEqual([status, stdout], [0, 'done\n']);
}

async function killings(stand: Stand): Promise<void> {
  const script = 'for i in $(seq 12); do factor 21; /bin/echo -n .; done';
  const { ended } = stand.start(['run', 'one', '--', 'sh', '-c', `${script} 2>/dev/null`]);
  for (let i = 0; i < 5; i++) {
    await sleep(1000);
    const gate = await pidOf(stand, 'gate').catch(() => undefined);
    if (gate !== undefined) signalled(gate, 'SIGKILL');
  }
  const { stdout } = await ended; // after three minutes it is killed
  assert.doesNotMatch(stdout, /21: 3 7/);
  assert.equal(stdout, '.'.repeat(12), 'what is allowed runs all the same');
}
