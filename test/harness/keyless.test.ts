import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { observeCgroups, unifiedFolder } from '../../src/host/cgroup/cgroup-roots.ts';
import { cgroupPath } from '../../src/plan/fleet.ts';
import { NOT_ROOT, withFleetBeside } from '../e2e/stand.ts';
import { startOrigin } from '../e2e/tls-origin.ts';
import { DONE, HARNESSES, type Harness } from './harnesses.ts';
import { holdersOf, processesOf } from './holding.ts';
import { harnessFor, NOT_X64 } from './installed.ts';

// Harnesses as they come from npm do a turn with a placeholder: the model's service sees the real key, and nothing in the compartment does.
// Claude Code is in claude-code.test.ts.

const KEY = `sk-proj-${'TheRealKeyOfTheOperator0'.repeat(4)}-9876`;
const HOST = 'model.test';
const LONG = process.env.BULKHEAD_LONG ? false : 'Codex is 404 MB: npm run test:long fetches it and has it do its turn';

for (const name of ['pi', 'codex'] as const) {
  const { folder, skip } = await harnessFor(name, NOT_ROOT || (name === 'codex' && (NOT_X64 || LONG)));

  test(
    `${name} from npm does a turn with a placeholder; the origin sees the real key, and nothing in the compartment ever holds it`,
    {
      skip,
    },
    () => turn(HARNESSES[name], folder),
  );
}

async function turn(harness: Harness, folder: string): Promise<void> {
  await withFleetBeside(
    '',
    async (stand) => {
      const held = { key: [] as string[], placeholder: [] as string[] };
      let [placeholder, group] = ['', ''];
      const plays = harness.model(harness.turns);
      const origin = await startOrigin(stand.folder, HOST, (request, response) => {
        if (group !== '') {
          const pids = processesOf(group);
          held.key.push(...holdersOf(KEY.slice(8, 60), pids, []));
          held.placeholder.push(...holdersOf(placeholder, pids, []));
        }
        response.setHeader('x-you-sent', request.headers.authorization ?? 'nothing');
        plays(request, response);
      });
      try {
        stand.write(`
roots: [${origin.root}]
knowledge: { harness: ${folder} }
agents:
  coder:
    ${harness.agent(folder)}
    limits: { memory: 2G, processes: 256, cpu: 200%, disk: 512M }
    egress: [{ host: ${HOST}, port: ${origin.port}, address: 127.0.0.1 }]
    secrets: { OPENAI_API_KEY: { secret: mine, to: "${HOST}:${origin.port}", path: /v1/** } }
`);
        assert.equal((await stand.bulkhead(['secrets', 'set', 'mine'], { input: KEY })).status, 0);
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        placeholder = (await stand.run('coder', ['sh', '-c', 'printf %s "$OPENAI_API_KEY"'])).stdout;
        assert.match(placeholder, /^sk-proj-[A-Za-z0-9]+$/);
        group = unifiedFolder(observeCgroups(), cgroupPath(stand.fleet, 'coder')) ?? '';
        const settings = harness.settings(`https://${HOST}:${origin.port}`);
        assert.equal((await stand.run('coder', ['sh', '-c', settings])).status, 0);
        const said = await stand.run('coder', harness.argv(folder));
        assert.deepEqual([said.status, said.stdout.trim()], [0, DONE], said.stderr);
        assert.equal((await stand.run('coder', ['cat', 'made.txt'])).stdout, 'done by hand\n');
        const posts = origin.seen.filter(({ method }) => method === 'POST');
        assert.equal(posts.length, 2);
        for (const { headers } of posts) assert.equal(headers.authorization, `Bearer ${KEY}`);
        assert.ok(
          held.placeholder.some((where) => where.endsWith('memory')),
          'the search finds what is there',
        );
        assert.deepEqual(held.key, []);
        const disk = join(stand.state, 'agents/coder/disk');
        assert.deepEqual(holdersOf(KEY.slice(8, 60), processesOf(group), [disk]), []);
      } finally {
        origin.stop();
      }
    },
    { up: false },
  );
}
