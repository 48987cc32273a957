import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentEnvironment, sandboxOrders } from '../../src/tiers/sandbox.ts';
import { userOrders } from '../../src/tiers/user.ts';
import { ON_HOST, smallFacts } from './facts.ts';

const trust = {
  authority: '/state/run/authority.pem',
  bundle: '/state/run/trusted.pem',
  over: ['/etc/ssl/certs/ca-certificates.crt'],
};
const binds = (orders: ReturnType<typeof sandboxOrders>): string[] =>
  orders.flatMap((order) =>
    order.do === 'bind' && order.from.endsWith('.pem') ? [`${order.from} ${order.at} ${order.flags}`] : [],
  );

test('an agent without secrets trusts what the machine trusts, and its environment names nothing', () => {
  assert.deepEqual(binds(sandboxOrders(smallFacts())), []);
  assert.equal(agentEnvironment(smallFacts()).SSL_CERT_FILE, undefined);
});

test('one with secrets trusts the fleet’s authority too, read-only, wherever programs look', () => {
  const facts = smallFacts({ trust });
  const orders = sandboxOrders(facts);
  const bound = binds(orders);
  assert.equal(bound.length, 3);
  assert.ok(bound.every((one) => one.endsWith('ro,nosuid,nodev,noexec')));
  assert.ok(bound.some((one) => one.includes('/root/etc/ssl/certs/ca-certificates.crt')));
  const { NODE_EXTRA_CA_CERTS, SSL_CERT_FILE } = agentEnvironment(facts);
  assert.deepEqual([NODE_EXTRA_CA_CERTS, SSL_CERT_FILE], ['/etc/bulkhead/authority.pem', '/etc/bulkhead/trusted.pem']);
});

test('in tier user too', () => {
  if (ON_HOST.in !== 'host') throw new Error('not on the host');
  const bound = binds(userOrders(smallFacts({ trust, network: ON_HOST }), ON_HOST));
  assert.ok(
    bound.some((one) => one.includes('/root/etc/ssl/certs/ca-certificates.crt')),
    bound.join('\n'),
  );
});
