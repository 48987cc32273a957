import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { NOT_ROOT, type Stand, withFleetBeside } from '../e2e/stand.ts';
import { TOP } from '../tree/sources.ts';
import { harnessFor } from './installed.ts';
import { ScriptedModel } from './model.ts';
import { bash, CLI, models } from './scripted-pi.ts';

// A harness as it comes from npm, unmodified, does a turn of real work in a compartment. Only the model is played.

const BY_ADDRESS = '203.0.113.7';

const fleet = (port: number, harness: string, exercise: string): string => `
defaults:
  exec: { sets: [base, git, node] }
  limits: { memory: 1G, processes: 128, cpu: 200%, disk: 256M }
knowledge:
  pi: ${harness}
  exercise: ${exercise}
agents:
  coder:
    exec: { own: allow }
    egress: [{ host: model.test, port: ${port}, address: 127.0.0.1 }]
    knowledge: [pi, exercise]
  strict:
    knowledge: [exercise]
`;

/** A fleet with the exercise in each workspace and the model in coder's settings. */
async function withHarness(port: number, harness: string, use: (stand: Stand) => Promise<void>): Promise<void> {
  await withFleetBeside(
    '',
    async (stand) => {
      const exercise = join(stand.folder, 'exercise');
      cpSync(join(import.meta.dirname, 'exercise'), exercise, { recursive: true });
      cpSync(join(TOP, 'examples/studio/forge/project/elf.mjs'), join(exercise, 'elf.mjs'));
      stand.write(fleet(port, harness, exercise));
      const up = await stand.bulkhead(['up']);
      assert.equal(up.status, 0, up.stdout + up.stderr);
      const script = 'cp -r /knowledge/exercise/. . && mkdir -p ~/.pi/agent && cat >~/.pi/agent/models.json';
      for (const agent of ['coder', 'strict'])
        assert.equal((await stand.run(agent, ['sh', '-c', script], { input: models(port) })).status, 0);
      await use(stand);
    },
    { up: false },
  );
}

let model: ScriptedModel | undefined;
after(() => model?.stop());

const { folder: harness, skip } = await harnessFor('pi', NOT_ROOT);

test('an unmodified harness edits, builds and tests in its compartment, and reaches its model and nothing else', {
  skip,
}, async (t) => {
  const played = new ScriptedModel(({ port }) => [
    { tool: 'edit', with: { path: 'sum.mjs', edits: [{ oldText: 'a - b', newText: 'a + b' }] } },
    bash('npm install && npm test'),
    bash('curl -sS -m 30 http://elsewhere.test/'),
    bash(`curl -sS -m 30 http://${BY_ADDRESS}:${port}/`),
    bash(`curl -sS -m 30 http://127.0.0.1:${port}/`),
    { say: 'The sum is right now.' },
  ]);
  model = played;
  await withHarness(await played.start(), harness, async (stand) => {
    const said = await stand.run('coder', ['sh', '-c', 'npm install && npm test; rm -r node_modules']);
    assert.match(said.stderr, /-1 !== 5/, 'before, the test of the exercise fails');

    const turn = await stand.run('coder', ['node', CLI, '--model', 'played/scripted', '-p', 'Mend sum.mjs.']);
    assert.deepEqual([turn.status, turn.stdout, turn.stderr], [0, 'The sum is right now.\n', '']);
    await t.test('the file is changed, and the project built and ran programs of its own', async () => {
      const files = await stand.run('coder', ['cat', 'sum.mjs', 'tested.txt']);
      assert.match(files.stdout, /return a \+ b;[\s\S]*sum is right\nby script: coder\n$/);
      assert.match(played.toolResult(0), /Successfully replaced 1 block/);
      assert.match(played.toolResult(1), /added 1 package[\s\S]*by machine code/);
      assert.doesNotMatch(played.toolResult(1), /Command exited/);
    });
    await t.test('another host, by name and by address, is refused and recorded under the agent', async () => {
      assert.match(played.toolResult(2), /Could not resolve host: elsewhere\.test/);
      assert.match(played.toolResult(3), /no rule grants the address 203\.0\.113\.7/);
      const refused = await entries(stand, 'dns.refused');
      assert.ok(refused.some(({ name, agent }) => name === 'elsewhere.test' && agent === 'coder'));
      const denied = await entries(stand, 'egress.denied');
      assert.ok(denied.some(({ host, agent }) => host === BY_ADDRESS && agent === 'coder'));
    });
    await t.test(
      'the model was reached through the gateway only: its port on the loopback inside is nobody',
      async () => {
        assert.match(played.toolResult(4), /Failed to connect to 127\.0\.0\.1|Couldn't connect/);
        const allowed = await entries(stand, 'egress.allowed');
        assert.equal(allowed.length, played.asked.length);
        for (const { agent, host, address } of allowed)
          assert.deepEqual([agent, host, address], ['coder', 'model.test', '127.0.0.1']);
      },
    );
    await t.test("what the harness keeps is in the agent's home, and outlasts the compartment", async () => {
      assert.equal((await stand.bulkhead(['restart', 'coder'])).status, 0);
      const kept = await stand.run('coder', ['sh', '-c', 'cat ~/.pi/agent/sessions/*/*.jsonl']);
      assert.match(kept.stdout, /The sum is right now\./);
    });
    await t.test('under own: never the same project is not run by what it made itself', async () => {
      const { status, stderr } = await stand.run('strict', [
        'sh',
        '-c',
        'sed -i s/-/+/ sum.mjs; npm install && npm test',
      ]);
      assert.notEqual(status, 0);
      assert.match(stderr, /checker: (Permission denied|not found)/);
    });
  });
});

interface Entry {
  readonly agent?: string;
  readonly host?: string;
  readonly name?: string;
  readonly address?: string;
}

async function entries(stand: Stand, event: string): Promise<Entry[]> {
  const { json } = await stand.bulkhead(['ledger', 'tail', '--last', '1000', '--event', event, '--json']);
  return json.entries;
}
