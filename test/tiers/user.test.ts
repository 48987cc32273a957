import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrders } from '../../src/tiers/create.ts';
import { type Order, orderLine } from '../../src/tiers/orders.ts';
import { agentEnvironment, enterOrders } from '../../src/tiers/sandbox.ts';
import { systemView } from '../../src/tiers/system-view.ts';
import { ON_HOST, smallFacts } from './facts.ts';
import { isGolden, shown } from './golden.ts';

const ROOT = '/state/run/stage/root';
const FACTS = smallFacts({ network: ON_HOST, covered: ['/usr/bin/ssh'] });
const ORDERS = createOrders(FACTS);
const places = (orders: readonly Order[]): string[] =>
  orders.flatMap((order) => ('at' in order ? [order.at.replace('/state/run/stage/root', '') || '/'] : []));

test('the orders of a compartment on the host’s own files are as reviewed', () => {
  isGolden('user-own', shown(ORDERS));
  isGolden('enter-user', shown(enterOrders(FACTS, { firstPid: 4242, keeperPid: 4241 }, agentEnvironment(FACTS))));
});

test('the launcher forks before anything else, and what confines comes before the agent’s uid can matter', () => {
  for (const orders of [ORDERS, enterOrders(FACTS, { firstPid: 4242, keeperPid: 4241 }, {})]) {
    const kinds = orders.map((order) => order.do);
    assert.deepEqual([kinds[0], kinds.includes('scopes'), kinds.includes('filter')], ['beside', true, true]);
  }
});

test('nothing of the host is writable, and what is writable is neither executable nor sized by the host', () => {
  const own = ['/', '/dev/shm', '/home/agent', '/workspace', '/tmp', '/var/tmp'];
  for (const order of ORDERS) {
    if (!('flags' in order)) continue;
    assert.ok(order.flags.includes('nosuid') && order.flags.includes('nodev'), orderLine(order));
    const [at = ''] = places([order]);
    if (!order.flags.includes('ro')) assert.ok(own.includes(at), orderLine(order));
    if (!order.flags.includes('ro') && at !== '/') assert.ok(order.flags.includes('noexec'), orderLine(order));
  }
  assert.ok(ORDERS.some((order) => order.do === 'seal' && order.flags.includes('ro')));
});

const GATED = smallFacts({
  network: ON_HOST,
  covered: ['/usr/bin/ssh', '/usr/lib/ssh/helper'],
  programs: [
    { name: 'sh', file: '/usr/bin/dash', links: [{ at: '/usr/bin/sh', to: 'dash' }], script: false },
    { name: 'git', file: '/usr/bin/git', links: [], script: false },
    { name: '/srv/app/run', file: '/srv/app/run', links: [], script: false },
    { name: '/usr/libexec/one', file: '/usr/libexec/one', links: [], script: false },
  ],
  gate: {
    ...{ filter: '/state/run/filter-gated.bpf', stub: '/state/run/stub', pins: '/state/pins', denied: ['ssh'] },
    stubs: [{ folder: '/usr/bin', names: ['factor', 'ssh'] }],
    over: ['/usr/bin/git'],
    behind: {},
  },
});

test('where programs are asked for, the orders are as reviewed', () => {
  isGolden('user-gated', shown(createOrders(GATED)));
  isGolden('enter-user-gated', shown(enterOrders(GATED, { firstPid: 4242, keeperPid: 4241 }, {})));
});

test('where programs are asked for, only what holds libraries or an allowed program is mounted executable', () => {
  const code = createOrders(GATED).filter(
    (order) => order.do === 'bind' && !order.flags.includes('noexec') && order.from === order.at.slice(ROOT.length),
  );
  assert.deepEqual(places(code), ['/opt', '/usr/lib', '/usr/bin/dash', '/usr/libexec/one']);
});

test('only the workspace becomes executable where exec.own allows it', () => {
  const { agent } = FACTS;
  const orders = createOrders({ ...FACTS, agent: { ...agent, exec: { ...agent.exec, own: 'allow' } } });
  const open = orders.filter(
    (order) => 'flags' in order && !order.flags.includes('ro') && !order.flags.includes('noexec'),
  );
  assert.deepEqual(places(open), ['/', '/workspace']);
});

test('what covers something of the host comes after it, and the root last', () => {
  const at = places(ORDERS);
  for (const place of ['/var/tmp', '/var/lib/bulkhead', '/usr/bin/ssh'])
    assert.ok(at.lastIndexOf(place) > at.indexOf('/var/log'), place);
  assert.equal(at.at(-1), '/');
});

const HOST = {
  folders: [
    '/dev',
    '/etc',
    '/home',
    '/lost+found',
    '/opt',
    '/proc',
    '/root',
    '/run',
    '/srv',
    '/sys',
    '/tmp',
    '/usr',
    '/var',
  ],
  links: [
    { at: '/bin', to: 'usr/bin' },
    { at: '/home', to: 'data/home' },
  ],
  states: ['/var/lib/bulkhead'],
  loaders: [],
  hostname: 'box',
  isFolder: (path: string) => !['/var/run', '/usr/lib/file'].includes(path),
};

test('of the host’s mounts only file systems of the system itself are shown: no stick, no container, no agent’s disk', () => {
  const view = systemView({
    ...HOST,
    mountPoints: [
      ...[
        '/',
        '/proc',
        '/usr/local',
        '/var',
        '/var/log',
        '/var/lib',
        '/usr/lib/file',
        '/home',
        '/mnt/stick',
        '/etc/hosts',
      ],
      ...['/var/lib/docker/overlay2/1/merged', '/var/lib/bulkhead/agents/a/disk', '/run/netns/x', '/srv/data'],
    ],
  });
  assert.deepEqual(view.folders, ['/opt', '/srv', '/usr', '/usr/local', '/var', '/var/lib', '/var/log']);
  assert.deepEqual(view.links, [{ at: '/bin', to: 'usr/bin' }]);
});

test('the product’s own folder and places of running programs are covered, where they would be in sight', () => {
  const closed = (states: string[], isFolder = HOST.isFolder): readonly string[] =>
    systemView({ ...HOST, states, isFolder, mountPoints: [] }).closed;
  assert.deepEqual(closed(['/var/lib/bulkhead', '/srv/state']), ['/var/lib/bulkhead', '/srv/state', '/var/lock']);
  assert.deepEqual(
    closed(['/home/you/state', '/tmp/state'], () => true),
    ['/var/run', '/var/lock'],
  );
});
