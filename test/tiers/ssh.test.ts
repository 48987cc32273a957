import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentReadme } from '../../src/tiers/etc.ts';
import type { Order } from '../../src/tiers/orders.ts';
import { agentEnvironment, sandboxOrders } from '../../src/tiers/sandbox.ts';
import { configFile, knownHostsFile } from '../../src/tiers/ssh.ts';
import { userOrders } from '../../src/tiers/user.ts';
import { ON_HOST, smallFacts } from './facts.ts';

const ssh = [
  { host: 'git.test', port: 22, user: 'git', hostKeys: ['ssh-ed25519 AAAA', 'ssh-rsa BBBB'] },
  { host: 'git.test', port: 22, user: 'other', hostKeys: ['ssh-ed25519 AAAA'] },
  { host: '203.0.113.7', port: 2222, user: 'git', hostKeys: ['ssh-ed25519 CCCC'] },
];
const plain = smallFacts();
const facts = smallFacts({ agent: { ...plain.agent, ssh }, sshFolder: '/state/agents/coder/ssh' });
const ofSsh = (orders: readonly Order[]): string[] =>
  orders.flatMap((order) =>
    'at' in order && /\/etc\/ssh|\/run\/bulkhead/.test(order.at) ? [`${order.do} ${order.at}`] : [],
  );

test('hosts are known by their keys, and a port that is not 22 stands in the name', () => {
  assert.equal(
    knownHostsFile(ssh),
    'git.test ssh-ed25519 AAAA\ngit.test ssh-rsa BBBB\n[203.0.113.7]:2222 ssh-ed25519 CCCC\n',
  );
  assert.match(configFile(ssh, false), /^Host git\.test 203\.0\.113\.7\n {2}StrictHostKeyChecking yes\n/m);
  assert.doesNotMatch(configFile(ssh, false), /Include/);
});

test('an agent without SSH keys has no signer, no settings, and its environment names none', () => {
  assert.deepEqual(ofSsh(sandboxOrders(plain)), []);
  assert.equal(agentEnvironment(plain).SSH_AUTH_SOCK, undefined);
  assert.doesNotMatch(agentReadme(plain.agent), /SSH/);
});

test('one with keys has the folder of its own signer, read-only, and settings that it cannot change', () => {
  assert.deepEqual(ofSsh(sandboxOrders(facts)), [
    'dir /state/run/stage/root/run/bulkhead',
    'bind /state/run/stage/root/run/bulkhead',
    'dir /state/run/stage/root/etc/ssh',
    'file /state/run/stage/root/etc/ssh/ssh_config',
    'file /state/run/stage/root/etc/ssh/ssh_known_hosts',
  ]);
  const bound = sandboxOrders(facts).find((order) => order.do === 'bind' && order.from === '/state/agents/coder/ssh');
  assert.deepEqual(bound?.do === 'bind' && bound.flags, ['ro', 'nosuid', 'nodev', 'noexec']);
  assert.equal(agentEnvironment(facts).SSH_AUTH_SOCK, '/run/bulkhead/ssh-agent');
  assert.match(agentReadme(facts.agent), /^SSH: git@git\.test, other@git\.test, git@203\.0\.113\.7:2222; /m);
});

test('in tier user the machine’s own settings follow ours', () => {
  if (ON_HOST.in !== 'host') throw new Error('not on the host');
  const on = { ...facts, network: ON_HOST };
  const orders = userOrders(on, ON_HOST);
  const spread = orders.find((order) => order.do === 'spread');
  assert.ok(spread?.do === 'spread' && spread.but.includes('ssh'));
  assert.equal(ofSsh(orders).length, 7);
  assert.match(configFile(ssh, true), /\nMatch all\n {2}Include \/etc\/bulkhead\/host\/ssh\/ssh_config\n$/);
  const without = userOrders({ ...plain, network: ON_HOST }, ON_HOST).find((order) => order.do === 'spread');
  assert.ok(without?.do === 'spread' && !without.but.includes('ssh'));
});
