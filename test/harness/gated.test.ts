import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { NOT_ROOT, type Stand, withFleetBeside } from '../e2e/stand.ts';
import { harnessFor } from './installed.ts';
import { ScriptedModel } from './model.ts';
import { bash, CLI, models } from './scripted-pi.ts';

// A harness as it comes from npm, unmodified, in a gated compartment: its model asks for commands that nobody has allowed. A person
// answers from the command line, and the harness goes on either way.

const fleet = (port: number, harness: string): string => `
knowledge:
  pi: ${harness}
agents:
  coder:
    exec: { sets: [base, git, node], ask: on-miss, deny: [ssh] }
    ask: { wait: 30s }
    limits: { memory: 1G, processes: 128, cpu: 200%, disk: 256M }
    egress: [{ host: model.test, port: ${port}, address: 127.0.0.1 }]
    knowledge: [pi]
`;

let model: ScriptedModel | undefined;
after(() => model?.stop());

/** Its number, once somebody has asked for a command that begins so. */
async function asked(stand: Stand, begins: string): Promise<number> {
  for (let i = 0; i < 300; i++) {
    const { json } = await stand.bulkhead(['approvals', '--json']);
    const found = json?.approvals?.find((one: { shown: string }) => one.shown.startsWith(begins));
    if (found) return found.id;
    await sleep(100);
  }
  return assert.fail(`nobody asked for ${begins}`);
}

const { folder: harness, skip } = await harnessFor('pi', NOT_ROOT);

test('an unmodified harness waits for a person where its model wants what is not allowed, and goes on after yes and after no', {
  skip,
}, async (t) => {
  const played = new ScriptedModel(() => [
    bash('echo before; factor 91; echo after $?'),
    bash('factor 33'),
    bash('ssh host'),
    bash('echo goes on'),
    { say: 'That is all.' },
  ]);
  model = played;
  const port = await played.start();
  await withFleetBeside(fleet(port, harness), async (stand) => {
    const settings = 'mkdir -p ~/.pi/agent && cat >~/.pi/agent/models.json';
    assert.equal((await stand.run('coder', ['sh', '-c', settings], { input: models(port) })).status, 0);
    const turn = stand.run('coder', ['node', CLI, '--model', 'played/scripted', '-p', 'Try some commands.']);
    const yes = await asked(stand, 'factor 91');
    assert.equal((await stand.bulkhead(['approve', String(yes)])).status, 0);
    const no = await asked(stand, 'factor 33');
    assert.equal((await stand.bulkhead(['deny', String(no)])).status, 0);
    const { status, stdout, stderr } = await turn;
    assert.deepEqual([status, stdout, stderr], [0, 'That is all.\n', '']);
    await t.test('approved, the command runs, and its output is the tool’s result', () =>
      assert.match(played.toolResult(0), /before\\n91: 7 13\\nafter 0/),
    );
    await t.test('refused, the result is an ordinary failure that says who refused', () => {
      assert.match(played.toolResult(1), new RegExp(`bulkhead: factor was refused by a person \\(question ${no}\\)`));
      assert.match(played.toolResult(1), /exited with code 126/);
    });
    await t.test('what a rule refuses is told with the rule, and the harness goes on', () => {
      assert.match(played.toolResult(2), /bulkhead: ssh is refused: exec\.deny names/);
      assert.match(played.toolResult(3), /goes on/);
    });
  });
});
