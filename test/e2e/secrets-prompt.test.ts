import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BULKHEAD } from './command.ts';
import { ONE } from './fleets.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

const VALUE = `typed-value-${'x9Y8'.repeat(6)}`;

/** On a terminal of its own (script(1)); keys are typed once the prompt is there. @returns all that the terminal showed */
async function typed(words: readonly string[], keys: string): Promise<{ shown: string; status: number | null }> {
  const line = words.map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qefc', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (!shown.includes('(not shown)') && (shown + chunk).includes('(not shown)')) child.stdin.write(keys);
    shown += chunk;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { shown, status };
}

test('on a terminal a secret is typed unseen, corrected, or given up', { skip: NOT_ROOT }, async (t) => {
  await withFleetBeside(
    ONE,
    async (stand) => {
      const set = (keys: string) => typed([BULKHEAD, 'secrets', 'set', 'mine', '--state', stand.state], keys);
      await t.test('control-C sets nothing', async () => {
        const { shown, status } = await set(`${VALUE}\x03`);
        assert.deepEqual([status, shown.includes(VALUE)], [1, false], shown);
        assert.match(shown, /nothing was set/);
      });
      await t.test('what is typed is not shown, and is kept', async () => {
        const { shown, status } = await set(`${VALUE}zz\x7f\x7f\r`);
        assert.equal(status, 0, shown);
        assert.match(shown, /^Value of mine \(not shown\): \r?\n/);
        assert.match(shown, /mine is kept/);
        for (const part of [VALUE, VALUE.slice(12), 'zz']) assert.ok(!shown.includes(part), shown);
        assert.equal(statSync(join(stand.state, 'secrets/mine.age')).mode & 0o777, 0o600);
      });
    },
    { up: false },
  );
});
