import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { Copies } from '../../src/programs/gate/copies.ts';
import type { AgentPolicy } from '../../src/wire/gate-policy.ts';

/** A gate's folders, and a program that a rule allows. */
function place(t: TestContext): { pins: string; gate: string; file: string; policies: AgentPolicy[] } {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-accepted-'));
  t.after(() => removeTree(folder));
  const [pins, gate, file] = [`${folder}/pins`, `${folder}/gate`, `${folder}/tool`];
  mkdirSync(pins);
  mkdirSync(gate);
  const policies = [
    {
      agent: 'one',
      allowed: [],
      exec: { allowArgv: [['tool', '**']] },
      stubs: { '/usr/bin/tool': { name: 'tool', file } },
    },
  ] as unknown as AgentPolicy[];
  return { pins, gate, file, policies };
}

function install(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

test('what a rule allows holds for the content that the file had at up, and for no other in the gates after it', (t) => {
  const { pins, gate, file, policies } = place(t);
  install(file, 'first');
  const record: object[] = [];
  const copies = (): Copies => new Copies(pins, gate, (entry) => record.push(entry));
  const holds = (of: Copies): boolean => of.holds(file, of.of(file, 'who'));
  const first = copies();
  first.policies(policies, true);
  assert.equal(holds(first), true);
  install(file, 'second');
  for (const up of [false, false, true]) {
    const next = copies();
    next.policies(policies, up);
    assert.equal(holds(next), up);
  }
  assert.equal(record.length, 1);
  assert.equal((record[0] as { accepted?: string }).accepted, 'up');
});

test('a file that could not be read at up is not accepted when it can be read', (t) => {
  const { pins, gate, file, policies } = place(t);
  const record: object[] = [];
  const copies = new Copies(pins, gate, (entry) => record.push(entry));
  copies.policies(policies, true);
  assert.equal((record[0] as { event?: string }).event, 'exec.unreadable');
  copyFileSync('/bin/true', file);
  copies.policies(policies, false);
  assert.equal(copies.holds(file, copies.of(file, 'who')), false);
  assert.equal(record.length, 1, 'and nothing says that it was');
  copies.policies(policies, true);
  assert.equal(copies.holds(file, copies.of(file, 'who')), true);
  assert.match(readFileSync(`${gate}/accepted.json`, 'utf8'), /tool/);
});

test('what a killed gate or warden was just copying is deleted at the next start, and finished copies are not', (t) => {
  const { pins, gate } = place(t);
  const finished = 'a'.repeat(64);
  for (const name of ['own-12-3', 'own-7-44', 'next', finished]) writeFileSync(`${pins}/${name}`, 'x');
  mkdirSync(`${pins}/named`);
  new Copies(pins, gate, () => {});
  assert.deepEqual(readdirSync(pins).sort(), [finished, 'named']);
});
