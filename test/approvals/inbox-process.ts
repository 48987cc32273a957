// An inbox on a real file with a record that is a synced file, driven at random until it is killed.
//   argv: folder, seed
// Says on stdout, one JSON line each, what it was told is done: only then may anybody act on it.
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { agentName } from '../../src/model/names.ts';
import type { Question, Scope } from '../../src/model/question.ts';
import { destinationSubject } from '../../src/policy/question/destination.ts';
import { Inbox } from '../../src/programs/warden/inbox/inbox.ts';
import { InboxStore } from '../../src/programs/warden/inbox/inbox-store.ts';

const [dir = '', seed = '1'] = process.argv.slice(2);
let state = Number(seed);
/** mulberry32 */
function random(below: number): number {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % below;
}

const append = (name: string, line: object): void => {
  const fd = openSync(join(dir, name), 'a');
  writeSync(fd, `${JSON.stringify(line)}\n`);
  fsyncSync(fd);
  closeSync(fd);
};
const record = {
  write: async (entry: object) => {
    await sleep(random(3));
    append('record', entry);
    await sleep(random(3));
  },
  tell: (entry: object) => append('record', entry),
};
const inbox = new Inbox(new InboxStore(join(dir, 'inbox.db')), record);
inbox.begin();
const done = (what: string, { id, state, uses }: Question): void => append('done', { what, id, state, uses });
const SCOPES: readonly Scope[] = [{ kind: 'once' }, { kind: 'for', ms: 3_600_000 }, { kind: 'always' }];
const anyId = (list: readonly Question[]): number => list[random(list.length)]?.id ?? 0;

process.stdout.write('up\n');
for (;;) {
  const agent = agentName(`agent${random(40)}`);
  const acts: (() => Promise<unknown>)[] = [
    () =>
      inbox.ask(destinationSubject(agent, { host: `h${random(4)}.test`, port: 443 }), 3_600_000).then((outcome) => {
        if (outcome.state === 'asked') done('asked', outcome.question);
      }),
    () =>
      inbox
        .answer(anyId(inbox.waiting()), random(3) > 0, SCOPES[random(3)] ?? { kind: 'once' }, 0)
        .then((question) => done('answered', question)),
    () => inbox.use(anyId(inbox.standing())).then((question) => done('used', question)),
    () => inbox.withdraw(anyId(inbox.standing()), 0).then((question) => done('revoked', question)),
  ];
  const which = random(10);
  await acts[which < 4 ? 0 : which < 7 ? 1 : which < 9 ? 2 : 3]?.().catch(() => {});
}
