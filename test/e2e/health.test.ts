import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentStatus, StatusDocument } from '../../src/model/documents.ts';
import type { Result } from './command.ts';
import { probed } from './probing.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

const FLEET = `agents:
  web:
    command: [node, -e, "setTimeout(() => require('http').createServer((q, r) => { r.statusCode = require('fs').existsSync('/workspace/ill') ? 503 : q.url === '/health' ? 200 : 404; r.end() }).listen(8080, '127.0.0.1'), 1500)"]
    exec: { sets: [base, node] }
    limits: { memory: 256M, disk: 64M }
    health: { port: 8080, path: /health }
`;

test('the health of an agent’s service is asked for inside, shown, counted as red when it fails, and recorded', {
  skip: NOT_ROOT,
}, async () => {
  await withFleetBeside(
    FLEET,
    async (stand) => {
      const webOf = ({ json }: Result): AgentStatus => (json as StatusDocument).agents[0] ?? assert.fail();
      const probe = async (ok: boolean, why?: string): Promise<{ status: number | null; web: AgentStatus }> => {
        const like = (one: Result): boolean => one.status === (ok ? 0 : 1) && webOf(one).health?.why === why;
        const said = await probed(stand, like);
        return { status: said.status, web: webOf(said) };
      };
      const up = await stand.bulkhead(['up']); // which waits until the service listens, and Node takes its time
      assert.equal(up.status, 0, up.stdout + up.stderr);
      const well = await probe(true);
      assert.deepEqual([well.status, well.web.health?.ok], [0, true], JSON.stringify(well.web.health));
      await stand.run('web', ['touch', '/workspace/ill']);
      const ill = await probe(false, 'it answers 503');
      assert.deepEqual([ill.status, ill.web.health?.ok, ill.web.health?.why], [1, false, 'it answers 503']);
      const shown = await stand.bulkhead(['status']);
      assert.match(shown.stdout, /web\s+unhealthy\s+its service: it answers 503/);
      const changes = async (): Promise<boolean[]> => {
        const { json } = await stand.bulkhead(['ledger', 'tail', '--event', 'health.changed', '--json']);
        const all = (json.entries as { ok: boolean }[]).map(({ ok }) => ok);
        return all.filter((ok, i) => ok !== all[i - 1]); // another reason is another entry
      };
      for (const late = Date.now() + 30_000; (await changes()).at(-1) !== false; await sleep(100))
        assert.ok(Date.now() < late, 'it is not on record');
      assert.deepEqual((await changes()).slice(-2), [true, false]);
    },
    { up: false },
  );
});
