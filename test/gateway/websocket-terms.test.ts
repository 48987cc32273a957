import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ReadWorld } from './read-world.ts';

const world = new ReadWorld<{ head?: string; closed?: boolean }>();
before(() => world.begin('socket-origin.ts'));
after(() => world.stop());

const policy = (paths: readonly string[]): Promise<unknown> => {
  const secret = { variable: 'KEY', secret: 'api', host: 'allow.test', port: 9443, in: ['bearer', 'basic'] };
  const egress = [{ host: 'allow.test', port: 9443, paths }];
  const roots = [readFileSync(join(world.dir, 'cert.pem'), 'utf8')];
  return world.warden.call('policy', { roots, agents: [{ name: 'coder', egress, grants: [], secrets: [secret] }] });
};

test('a WebSocket ends with the rule that granted its request, and stands while another grants it', async () => {
  await policy(['/ws', '/other']);
  const held = world.node(`
const socket = new WebSocket('wss://allow.test:9443/ws');
socket.onclose = () => { console.log('closed'); process.exit(); };
setTimeout(() => { console.log('stands'); process.exit(); }, 40_000);`);
  await world.heard(({ head }) => head?.startsWith('GET /ws ') === true);
  await policy(['/ws']);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.deepEqual(
    world.said.filter(({ closed }) => closed),
    [],
  );
  await policy(['/other']);
  assert.match((await held).out, /closed/);
  const closed = await world.recorded('egress.closed', ({ why }) => why === 'policy changed');
  assert.equal(closed.host, 'allow.test');
});
