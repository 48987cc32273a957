import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { Result } from './command.ts';
import { ONE, TWO } from './fleets.ts';
import { groupNames, netnsNames, userNames } from './machine.ts';
import { changesSince, machineSnapshot } from './snapshot.ts';
import { EMPTY_PLAN, NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const skip = { skip: NOT_ROOT };
const TREE = fileURLToPath(new URL('../..', import.meta.url));

/** Two lines on stderr, nothing on stdout, this code and status; and the machine as it was. */
async function refuses(stand: Stand, say: RegExp, exit: number, how: () => Promise<Result>): Promise<void> {
  const before = machineSnapshot(stand.state);
  const said = await how();
  assert.match(said.stderr, say);
  assert.match(said.stderr, /^[^\n]+\n[^\n]+\n$/, 'two lines: what is wrong, and what to do');
  assert.deepEqual([said.status, said.stdout], [exit, '']);
  assert.deepEqual(await changesSince(before, stand), [], 'nothing is left half made');
}

async function notUp(yaml: string, use: (stand: Stand) => Promise<void>): Promise<void> {
  await withFleetBeside(yaml, use, { up: false });
}

/** The command in a mount namespace in which a shell line was run first. */
function behind(line: string): { program: string[] } {
  return {
    program: [
      'unshare',
      '--mount',
      '--propagation',
      'private',
      'sh',
      '-c',
      `${line} && exec "$@"`,
      'sh',
      join(TREE, 'bulkhead'),
    ],
  };
}

for (const [what, line, say] of [
  ['bubblewrap', 'mount --bind /dev/null /usr/bin/bwrap', /not installed: bwrap\.\nMend it.*bubblewrap/],
  ['nftables', 'mount --bind /dev/null /usr/sbin/nft', /not installed: nft\.\nMend it.*nftables/],
  ['cgroup v2', 'umount -l /sys/fs/cgroup/unified || umount -l /sys/fs/cgroup', /cgroup/],
  ['ext4 tools', 'mount --bind /dev/null /usr/sbin/mkfs.ext4', /not installed: mkfs\.ext4\.\nMend it.*e2fsprogs/],
] as const)
  test(`a machine without ${what} is told before anything is made on it`, skip, async () => {
    await notUp(ONE, async (stand) => refuses(stand, say, 3, () => stand.bulkhead(['up'], behind(line))));
  });

/** The setting counts for each user namespace by itself: one with all our ids and the setting 0 stands for a machine with none.
 *  CALL: unshare(2), with CLONE_NEWUSER and CLONE_NEWNS. */
const NO_USER_NAMESPACES = `
pipe(my $in, my $told); pipe(my $held, my $go);
my $child = fork;
if (!$child) {
  syscall(0 + $ENV{CALL}, 0x10020000) == 0 or die "unshare: $!";
  syswrite $told, 'x'; sysread $held, my $byte, 1;
  open(my $most, '>', '/proc/sys/user/max_user_namespaces') or die $!; syswrite $most, '0'; close $most;
  exec @ARGV; die $!;
}
sysread $in, my $byte, 1;
for (qw(uid_map gid_map)) { open(my $map, '>', "/proc/$child/$_") or die $!; syswrite($map, '0 0 65536') or die $!; close $map }
syswrite $go, 'x'; waitpid $child, 0; exit($? >> 8);`;

test('a machine without user namespaces is told before anything is made on it', skip, async () => {
  const program = ['perl', '-e', NO_USER_NAMESPACES, join(TREE, 'bulkhead')];
  const env = { CALL: process.arch === 'arm64' ? '97' : '272' };
  await notUp(ONE, async (stand) => {
    const say = /user-namespaces: user namespaces tried, and failed.*\nMend it.*max_user_namespaces=/;
    await refuses(stand, say, 3, () => stand.bulkhead(['up'], { program, env }));
    assert.equal(existsSync(stand.state), false);
  });
});

test(
  "a user, a group or a network namespace that is somebody else's is neither used nor changed nor removed",
  skip,
  async () => {
    await notUp(ONE, async (stand) => {
      const name = `bh-${stand.fleet}-one`;
      execFileSync('useradd', ['--system', '--no-create-home', '--comment', 'mine', '--no-user-group', name]);
      await refuses(stand, new RegExp(`^The user ${name} is there already`), 2, () => stand.bulkhead(['up']));
      assert.equal((await stand.bulkhead(['uninstall'])).status, 0);
      assert.ok(userNames().includes(name));
      execFileSync('userdel', [name]);
      execFileSync('groupadd', ['--system', name]);
      await refuses(stand, new RegExp(`^The group ${name} is there already`), 2, () => stand.bulkhead(['up']));
      assert.ok(groupNames().includes(name));
      execFileSync('groupdel', [name]);
      execFileSync('ip', ['netns', 'add', name]);
      await refuses(stand, new RegExp(`^The network namespace ${name} is there already`), 2, () =>
        stand.bulkhead(['up']),
      );
      assert.ok(netnsNames().includes(name));
      execFileSync('ip', ['netns', 'delete', name]);
    });
  },
);

test(
  'a state of a newer format, or of none that we know, is refused by every command that would change it',
  skip,
  async () => {
    await withFleetBeside(ONE, async (stand) => {
      const format = join(stand.state, 'format');
      for (const [text, say] of [
        ['2\n', /was written by a newer Bulkhead \(format 2, this one knows 1\)/],
        ['soon\n', /is no state of Bulkhead's: its file format says "soon"/],
      ] as const) {
        writeFileSync(format, text);
        for (const command of [['plan'], ['up'], ['down'], ['down', '--purge'], ['uninstall']])
          await refuses(stand, say, 2, () => stand.bulkhead(command));
      }
      writeFileSync(format, '1\n');
      assert.equal((await stand.run('one', ['true'])).status, 0);
    });
  },
);

test('a folder that is no state is never written to and never removed', skip, async () => {
  await notUp(ONE, async (stand) => {
    mkdirSync(stand.state);
    writeFileSync(join(stand.state, 'thesis.txt'), 'ten years');
    for (const command of [['plan'], ['up'], ['down', '--purge'], ['uninstall']])
      await refuses(stand, /is no state of Bulkhead's: it holds other things \(thesis\.txt\)/, 2, () =>
        stand.bulkhead(command),
      );
    assert.deepEqual(readdirSync(stand.state), ['thesis.txt']);
    removeTree(stand.state);
  });
});

test('a state that somebody could replace is refused', skip, async () => {
  await notUp(ONE, async (stand) => {
    const open = join(stand.folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const said = await stand.bulkhead(['up', '--json', '--state', join(open, 'state')]);
    assert.deepEqual([said.status, said.json.error.code], [2, 'state-replaceable']);
    assert.deepEqual(readdirSync(open), []);
  });
});

test('root does not run from a tree that others can write', skip, async () => {
  await notUp(ONE, async (stand) => {
    const tree = mkdtempSync('/var/lib/bh-e2e-tree-');
    try {
      for (const part of ['bulkhead', 'package.json', 'src', 'schema'])
        cpSync(join(TREE, part), join(tree, part), { recursive: true });
      symlinkSync(join(TREE, 'node_modules'), join(tree, 'node_modules'));
      chmodSync(join(tree, 'src/plan/step.ts'), 0o646);
      for (const command of ['plan', 'up', 'down', 'uninstall'])
        await refuses(stand, /src\/plan\/step\.ts can be written by somebody besides root/, 3, () =>
          stand.bulkhead([command], { program: [join(tree, 'bulkhead')] }),
        );
    } finally {
      removeTree(tree);
    }
  });
});

test('another fleet in the same state, and a state that others hold, are refused', skip, async () => {
  await withFleetBeside(ONE, async (stand) => {
    stand.write(`fleet: other${stand.fleet}\n${ONE}`);
    for (const command of ['plan', 'up'])
      await refuses(stand, /^This state holds the fleet t\w+, not othert\w+\./, 2, () => stand.bulkhead([command]));
    assert.equal((await stand.bulkhead(['down'])).status, 0);
    for (const command of ['plan', 'up'])
      await refuses(stand, /^This state holds the fleet t\w+, not othert\w+\./, 2, () => stand.bulkhead([command]));
  });
});

test('a workspace that is a link, or has one on its way, is refused before anything is made', skip, async () => {
  await notUp('', async (stand) => {
    mkdirSync(join(stand.folder, 'real/site'), { recursive: true });
    symlinkSync('real/site', join(stand.folder, 'link'));
    symlinkSync('real', join(stand.folder, 'way'));
    for (const path of ['link', 'way/site']) {
      stand.write(`agents:\n  one: { workspace: ${join(stand.folder, path)}, shared: true }\n`);
      await refuses(stand, /link|plain folder/, 2, () => stand.bulkhead(['up']));
    }
  });
});

test('knowledge that a link leads into a shared folder is refused before anything is made', skip, async () => {
  await notUp('', async (stand) => {
    const site = join(stand.folder, 'site');
    mkdirSync(join(site, 'docs'), { recursive: true });
    symlinkSync('site/docs', join(stand.folder, 'handbook'));
    stand.write(`knowledge: { handbook: ${join(stand.folder, 'handbook')} }
agents:
  one: { workspace: ${site}, shared: true }
  two: { knowledge: [handbook] }
`);
    await refuses(stand, /^The knowledge handbook is [^\n]*site\/docs/, 2, () => stand.bulkhead(['up']));
  });
});

test('a published port that is taken on the host is told, and up goes through once it is free', skip, async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  try {
    await notUp(`${ONE}    ports: [${port}]\n`, async (stand) => {
      const said = await stand.bulkhead(['up']);
      assert.notEqual(said.status, 0);
      assert.match(said.stderr, new RegExp(`^[^\n]*${port}[^\n]*\n[^\n]+\n$`));
      await new Promise((resolve) => server.close(resolve));
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      assert.deepEqual((await stand.bulkhead(['plan', '--json'])).json, EMPTY_PLAN);
    });
  } finally {
    server.close();
  }
});

/** The state on a file system of its own of this size. */
async function onSmallDisk(stand: Stand, size: string, use: () => Promise<void>): Promise<void> {
  mkdirSync(stand.state, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=755`, 'small', stand.state]);
  try {
    await use();
    const gone = await stand.bulkhead(['uninstall']);
    assert.equal(gone.status, 0, gone.stdout + gone.stderr);
    assert.deepEqual(readdirSync(stand.state), []);
  } finally {
    execFileSync('umount', ['--lazy', stand.state]);
  }
}

test('a disk too small for the programs is told as one, and left as it was', skip, async () => {
  await notUp(ONE, async (stand) => {
    await onSmallDisk(stand, '20m', async () => {
      const up = await stand.bulkhead(['up']);
      assert.match(up.stderr, /^There is no space left for: [^\n]*Bulkhead's own files[^\n]*\nFree some[^\n]*\n$/);
      assert.equal(up.status, 3);
      assert.ok(!existsSync(join(stand.state, 'lib/0.1.0.next')), 'half a copy does not keep the disk full');
    });
  });
});

test(
  'a disk that fills up while the fleet stands: up is refused, and goes through once there is space',
  skip,
  async () => {
    await notUp(ONE, async (stand) => {
      await onSmallDisk(stand, '190m', async () => {
        assert.equal((await stand.bulkhead(['up'])).status, 0);
        const filler = join(stand.state, 'logs/filler');
        assert.throws(() => execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'], { stdio: 'pipe' }));
        stand.write(TWO);
        const full = await stand.bulkhead(['up']);
        assert.match(full.stderr, /^[^\n]*(space|full|ledger)[^\n]*\n[^\n]+\n$/i);
        assert.ok(full.status === 1 || full.status === 3, `status ${full.status}`);
        rmSync(filler);
        const late = Date.now() + 60_000;
        for (let up = await stand.bulkhead(['up']); up.status !== 0; up = await stand.bulkhead(['up']))
          assert.ok(Date.now() < late, up.stdout + up.stderr);
        assert.deepEqual((await stand.bulkhead(['plan', '--json'])).json, EMPTY_PLAN);
      });
    });
  },
);
