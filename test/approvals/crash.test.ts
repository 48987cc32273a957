import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Question } from '../../src/model/question.ts';
import { standing } from '../../src/policy/approval.ts';
import { InboxStore } from '../../src/programs/warden/inbox/inbox-store.ts';
import { firstOutput } from '../e2e/first-output.ts';
import { FUZZ } from '../protocol/seed.ts';

const KILLS = process.env.BULKHEAD_LONG === '1' ? 200 : 15;
const PROGRAM = fileURLToPath(new URL('inbox-process.ts', import.meta.url));

interface Line {
  readonly id: number;
  readonly event?: string;
  readonly answer?: string;
  readonly what?: string;
  readonly state?: string;
  readonly uses?: number;
}

function lines(path: string): Line[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

test(`killed ${KILLS} times at any point, the inbox keeps what it said was done, and allows nothing that is not on record`, async () => {
  const dir = mkdtempSync(join(tmpdir(), 'bh-inbox-'));
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', PROGRAM, dir, String(FUZZ.seed + kill)],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      await firstOutput(child);
      // After so much was done that on a slow machine too something is at stake, and then at any moment.
      const enough = lines(join(dir, 'done')).length + 3 + ((kill * 7919) % 17);
      while (lines(join(dir, 'done')).length < enough) {
        assert.equal(child.exitCode, null, 'it ended by itself');
        await sleep(2);
      }
      await sleep((kill * 104_729) % 13);
      child.kill('SIGKILL');
      await once(child, 'exit');
      check(dir);
    }
    const used = lines(join(dir, 'done')).filter(({ what }) => what === 'used').length;
    assert.ok(used > KILLS / 2, `only ${used} approvals were used: too little happened to say anything`);
  } finally {
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    rmdirSync(dir);
  }
});

function check(dir: string): void {
  const store = new InboxStore(join(dir, 'inbox.db'));
  const all = new Map<number, Question>(store.all().map((question) => [question.id, question]));
  store.close();
  const record = lines(join(dir, 'record'));
  const recorded = (event: string, id: number): Line[] =>
    record.filter((line) => line.event === event && line.id === id);
  const done = lines(join(dir, 'done'));
  const now = Date.now();
  for (const question of all.values()) {
    const { id, answer, uses, state } = question;
    assert.ok(recorded('question.asked', id).length >= 1, `question ${id} is not on record`);
    if (answer) {
      const [said] = recorded('question.answered', id).slice(-1);
      assert.ok(said, `the answer to ${id} is not on record`);
      if (standing(question, now) === 'granted') assert.equal(said.answer, 'approved');
    }
    assert.ok(recorded('question.used', id).length >= Math.min(uses, 1), `a use of ${id} is not on record`);
    if (answer?.scope.kind === 'once' && state !== 'refused') assert.ok(uses <= 1, `${id} was used ${uses} times`);
  }
  const order = ['asked', 'answered', 'revoked'];
  for (const { what = '', id, uses = 0 } of done) {
    const question = all.get(id);
    assert.ok(question, `${id} was ${what}, and is not there any more`);
    // Of an approval for many acts the first use is kept, and those after it are counted in memory.
    assert.ok(question.uses >= Math.min(uses, 1), `a use of ${id} is forgotten`);
    if (order.indexOf(what) >= 1) assert.notEqual(question.state, 'asked', `${id} was ${what}, and waits again`);
    if (what === 'revoked')
      assert.notEqual(standing(question, now), 'granted', `${id} was revoked, and is granted again`);
  }
  // Done once is done: a single-use approval that anybody was told of as used is used.
  const twice = done.filter(({ what, state }) => what === 'used' && state === 'used').map(({ id }) => id);
  assert.equal(new Set(twice).size, twice.length, 'a single-use approval was used twice');
}
