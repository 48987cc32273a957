import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { Attack } from '../../src/drill/attack.ts';
import { ownPlaces } from '../../src/drill/places.ts';
import { PRELUDE } from '../../src/drill/prelude.ts';
import { PROCESSES_FAMILY } from '../../src/drill/processes/family.ts';
import { said } from '../../src/drill/verdict.ts';
import { launch } from '../../src/host/launch/launch.ts';
import { firstOutput } from '../e2e/first-output.ts';
import { type Standing, standUp } from './standing.ts';

/** Agents that want a wall that is down to look as if it held. They have the uid of the drill's texts, and see them start. */
const COMMON = `
import os, signal, resource, time
def texts(children):
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            words = open(f'/proc/{pid}/stat').read().split(') ')
            if not open(f'/proc/{pid}/cmdline').read().startswith('bulkhead-launch'): continue
            parent = int(words[-1].split()[1])
            if (parent != 0) == children: yield int(pid)
        except OSError: pass
print('ready', flush=True)
`;
const SABOTEURS: Readonly<Record<string, string>> = {
  'kills the processes that try': `
while True:
    for pid in texts(True):
        try: os.kill(pid, 9)
        except OSError: pass`,
  'ends them with the signal of the filter': `
while True:
    for pid in texts(True):
        try: os.kill(pid, 31)
        except OSError: pass`,
  'takes their descriptors away': `
while True:
    for pid in texts(False):
        try: resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, 0))
        except OSError: pass`,
  'leaves them no memory to map': `
while True:
    for pid in texts(True):
        try: resource.prlimit(pid, resource.RLIMIT_AS, (0, 0))
        except OSError: pass`,
  'is first with the names they use': `
taken = set()
while True:
    for pid in texts(False):
        for near in range(pid, pid + 40):
            for name in ('program', 'bin', 'room'):
                at = f'/tmp/.drill-{name}-{near}'
                if at in taken: continue
                taken.add(at)
                try: os.close(os.open(at, os.O_CREAT, 0o600))
                except OSError: pass`,
  'fills the disk': `
f = open('/tmp/full', 'wb', 0)
while True:
    try: f.write(b'x' * 65536)
    except OSError:
        try: f.write(b'x')
        except OSError: time.sleep(0.01)`,
  'takes the x bit off what they wrote': `
while True:
    for name in os.listdir('/tmp'):
        try: os.chmod(f'/tmp/{name}', 0o600)
        except OSError: pass`,
  'takes every process it may have': `
while True:
    try:
        if os.fork() == 0:
            time.sleep(60); os._exit(0)
    except OSError: time.sleep(0.001)`,
};

let standing: Standing;
before(async () => {
  standing = await standUp({
    crooked: {
      exec: { sets: ['base', 'python'], allow: [], deny: [], own: 'never', ask: 'never' },
      limits: { memory: 768 * 1024 * 1024, processes: 48, cpu: 100, disk: 64 * 1024 * 1024 },
    },
  });
});
after(() => standing?.close());

function attackNamed(name: string): Attack {
  return PROCESSES_FAMILY.attacks.find(({ id }) => id === name) ?? assert.fail(name);
}

async function attack({ program }: Attack): Promise<ReturnType<typeof said>> {
  const args = { arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64', ...ownPlaces(standing.facts('crooked')) };
  return said(await standing.script('crooked', PRELUDE + program, args, 10_000));
}

/** As root, in the mount namespace of the compartment: another /tmp over it, where programs run. Changing the flags of the one
 *  that is there is refused to root too (MNT_LOCK_NOEXEC, mount_namespaces(7)). */
function takeDownTmp(pid: number): void {
  const [setns, mount] = process.arch === 'arm64' ? [268, 40] : [308, 165];
  const program = `open my $ns, '<', '/proc/${pid}/ns/mnt'; syscall(${setns}, fileno $ns, 0) == 0 or die "setns: $!";
my ($type, $at, $how) = ('tmpfs', '/tmp', 'mode=1777,size=64m'); syscall(${mount}, $type, $at, $type, 2 | 4, $how) == 0 or die "mount: $!";`;
  execFileSync('perl', ['-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
}

for (const [what, program] of Object.entries(SABOTEURS)) {
  test(`an agent that ${what} does not make a wall that is down look held`, async (t) => {
    const tried = attackNamed(what.includes('memory') ? 'd71-map-as-code' : 'd68-copied-program');
    const compartment = standing.compartments.get('crooked') ?? assert.fail();
    await compartment.stop();
    await compartment.start();
    assert.equal((await attack(tried)).word, 'refused', 'while the wall stands it is held');
    takeDownTmp(compartment.firstPid ?? 0);
    assert.equal((await attack(tried)).word, 'done', 'without it the attack succeeds');
    const argv = ['/usr/bin/python3', '-c', COMMON + program];
    const orders = [...compartment.orders(), ...argv.map((value) => ({ do: 'arg', value }) as const)];
    const saboteur = launch('enter', orders, ['ignore', 'pipe', 2]);
    await firstOutput(saboteur);
    await new Promise((resolve) => setTimeout(resolve, what.includes('disk') ? 2500 : 300));
    const words: string[] = [];
    for (let i = 0; i < 8; i++) {
      const { word, text } = await attack(tried);
      words.push(`${word} ${text}`);
    }
    await compartment.stop();
    t.diagnostic(words[0] ?? '');
    assert.deepEqual(
      words.filter((word) => word.startsWith('refused')),
      [],
      words.join('\n'),
    );
  });
}
