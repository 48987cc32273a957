import assert from 'node:assert/strict';
import test from 'node:test';
import { bareArguments } from '../../bench/bare.ts';
import { line, table } from '../../bench/line.ts';
import { judge, shortly, summarize } from '../../bench/stats.ts';

test('a summary is the median, the quartiles and the 99th percentile, whatever the order', () => {
  const samples = Array.from({ length: 101 }, (_, index) => 100 - index);
  assert.deepEqual(summarize(samples), { count: 101, median: 50, low: 25, high: 75, p99: 99 });
  assert.deepEqual(summarize([4, 2]), { count: 2, median: 3, low: 2.5, high: 3.5, p99: 3.98 });
});

test('a summary of nothing is refused', () => {
  assert.throws(() => summarize([]), RangeError);
});

test('a target is met at its bound, missed beyond it, and never met by what was not measured', () => {
  assert.equal(judge({ atMost: 15 }, 15, undefined), 'met');
  assert.equal(judge({ under: 15 }, 15, undefined), 'missed');
  assert.equal(judge({ timesAtMost: 2 }, 9, 2.01), 'missed');
  assert.equal(judge({ timesAtLeast: 5 }, 9, 5), 'met');
  assert.equal(judge({ timesAtLeast: 5 }, 9, undefined), 'not measured');
  assert.equal(judge({ under: 15 }, undefined, undefined), 'not measured');
});

test('the ratio is to the first peer, and one that could not be had says why', () => {
  const here = line('run', 'ms', { timesAtMost: 1 }, [10, 20, 30], { codex: [40], firejail: 'no such package' });
  assert.equal(here.ratio, 0.5);
  assert.equal(here.verdict, 'met');
  assert.match(
    table([here]),
    /20\.0 \[15\.0-25\.0\] \| codex 40\.0; firejail \(no such package\) \| 0\.50 \| <= 1x \| met/,
  );
  const without = line('run', 'ms', { timesAtMost: 1 }, [10], { codex: 'no such package', firejail: [40] });
  assert.equal(without.verdict, 'not measured');
});

test('a figure has three digits that count', () => {
  assert.deepEqual([1234.5, 56.78, 3.456, 0.0123].map(shortly), ['1235', '56.8', '3.46', '0.012']);
});

test("a compartment's orders become bubblewrap's own mounts, in the same order, inside its root", () => {
  const argv = bareArguments(
    [
      { do: 'dir', at: '/s/root', mode: '0755' },
      { do: 'dir', at: '/s/root/usr', mode: '0755' },
      { do: 'bind', from: '/usr/lib', at: '/s/root/usr/lib', flags: ['ro', 'nosuid'] },
      { do: 'bind', from: '/s/root/a', at: '/s/root/a', flags: ['nosuid'] },
      { do: 'link', to: 'usr/lib', at: '/s/root/lib' },
    ],
    '/s/root',
  );
  const mounts = argv.slice(argv.indexOf('--dir'), argv.indexOf('--proc'));
  const expected = [
    '--dir',
    '/usr',
    '--ro-bind',
    '/usr/lib',
    '/usr/lib',
    '--bind',
    '/a',
    '/a',
    '--symlink',
    'usr/lib',
    '/lib',
  ];
  assert.deepEqual(mounts, expected);
});
