import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { StatusDocument } from '../../src/model/documents.ts';
import { approve, execsSoFar, question } from './asking.ts';
import { withHostNet } from './host-net.ts';
import { ownPrograms } from './own-programs.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

/** Tier `user` with the exec gate: the host's own folders are in sight, and what is not allowed in them is not started. */
const FLEET = `
defaults:
  limits: { memory: 256M, processes: 100, cpu: 100%, disk: 64M }
  tier: user
  ask: { wait: 20s }
agents:
  one: { exec: { sets: [base, python, git], ask: on-miss, deny: [base64], deny-argv: ["git push **"] } }
  maker: { exec: { sets: [base, python], ask: on-miss, own: ask }, ask: { wait: 20s }, elevated: [{ run: "id -u", as: root, ask: false }] }
  strict: { exec: { sets: [base], ask: never, deny-argv: ["env **"] } }
  builder: { exec: { sets: [base], ask: on-miss, own: allow } }
`;

/** Of the race; ten thousand with BULKHEAD_LONG, as test:long runs it. */
const TRIES = process.env.BULKHEAD_LONG ? 10_000 : 100;
const AT_ONCE = 100;

const LOADER = 'for l in /lib64/ld-linux*.so.2 /lib/ld-linux-aarch64.so.1; do [ -e $l ] && exec $l';

const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['what is allowed runs, with what it starts itself, and is on record', allowed],
  ['what is not allowed waits for a person, runs once approved, and is refused by rule', asked],
  ['a program outside of the program folders, and not on the list, is started by no name that hides it', elsewhere],
  [
    'by its path it waits for a person like any other, runs once approved under its own path, and is on record as it was',
    unlisted,
  ],
  ['a link that is swapped between an approved and a refused one starts no other', swapped],
  ['without on-miss, a rule over arguments closes all that is on no list, and nobody is asked', strict],
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
  const lines = (await execsSoFar(stand)).map(({ argv = [] }) => argv.join(' '));
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
    for act in (lambda: os.execv(f"/proc/self/root{p}",[p]), lambda: os.execve(fd,[p],{})):
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

/** Two programs of the host's, in a folder that only this test has. */
async function withTools(use: (folder: string) => Promise<void>): Promise<void> {
  mkdirSync('/opt', { recursive: true });
  const folder = mkdtempSync('/opt/bh-unlisted-');
  try {
    chmodSync(folder, 0o755);
    for (const name of ['good', 'bad']) {
      writeFileSync(`${folder}/${name}`, `#!/bin/sh\necho ${name} "$0"\n`);
      chmodSync(`${folder}/${name}`, 0o755);
    }
    copyFileSync('/usr/bin/readlink', `${folder}/tool`);
    copyFileSync('/usr/bin/readlink', `${folder}/closed`);
    chmodSync(`${folder}/closed`, 0o700);
    await use(folder);
  } finally {
    removeTree(folder);
  }
}

async function unlisted(stand: Stand): Promise<void> {
  await withTools(async (folder) => {
    const tool = `${folder}/tool`;
    const denied = stand.start(['run', 'one', '--', tool, '/proc/self/exe']).ended;
    await stand.bulkhead(['deny', String(await question(stand, `${tool} /proc/self/exe (program ${tool})`))]);
    assert.deepEqual([(await denied).status, (await denied).stdout], [126, '']);
    const waits = stand.start([
      'run',
      'one',
      '--',
      'sh',
      '-c',
      `ln -s ${tool} /tmp/other; /tmp/other /proc/self/exe`,
    ]).ended;
    const id = await approve(stand, `/tmp/other /proc/self/exe (program ${tool})`);
    assert.deepEqual([(await waits).status, (await waits).stdout], [0, `${tool}\n`], (await waits).stderr);
    assert.equal((await sh(stand, `${folder}/closed .`)).status, 126, 'nobody may execute it');
    assert.equal((await sh(stand, `${folder}/none`)).status, 127);
    const seen = (await execsSoFar(stand)).filter(({ path }) => path.startsWith(folder));
    const of = (rule: RegExp): string[] =>
      seen.filter((one) => rule.test(one.rule)).map(({ event, path }) => `${event} ${path}`);
    assert.equal(of(new RegExp(`^approval ${id}$`))[0], `exec.allowed ${tool}`);
    assert.deepEqual(of(/^left to the kernel: not for everybody/), [`exec.denied ${folder}/closed`]);
  });
}

async function strict(stand: Stand): Promise<void> {
  await withTools(async (folder) => {
    assert.equal((await stand.run('strict', ['sh', '-c', 'ls -d /workspace'])).stdout, '/workspace\n');
    assert.match((await stand.run('strict', ['env', 'ls'])).stderr, /^bulkhead: env is refused/);
    assert.equal((await stand.run('strict', ['sh', '-c', 'factor 14'])).status, 127);
    assert.equal((await stand.run('strict', ['sh', '-c', `${folder}/tool .`])).status, 126);
    assert.doesNotMatch((await stand.bulkhead(['approvals'])).stdout, /strict/);
    const seen = (await execsSoFar(stand, 'strict')).filter(({ path }) => path === `${folder}/tool`);
    assert.deepEqual(
      seen.map(({ event }) => event),
      ['exec.denied'],
    );
  });
}

/** Swaps a link as fast as it can while it is executed. */
const SWAP = `
import os, subprocess, sys, threading, time
folder, tries = sys.argv[1], int(sys.argv[2])
on = True
def swap():
    i = 0
    while on:
        i += 1
        os.symlink(folder + ('/good' if i % 2 else '/bad'), '/tmp/next'); os.rename('/tmp/next', '/tmp/link')
        time.sleep(0.0005 * (i % 7))
swapping = threading.Thread(target=swap, daemon=True)
swapping.start()
seen = {}
late = time.time() + 60 # with one processor the same one may stand there for a while
while sum(seen.values()) < tries or (not seen.keys() >= {'good', 'refused'} and time.time() < late):
    try: word = (subprocess.run(['/tmp/link'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode().split() or ['refused'])[0]
    except OSError: word = 'kernel'
    seen[word] = seen.get(word, 0) + 1
on = False
swapping.join()
print(seen.pop('good', 0), seen.pop('refused', 0), seen.pop('kernel', 0), seen)
`;

async function swapped(stand: Stand): Promise<void> {
  await withTools(async (folder) => {
    for (const name of ['good', 'bad']) {
      const run = sh(stand, `ln -sf ${folder}/${name} /tmp/link; cd /tmp; exec /tmp/link`);
      const id = await question(stand, `/tmp/link (program ${folder}/${name}) (in /tmp)`);
      const answer = name === 'good' ? ['approve', String(id), '--always'] : ['deny', String(id), '--always'];
      assert.equal((await stand.bulkhead(answer)).status, 0);
      await run;
    }
    for (let done = 0; done < TRIES; done += AT_ONCE) {
      const { stdout, stderr } = await sh(
        stand,
        `cd /tmp; python3 -c '${SWAP.replaceAll("'", `"`)}' ${folder} ${AT_ONCE}`,
      );
      const [good, refused, , ...others] = stdout.trim().split(' ');
      assert.ok(Number(good) > 0 && Number(refused) > 0, `the race never hit both: ${stdout}${stderr}`);
      assert.deepEqual(others, ['{}'], stdout);
    }
  });
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
