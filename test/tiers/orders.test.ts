import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Order, orderLine } from '../../src/tiers/orders.ts';

test('an order is one line, and text of any kind is in hexadecimal', () => {
  assert.equal(orderLine({ do: 'arg', value: 'a\tb\nc' }), 'arg\t6109620a63\n');
  assert.equal(orderLine({ do: 'env', name: 'A', value: '' }), 'env\tA\t\n');
  assert.equal(orderLine({ do: 'end' }), 'end\n');
  assert.equal(orderLine({ do: 'bind', from: '/a', at: '/b', flags: ['ro', 'noexec'] }), 'bind\t/a\t/b\tro,noexec\n');
});

test('no field can hold a control character, so no path can begin another order', () => {
  const controls = [...Array(32).keys(), 127].map((code) => String.fromCharCode(code));
  for (const control of controls) {
    const path = `/srv/${control}uid\t0`;
    const orders: Order[] = [
      { do: 'cgroup', procs: path },
      { do: 'netns', path },
      { do: 'stage', at: path },
      { do: 'tmpfs', at: path, flags: [], data: '' },
      { do: 'tmpfs', at: '/x', flags: [], data: path },
      { do: 'dir', at: path, mode: '0755' },
      { do: 'file', at: path, mode: '0444', text: '' },
      { do: 'link', to: path, at: '/x' },
      { do: 'link', to: '/x', at: path },
      { do: 'bind', from: path, at: '/x', flags: [] },
      { do: 'bind', from: '/x', at: path, flags: [] },
      { do: 'device', from: path, at: '/x' },
      { do: 'idbind', from: path, at: '/x', flags: [], uids: { disk: 1, seen: 2 }, gids: { disk: 1, seen: 2 } },
      { do: 'stub', from: path, at: '/x' },
      { do: 'stubs', of: '/x', folder: '/y', names: ['a', path] },
      { do: 'gate', agent: 'one', stub: path },
      { do: 'seal', at: path, flags: [] },
      { do: 'cover', at: path, flags: [] },
      { do: 'ns', kind: 'mnt', path },
      { do: 'env', name: path, value: '' },
      { do: 'set', name: path, value: '' },
      { do: 'filter', path },
    ];
    for (const order of orders) assert.throws(() => orderLine(order), TypeError, JSON.stringify(order));
  }
});
