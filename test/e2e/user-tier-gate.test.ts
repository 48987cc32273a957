import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StatusDocument } from '../../src/model/documents.ts';
import { approve, execs, question } from './asking.ts';
import { withHostNet } from './host-net.ts';
import { ownPrograms } from './own-programs.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

/** Tier `user` with the exec gate: the host's own folders are in sight, and what is not allowed in them is not started. */
const FLEET = `
defaults:
  limits: { memory: 256M, processes: 100, cpu: 100%, disk: 64M }
  tier: user
  ask: { wait: 5s }
agents:
  one: { exec: { sets: [base, python, git], ask: on-miss, deny: [base64], deny-argv: ["git push **"] } }
  maker: { exec: { sets: [base, python], ask: on-miss, own: ask }, ask: { wait: 20s }, elevated: [{ run: "id -u", as: root, ask: false }] }
  builder: { exec: { sets: [base], ask: on-miss, own: allow } }
`;

const LOADER = 'for l in /lib64/ld-linux*.so.2 /lib/ld-linux-aarch64.so.1; do [ -e $l ] && exec $l';

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['what is allowed runs, with what it starts itself, and is on record', allowed],
  ['what is not allowed waits for a person, runs once approved, and is refused by rule', asked],
  ['a program outside of the program folders, and not on the list, is not started by any name', elsewhere],
  ['nothing starts a program that stands behind a stub: not the loader, not a copy, not a link', behind],
  ['what it may write is not executable, but for the workspace where exec.own says so', own],
  ['a program that the agent made waits as well, and runs once approved, as it was shown', ownPrograms],
  ['a command outside runs, and one that is not listed does not', outside],
  ['the wall says what is held and what is not', wall],
];

test('the exec gate on the host’s own files', { skip: NOT_ROOT }, async (t) => {
  await withHostNet((host) =>
    withFleet(
      FLEET,
      async (stand) => {
        for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
      },
      { inside: host.inside },
    ),
  );
});

const sh = (stand: Stand, text: string, agent = 'one'): ReturnType<Stand['run']> =>
  stand.run(agent, ['sh', '-c', text]);

async function allowed(stand: Stand): Promise<void> {
  const text =
    'cd /workspace && git init -q . && git status --short && python3 -c "import ssl; print(42)" && awk "BEGIN{print 7}"';
  const { status, stdout, stderr } = await sh(stand, text);
  assert.deepEqual([status, stdout], [0, '42\n7\n'], stderr);
  await new Promise((resolve) => setTimeout(resolve, 600));
  const lines = (await execs(stand)).map(({ argv = [] }) => argv.join(' '));
  for (const line of ['git init -q .', 'awk BEGIN{print 7}']) assert.ok(lines.includes(line), line);
}

async function asked(stand: Stand): Promise<void> {
  const waits = stand.start(['run', 'one', '--', 'factor', '91']).ended;
  await approve(stand, 'factor 91');
  assert.equal((await waits).stdout, '91: 7 13\n');
  const denied = await stand.run('one', ['base64', '/etc/hostname']);
  assert.deepEqual([denied.status, denied.stdout], [126, '']);
  assert.match(denied.stderr, /^bulkhead: base64 is refused: exec\.deny/);
  const push = await stand.run('one', ['git', 'push', 'origin']);
  assert.equal(push.status, 126);
  assert.match(push.stderr, /git is refused/);
  const copy = await sh(stand, '$(git --exec-path)/git push origin');
  assert.equal(copy.status, 126, 'under its other name too');
}

/** What of the host is executable, and neither in a program folder nor of a set. */
const OTHERS = `import os,sys
found=[]
for top in ("/usr/lib","/usr/libexec","/opt","/var/lib/dpkg/info"):
    for at,dirs,files in os.walk(top):
        if "git-core" in at: continue
        for f in files:
            p=os.path.join(at,f)
            if not os.path.islink(p) and os.access(p,os.R_OK) and os.stat(p).st_mode&0o111 and ".so" not in f and not f.startswith("ld-"): found.append(p)
    if len(found)>200: break
ran=[]
for p in found[:200]:
    if open(p,"rb").read(4)[:2] not in (b"\x7fE",b"#!"): continue
    fd=os.open(p,os.O_RDONLY)
    for act in (lambda: os.execv(p,[p,"--version"]), lambda: os.execv(f"/proc/self/root{p}",[p]), lambda: os.execve(fd,[p],{})):
        child=os.fork()
        if child==0:
            os.close(1); os.close(2)
            try: act()
            except OSError as e: os._exit(200 if e.errno==13 else 201)
        if os.waitstatus_to_exitcode(os.waitpid(child,0)[1])!=200: ran.append(p)
    os.close(fd)
print(len(found)>3,ran)`;

async function elsewhere(stand: Stand): Promise<void> {
  assert.equal((await stand.run('one', ['python3', '-c', OTHERS])).stdout, 'True []\n');
  assert.equal((await stand.run('one', ['/etc/bulkhead/unlisted'])).status, 126);
}

async function behind(stand: Stand): Promise<void> {
  const loader = await sh(stand, `${LOADER} /usr/bin/factor 14; done`);
  assert.equal(loader.stdout, '');
  const tries = ['cp /usr/bin/factor /tmp/f', 'ln /usr/bin/factor /tmp/f', 'cat /usr/bin/factor'];
  for (const text of tries) assert.notEqual((await sh(stand, text)).status, 0, text);
  const link = stand.start(['run', 'one', '--', 'sh', '-c', 'ln -sf /usr/bin/factor /tmp/ls; /tmp/ls 21']).ended;
  const id = await question(stand, '/tmp/ls 21 (program /usr/bin/factor)');
  await stand.bulkhead(['deny', String(id)]);
  assert.deepEqual([(await link).status, (await link).stdout], [126, '']);
}

async function own(stand: Stand): Promise<void> {
  const text = 'cp /usr/bin/true ./t && ./t';
  assert.equal((await sh(stand, text)).status, 126);
  assert.equal((await sh(stand, text, 'builder')).status, 0);
  assert.equal((await sh(stand, 'cp /usr/bin/true /tmp/t && /tmp/t', 'builder')).status, 126);
  assert.equal(
    (await sh(stand, 'mkdir -p a b && touch a/f && mv a/f b/f && ls b')).stdout,
    'f\n',
    'it may still move its files',
  );
}

async function wall(stand: Stand): Promise<void> {
  const { json } = await stand.bulkhead(['status', '--json', '--probe']);
  const agent = (json as StatusDocument).agents.find(({ name }) => name === 'one');
  const exec = agent?.walls.find((one) => one.wall === 'exec');
  assert.equal(exec?.level, 'partial');
  assert.deepEqual(exec?.missing, [
    'what lies among the libraries (/usr/lib, /opt) can be run through the dynamic loader (tier user)',
  ]);
}

async function outside(stand: Stand): Promise<void> {
  const { status, stdout, stderr } = await stand.run('maker', ['bulkhead-do', 'id', '-u']);
  assert.deepEqual([status, stdout], [0, '0\n'], stderr);
  const other = await stand.run('maker', ['bulkhead-do', 'id', '-g']);
  assert.deepEqual([other.status, other.stdout], [126, '']);
  assert.notEqual((await stand.run('one', ['bulkhead-do', 'id', '-u'])).status, 0);
}
