import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MASKED } from '../../src/tiers/masks.ts';
import { orderLine } from '../../src/tiers/orders.ts';
import { agentEnvironment, enterOrders, sandboxOrders } from '../../src/tiers/sandbox.ts';
import { smallFacts } from './facts.ts';
import { isGolden, shown } from './golden.ts';

const IDS = { uids: { disk: 1000, seen: 47_001 }, gids: { disk: 1000, seen: 47_001 } };
const SHARED = smallFacts({
  workspace: {
    path: '/home/you/site',
    owner: IDS,
    masks: [
      { name: '.git', is: 'folder' },
      { name: '.envrc', is: 'held' },
    ],
  },
  knowledge: [
    { name: 'open', path: '/srv/open', is: 'folder', uid: 1000 },
    { name: 'closed', path: '/home/you/closed', is: 'folder', uid: 1000, owner: IDS },
    { name: 'page', path: '/srv/page.md', is: 'file', uid: 1000 },
  ],
});

test('the orders of a compartment are as reviewed', () => {
  isGolden('sandbox-own', shown(sandboxOrders(smallFacts())));
  const rootless = smallFacts({ network: { in: 'own' } });
  isGolden('sandbox-rootless', shown(sandboxOrders(rootless)));
  isGolden('sandbox-shared', shown(sandboxOrders(SHARED)));
  const facts = smallFacts();
  isGolden('enter-rootless', shown(enterOrders(rootless, { firstPid: 4242, keeperPid: 4241 }, {})));
  isGolden('enter', shown(enterOrders(facts, { firstPid: 4242, keeperPid: 4241 }, agentEnvironment(facts))));
});

test('only the workspace is executable, and only where exec.own allows it', () => {
  const writable = (own: 'never' | 'allow'): string[] => {
    const small = smallFacts();
    const facts = smallFacts({ agent: { ...small.agent, exec: { ...small.agent.exec, own } } });
    return sandboxOrders(facts).flatMap((order) =>
      'flags' in order && !order.flags.includes('ro') && !order.flags.includes('noexec') && !order.at.endsWith('/root')
        ? [order.at.replace('/state/run/stage/root', '')]
        : [],
    );
  };
  assert.deepEqual([writable('never'), writable('allow')], [[], ['/workspace']]);
});

test('every mount is nosuid and nodev', () => {
  for (const facts of [smallFacts(), SHARED])
    for (const order of sandboxOrders(facts))
      if ('flags' in order)
        assert.ok(order.flags.includes('nosuid') && order.flags.includes('nodev'), orderLine(order));
});

test('the root is sealed after all that is mounted in it', () => {
  const kinds = sandboxOrders(SHARED).map((order) => order.do);
  const mounts = ['bind', 'idbind', 'tmpfs', 'device', 'devpts', 'dir', 'file', 'link'] as const;
  assert.ok(kinds.indexOf('seal') > Math.max(...mounts.map((kind) => kinds.lastIndexOf(kind))));
});

test('an environment of the agent cannot be that of the operator', () => {
  assert.deepEqual(Object.keys(agentEnvironment(smallFacts())).sort(), [
    ...['BULKHEAD_AGENT', 'EDITOR', 'HOME', 'LANG', 'LOGNAME', 'PATH', 'SHELL', 'USER'],
  ]);
});

test('masked names are plain names at the top of a folder, each once, in order', () => {
  assert.deepEqual([...new Set(MASKED)].sort(), [...MASKED]);
  for (const name of MASKED) assert.match(name, /^[\w.-]+$/);
});
