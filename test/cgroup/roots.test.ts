import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupFolders, cgroupRoots, controllerFolder } from '../../src/host/cgroup/cgroup-roots.ts';

const UNIFIED = '29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot';
const HYBRID = `31 23 0:28 / /sys/fs/cgroup ro - tmpfs tmpfs ro,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
33 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw`;

test('a unified machine has everything in one hierarchy', () => {
  const roots = cgroupRoots(UNIFIED, () => 'cpuset cpu io memory hugetlb pids rdma misc\n');
  assert.deepEqual(roots, { unified: '/sys/fs/cgroup', controllers: ['memory', 'pids', 'cpu'], v1: {} });
  assert.deepEqual(cgroupFolders(roots, 'bulkhead/home/coder'), ['/sys/fs/cgroup/bulkhead/home/coder']);
});

test('a hybrid machine freezes in the unified hierarchy and limits in the old ones', () => {
  const roots = cgroupRoots(HYBRID, () => 'hugetlb\n');
  assert.deepEqual(roots, {
    unified: '/sys/fs/cgroup/unified',
    controllers: [],
    v1: { memory: '/sys/fs/cgroup/memory', pids: '/sys/fs/cgroup/pids', cpu: '/sys/fs/cgroup/cpu,cpuacct' },
  });
  assert.deepEqual(cgroupFolders(roots, 'a/b'), [
    '/sys/fs/cgroup/unified/a/b',
    '/sys/fs/cgroup/memory/a/b',
    '/sys/fs/cgroup/pids/a/b',
    '/sys/fs/cgroup/cpu,cpuacct/a/b',
  ]);
});

test('a controller that is unified is not looked for in v1, one that shares a hierarchy gets one folder', () => {
  const shared = HYBRID.replace(/^39 .*\n/m, '').replace('rw,memory', 'rw,memory,pids');
  const roots = cgroupRoots(shared, () => 'cpu');
  assert.deepEqual(controllerFolder(roots, 'a', 'cpu'), { version: 2, folder: '/sys/fs/cgroup/unified/a' });
  assert.deepEqual(controllerFolder(roots, 'a', 'pids'), { version: 1, folder: '/sys/fs/cgroup/memory/a' });
  assert.deepEqual(cgroupFolders(roots, 'a'), ['/sys/fs/cgroup/unified/a', '/sys/fs/cgroup/memory/a']);
});

test('no cgroup at all is a value, not an error', () => {
  assert.deepEqual(
    cgroupRoots('22 1 0:21 / / rw - ext4 /dev/vda rw\n', () => assert.fail('nothing to read')),
    { controllers: [], v1: {} },
  );
});

test('a mount point with a blank in it', () => {
  const roots = cgroupRoots(UNIFIED.replace('/sys/fs/cgroup', '/a\\040b'), () => '');
  assert.equal(roots.unified, '/a b');
});

test('no path leads out of the hierarchy, and an agent named like a kernel file gets a folder all the same', () => {
  const roots = cgroupRoots(HYBRID, () => '');
  for (const path of [
    '',
    '/',
    '..',
    'a/..',
    'a//b',
    '/a',
    'a/',
    'a/../../b',
    'a/b.c',
    'a/cgroup.kill',
    'a/B',
    'a/\u0000',
  ])
    assert.throws(() => cgroupFolders(roots, path), TypeError, path);
  assert.deepEqual(cgroupFolders(roots, 'tasks/tasks')[1], '/sys/fs/cgroup/memory/tasks_/tasks_');
});
