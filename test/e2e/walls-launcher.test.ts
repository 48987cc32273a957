import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { syscallFilter } from '../../src/tiers/filter/filter.ts';
import { type Order, orderText } from '../../src/tiers/orders.ts';
import { NOT_ROOT } from './stand.ts';

const LAUNCHER = fileURLToPath(new URL('../../src/host/launch/launch.pl', import.meta.url));
const SPACES = ['cgroup', 'ipc', 'uts', 'net', 'pid', 'mnt', 'user'] as const;
const UID = 64_870;

interface Ended {
  readonly status: number | null;
  readonly said: string;
}

/** The launcher with orders as bytes, in a mount namespace of its own: whatever it does to mounts, this machine's stay. */
function launched(mode: string, text: string): Promise<Ended> {
  const child = spawn('unshare', ['--mount', '--propagation', 'private', '/usr/bin/perl', LAUNCHER, mode], {
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    env: {},
    cwd: '/',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
  const spec = child.stdio[3] as Writable;
  spec.on('error', () => {}); // it ended before it had read all
  spec.end(text);
  return new Promise((resolve) => child.once('close', (status) => resolve({ status, said })));
}

test('orders that are wrong, missing or cut off end with 125, and nothing has run', { skip: NOT_ROOT }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-launcher-'));
  // Never recursively: what is tested here makes mounts.
  t.after(() => {
    for (const name of ['ran', 'filter', 'empty', 'short'])
      if (existsSync(join(folder, name))) unlinkSync(join(folder, name));
    rmdirSync(folder);
  });
  const marker = join(folder, 'ran');
  const filter = join(folder, 'filter');
  const empty = join(folder, 'empty');
  writeFileSync(filter, syscallFilter(process.arch === 'arm64' ? 'aarch64' : 'x86_64'));
  writeFileSync(empty, '');
  writeFileSync(join(folder, 'short'), Buffer.alloc(12, 1));
  const arg = (...argv: string[]): Order[] => argv.map((value) => ({ do: 'arg', value }));
  const whole: Order[] = [
    // Our own namespaces but the user's: a process may not join that again (setns(2)). Enough for orders that fail before.
    ...SPACES.map((kind): Order => ({ do: 'ns', kind, path: `/proc/self/ns/${kind}` })),
    { do: 'filter', path: filter },
    { do: 'uid', id: UID },
    { do: 'gid', id: UID },
    ...arg('/usr/bin/touch', marker),
  ];
  const without = (gone: (order: Order) => boolean): string => end(orderText(whole.filter((order) => !gone(order))));
  const end = (text: string): string => `${text}end\n`;
  const instead = (kind: Order['do'], order: string): string =>
    end(whole.map((one) => (one.do === kind ? order : orderText([one]))).join(''));

  const wrong: Record<string, string> = {
    'no orders': '',
    'an end alone': 'end\n',
    'no end': orderText(whole),
    'orders after the end': `${orderText(whole)}end\nuid\t0\n`,
    'no filter': without((order) => order.do === 'filter'),
    'a filter that is not there': instead('filter', `filter\t${folder}/none\n`),
    'an empty filter': instead('filter', `filter\t${empty}\n`),
    'a filter that the kernel refuses': instead('filter', `filter\t${folder}/short\n`),
    'an order of another kind': end(`${orderText(whole)}shell\t/bin/sh\n`),
    'an empty line': end(`${orderText(whole)}\n`),
    'a cgroup that is not there': end(`cgroup\t${folder}/cgroup.procs/none\n${orderText(whole)}`),
    'a namespace that is not there': instead('ns', 'ns\tpid\t/proc/0/ns/pid\n'),
    'a namespace of the wrong kind': end(orderText(whole).replace('/proc/self/ns/uts', '/proc/self/ns/ipc')),
    'no user': without((order) => order.do === 'uid'),
    'the user root': instead('uid', 'uid\t0\n'),
    'no group': without((order) => order.do === 'gid'),
    'the group root': instead('gid', 'gid\t0\n'),
    'root among the other groups': end(`group\t0\n${orderText(whole)}`),
    'nothing to run': without((order) => order.do === 'arg'),
    ...Object.fromEntries(
      [
        `bind\t/\t${folder}\tro`,
        `device\t/dev/null\t${folder}/null`,
        `tmpfs\t${folder}\tnosuid\tsize=1m`,
        `dir\t${folder}/d\t0755`,
        `file\t${folder}/f\t0755\t00`,
        `link\tx\t${folder}/l`,
        `seal\t/\tro`,
        `devpts\t${folder}`,
        `idbind\t/\t${folder}\tro\t0 1\t0 1`,
      ].map((order) => [`${order.split('\t')[0]} where there is no stage`, end(`${order}\n${orderText(whole)}`)]),
    ),
    'a module that there is not': end(`use\tSystem::Command\n${orderText(whole)}`),
    ...Object.fromEntries(
      SPACES.map((kind) => [`no ${kind} namespace`, without((order) => order.do === 'ns' && order.kind === kind)]),
    ),
  };
  for (const [what, text] of Object.entries(wrong))
    await t.test(what, async () => {
      for (const mode of ['enter', 'script']) {
        const script = `text\t${Buffer.from(`open(my $f, '>', '${marker}')`).toString('hex')}\n`;
        const { status, said } = await launched(mode, mode === 'script' ? script + text : text);
        if (mode === 'script' && what === 'nothing to run') continue; // a script needs no program
        assert.deepEqual([status, said.startsWith('launcher: ')], [125, true], said);
      }
      assert.equal(existsSync(marker), false);
    });

  await t.test('cut off anywhere, the orders of one of our own programs start nothing', async () => {
    const text = end(orderText([{ do: 'uid', id: UID }, { do: 'gid', id: UID }, ...arg('/usr/bin/touch', marker)]));
    for (let length = 0; length < text.length - 1; length += 3) {
      const { status } = await launched('program', text.slice(0, length));
      assert.equal(status, 125, text.slice(0, length));
    }
    assert.equal(existsSync(marker), false);
    const { status } = await launched(
      'program',
      text.replace(Buffer.from('/usr/bin/touch').toString('hex'), Buffer.from('/bin/true').toString('hex')),
    );
    assert.equal(status, 0, 'whole, it runs');
  });
});
