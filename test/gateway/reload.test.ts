import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, test } from 'node:test';
import type { EgressRule } from '../../src/model/fleet.ts';
import { World } from './world.ts';

const world = new World();
const rule = (host: string, port: number = 7000): EgressRule => ({ host, port });
before(async () => {
  await world.start({ 'allow.test': '203.0.113.10', 'more.test': '203.0.113.11' });
  await world.policy({ coder: [rule('allow.test'), rule('more.test')], other: [rule('allow.test')] });
  await world.agent('coder');
  await world.agent('other');
});
after(() => world.stop());

interface Held {
  readonly child: ChildProcess;
  /** Resolves with what ended it. */
  readonly ended: Promise<string>;
}

/** An open connection that echoes once a moment. */
async function hold(agent: string, host: string): Promise<Held> {
  const code = `import socket,time,sys
s=socket.create_connection(('${host}',7000),timeout=30)
try:
  while True:
    s.sendall(b'\\x00ping\\n')
    if not s.recv(99): print('end',flush=True); sys.exit()
    print('up',flush=True); time.sleep(0.05)
except OSError as e: print('reset',flush=True)`;
  const child = world.background(agent, ['/usr/bin/python3', '-c', code]);
  let text = '';
  const ended = new Promise<string>((resolve) =>
    child.once('close', () => resolve(text.trim().split('\n').at(-1) ?? '')),
  );
  await new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      resolve();
    });
  });
  return { child, ended };
}

const open = async (): Promise<(number | undefined)[]> => {
  const { agents } = (await world.warden.call('status')) as { agents: { name: string; open: number }[] };
  return ['coder', 'other'].map((name) => agents.find((agent) => agent.name === name)?.open);
};

test('what a new policy does not allow has ended when the reply comes, and nothing else', async () => {
  const held = [
    await hold('coder', 'allow.test'),
    await hold('coder', 'more.test'),
    await hold('other', 'allow.test'),
  ] as const;
  assert.deepEqual(await open(), [2, 1]);
  await world.policy({ coder: [rule('more.test')], other: [rule('allow.test')] });
  assert.deepEqual(await open(), [1, 1]);
  assert.match(await held[0].ended, /reset|end/);
  assert.equal(held[1].child.exitCode, null);
  const closed = await world.recorded('egress.closed', (entry) => entry.why === 'policy changed');
  assert.equal(closed.host, 'allow.test');
  for (const one of held) one.child.kill();
  assert.match((await world.curl('coder', 'http://allow.test:7000/')).err, /resolve|refused|reset/i);
});

test('other terms end a connection too: an address that is now pinned elsewhere', async () => {
  await world.policy({ coder: [rule('allow.test')] });
  const held = await hold('coder', 'allow.test');
  await world.policy({ coder: [{ host: 'allow.test', port: 7000, address: '203.0.113.11' }] });
  assert.match(await held.ended, /reset|end/);
});

test('an agent that is not in the policy any more may nothing', async () => {
  await world.policy({ coder: [rule('allow.test')], other: [rule('allow.test')] });
  const held = await hold('other', 'allow.test');
  await world.policy({ coder: [rule('allow.test')] });
  assert.match(await held.ended, /reset|end/);
  assert.deepEqual(await open(), [0, 0]);
});

test('a policy that cannot be read changes nothing', async () => {
  await world.policy({ coder: [rule('allow.test')] });
  const held = await hold('coder', 'allow.test');
  await assert.rejects(world.policy({ coder: [{ host: 'allow.test%00', port: 7000 }] }), { code: 'malformed' });
  await assert.rejects(world.policy({ coder: [{ host: 'allow.test', port: 0 }] }), { code: 'malformed' });
  assert.deepEqual((await open())[0], 1);
  held.child.kill();
});

test('forget closes what is open, and the door', async () => {
  await world.policy({ coder: [rule('allow.test')] });
  const held = await hold('coder', 'allow.test');
  await world.warden.call('forget', { agent: 'coder', names: false });
  assert.match(await held.ended, /reset|end/);
  const { out } = await world.python(
    'coder',
    `
try: socket.create_connection(('203.0.113.10',7000),timeout=1); print('connected')
except OSError as e: print('closed')`,
  );
  assert.equal(out.trim(), 'closed');
  await world.listen('coder');
  assert.equal((await hold('coder', 'allow.test')).child.kill(), true);
});
