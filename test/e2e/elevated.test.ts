import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, existsSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { approve, killed, pausedAtOnce, question } from './asking.ts';
import { type Case, outside, type Tool, withTool } from './elevated-stand.ts';
import { firstOutput } from './first-output.ts';
import { NOT_ROOT, type Stand } from './stand.ts';

const CASES: readonly Case[] = [
  ['its output, errors and status are the command’s own', passedThrough],
  ['it runs as the named user, with that user’s environment and nothing of the agent’s', clean],
  ['a command as another user can gain no privileges', unprivileged],
  ['input of 8 MB passes unchanged, and a command that reads none of it ends', input],
  ['it runs with closed descriptors, too', closed],
  ['both ends of it are on record, before it starts and with its status', recorded],
  ['what is asked waits, runs once a person says yes, and once only', asked],
  ['who is not answered in time is told so in one line; a refusal is one line too', unanswered],
  ['an agent with a question for outside can be paused, and the command runs once', paused],
  ['a gate that is killed while a person is asked runs nothing, and the next one runs it once', gateKilled],
  ['when its time is over it is ended, with all that it started', late],
  ['revoking an approval ends what runs under it', revoked],
  ['the agent’s API runs the same, with the same judgement', api],
  ['what up takes away while a person decides is not run', takenAway],
  ['a program that changed after up is refused until the next up, also by the next warden', pinned],
];

test('commands outside', { skip: NOT_ROOT }, (t) => withTool(t, CASES));

async function passedThrough(stand: Stand, { file }: Tool): Promise<void> {
  for (const status of [0, 1, 7, 126, 255]) {
    const ran = await stand.run('one', ['bulkhead-do', file, 'status', String(status)]);
    assert.deepEqual([ran.status, ran.stdout, ran.stderr], [status, 'out\n', 'err\n']);
  }
  assert.equal((await stand.run('one', ['bulkhead-do', file, 'signal', '9'])).status, 137);
}

async function clean(stand: Stand, { file }: Tool): Promise<void> {
  const env =
    'LD_PRELOAD=/workspace/evil.so PATH=/workspace BASH_ENV=/workspace/x PERL5OPT=-d HOME=/workspace SECRET=1';
  const { stdout } = await stand.run('one', [
    'sh',
    '-c',
    `cd /tmp && exec env ${env} /usr/bin/bulkhead-do ${file} look 0 9>&1`,
  ]);
  const lines = stdout.trim().split('\n');
  assert.deepEqual(
    lines.filter((line) => /^[A-Z_0-9]+=/.test(line)),
    [
      'HOME=/root',
      'LANG=C.UTF-8',
      'LOGNAME=root',
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'USER=root',
    ],
  );
  assert.ok(lines.includes('cwd /') && lines.includes('ids 0 0 0 0 0 0'), stdout);
  const open = lines.filter((line) => line.startsWith('fd '));
  assert.deepEqual(open.map((line) => line.replace(/\d+\]$/, ']')).slice(0, 3), [
    'fd 0 pipe:[]',
    'fd 1 pipe:[]',
    'fd 2 pipe:[]',
  ]);
  assert.ok(open.length <= 4, `nothing else is open but the script itself: ${open}`);
  assert.ok(lines.includes('session its own'), stdout);
  assert.match(stdout, /SigBlk:\t0+\nSigIgn:\t0+(?:80)?\n/);
}

async function unprivileged(stand: Stand, { file }: Tool): Promise<void> {
  const { stdout } = await stand.run('one', ['bulkhead-do', file, 'look', 'nobody']);
  assert.match(stdout, /^ids 65534 65534 65534 65534 65534 65534$/m);
  assert.match(stdout, /^NoNewPrivs:\t1$/m);
  assert.match(stdout, /^USER=nobody$/m);
}

async function input(stand: Stand, { file }: Tool): Promise<void> {
  const bytes = randomBytes(6 * 1024 * 1024).toString('base64');
  const sum = createHash('sha256').update(bytes).digest('hex');
  const echoed = await stand.run('one', ['sh', '-c', `bulkhead-do ${file} cat 0 | sha256sum`], { input: bytes });
  assert.deepEqual([echoed.status, echoed.stdout.slice(0, 64)], [0, sum]);
  const unread = await stand.run('one', ['bulkhead-do', file, 'status', '4'], { input: bytes });
  assert.deepEqual([unread.status, unread.stdout], [4, 'out\n']);
}

async function closed(stand: Stand, { file }: Tool): Promise<void> {
  const { stdout } = await stand.run('one', ['sh', '-c', `bulkhead-do ${file} status 5 <&- >&- 2>&-; echo $?`]);
  assert.equal(stdout, '5\n');
  const full = await stand.run('one', ['sh', '-c', `bulkhead-do ${file} status 6 >/dev/full 2>&1; echo $?`]);
  assert.equal(full.stdout, '6\n');
}

async function recorded(stand: Stand, { file }: Tool): Promise<void> {
  await stand.run('one', ['bulkhead-do', file, 'status', '99']);
  await endOf(stand, 'status 99');
  const all = (await outside(stand)).filter(({ argv }) => argv.at(-1) === '99');
  assert.deepEqual(
    all.map(({ event, argv, status }) => [event, argv.join(' '), status]),
    [
      ['elevated.started', `${file} status 99`, undefined],
      ['elevated.ended', `${file} status 99`, 99],
    ],
  );
}

async function asked(stand: Stand, { file }: Tool): Promise<void> {
  const shown = `${file} say asked 1 (as root outside: ${file})`;
  const first = stand.start(['run', 'one', '--', 'bulkhead-do', file, 'say', 'asked', '1']).ended;
  await approve(stand, shown);
  assert.deepEqual([(await first).status, (await first).stdout], [0, 'say|asked|1\n']);
  const again = stand.start(['run', 'one', '--', 'bulkhead-do', file, 'say', 'asked', '1']).ended;
  const id = await question(stand, shown);
  assert.equal((await stand.bulkhead(['deny', String(id)])).status, 0);
  assert.deepEqual(
    [(await again).status, (await again).stdout, (await again).stderr],
    [126, '', `bulkhead: not run outside: a person refused it (question ${id})\n`],
  );
}

async function unanswered(stand: Stand, { file }: Tool): Promise<void> {
  const shown = `${file} say asked 2 (as root outside: ${file})`;
  const first = stand.start(['run', 'brief', '--', 'bulkhead-do', file, 'say', 'asked', '2']).ended;
  const id = await question(stand, shown);
  const { status, stdout, stderr } = await first;
  assert.deepEqual([status, stdout], [126, '']);
  assert.equal(stderr, `bulkhead: waiting for approval ${id} (${shown}); run it again once approved\n`);
  assert.equal((await stand.bulkhead(['deny', String(id), '--for', '1h'])).status, 0);
  const refused = await stand.run('brief', ['bulkhead-do', file, 'say', 'asked', '2']);
  assert.deepEqual(
    [refused.status, refused.stderr],
    [126, `bulkhead: not run outside: a person refused it (question ${id})\n`],
  );
}

async function paused(stand: Stand, { file }: Tool): Promise<void> {
  const shown = `${file} say asked 3 (as root outside: ${file})`;
  const { ended } = stand.start(['run', 'one', '--', 'bulkhead-do', file, 'say', 'asked', '3']);
  await question(stand, shown);
  await pausedAtOnce(stand, 'one');
  await approve(stand, shown);
  assert.equal((await ended).stdout, 'say|asked|3\n');
  await once(stand, 'say asked 3');
}

async function gateKilled(stand: Stand, { file }: Tool): Promise<void> {
  const shown = `${file} say asked 4 (as root outside: ${file})`;
  const { ended } = stand.start(['run', 'one', '--', 'bulkhead-do', file, 'say', 'asked', '4']);
  await question(stand, shown);
  await killed(stand, 'gate');
  await approve(stand, shown);
  assert.equal((await ended).stdout, 'say|asked|4\n');
  await once(stand, 'say asked 4');
}

/** The record of the end of the command that ends with these words, once it is there. */
async function endOf(stand: Stand, words: string): Promise<Awaited<ReturnType<typeof outside>>[number]> {
  for (const end = Date.now() + 60_000; ; await sleep(100)) {
    const all = await outside(stand);
    const found = all.findLast(({ event, argv }) => event === 'elevated.ended' && argv.join(' ').endsWith(words));
    if (found) return found;
    assert.ok(Date.now() < end, `no end of ${words}`);
  }
}

async function once(stand: Stand, words: string): Promise<void> {
  await endOf(stand, words);
  const started = (await outside(stand)).filter(
    ({ event, argv }) => event === 'elevated.started' && argv.join(' ').endsWith(words),
  );
  assert.equal(started.length, 1);
}

async function late(stand: Stand, { file }: Tool): Promise<void> {
  const { status, stdout } = await stand.run('one', ['bulkhead-do', file, 'daemon', 'late']);
  assert.equal(status, 137, 'it did not listen to SIGTERM');
  const pid = Number(/^pid (\d+)$/m.exec(stdout)?.[1]);
  assert.ok(pid > 0 && !existsSync(`/proc/${pid}`));
  const { how, ms = 0 } = await endOf(stand, 'daemon late');
  assert.equal(how, 'its time was over');
  assert.ok(ms >= 1000 && ms < 30_000, `${ms} ms`); // it would run for ever, and we wait for three minutes
}

async function revoked(stand: Stand, tool: Tool): Promise<void> {
  await revokedAs(stand, tool, '--for', '1h');
  await revokedAs(stand, tool);
}

async function revokedAs(stand: Stand, { file }: Tool, ...scope: string[]): Promise<void> {
  const { child, ended } = stand.start(['run', 'one', '--', 'bulkhead-do', file, 'sleep', '555']);
  const said = firstOutput(child);
  const id = await approve(stand, `${file} sleep 555 (as root outside: ${file})`, ...scope);
  const pid = Number(/pid (\d+)/.exec(await said)?.[1]);
  assert.ok(existsSync(`/proc/${pid}`));
  assert.equal((await stand.bulkhead(['revoke', String(id)])).status, 0);
  assert.equal((await ended).status, 143);
  assert.equal(existsSync(`/proc/${pid}`), false);
}

async function takenAway(stand: Stand, tool: Tool): Promise<void> {
  const { file, fleet } = tool;
  const { ended } = stand.start(['run', 'two', '--', 'bulkhead-do', file, 'say', 'long']);
  const id = await question(stand, `${file} say long (as root outside: ${file})`);
  stand.write(fleet.replace('say long', 'say other'));
  assert.equal((await stand.bulkhead(['up'])).status, 0);
  await stand.bulkhead(['approve', String(id)]);
  const { status, stdout, stderr } = await ended;
  assert.deepEqual([status, stdout], [126, '']);
  assert.equal(stderr, 'bulkhead: not run outside: policy has changed meanwhile\n');
  stand.write(fleet);
  assert.equal((await stand.bulkhead(['up'])).status, 0);
}

const POST = String.raw`
import http.client, json, sys
c = http.client.HTTPConnection('bulkhead.internal', 80, timeout=30)
c.request('POST', '/v1/do', sys.argv[1], {'content-type': sys.argv[2] if len(sys.argv) > 2 else 'application/json'})
r = c.getresponse()
print(r.status, r.read().decode().strip())
`;

async function api(stand: Stand, { file }: Tool): Promise<void> {
  const post = async (agent: string, body: unknown, ...type: string[]): Promise<string> =>
    (
      await stand.run(agent, ['python3', '-c', POST, typeof body === 'string' ? body : JSON.stringify(body), ...type])
    ).stdout.trim();
  assert.equal(
    await post('one', { argv: [file, 'status', '7'] }),
    '200 {"status":7,"encoding":"utf-8","stdout":"out\\n","stderr":"err\\n"}',
  );
  const no = '{"error":"bulkhead: not run outside: no elevated command of fleet.yaml is this one"}';
  assert.equal(await post('one', { argv: [file, 'status', '7', '7'] }), `403 ${no}`);
  assert.equal(await post('two', { argv: [file, 'status', '7'] }), `403 ${no}`);
  assert.match(await post('none', { argv: [file, 'status', '7'] }), /^403 .*nothing runs outside for it/);
  assert.match(await post('brief', { argv: [file, 'say', 'asked', '5'] }), /^202 .*"question":\d+\}$/);
  assert.match(await post('one', { argv: [file, 'status', '7'], agent: 'two' }), /^400 /);
  assert.match(await post('one', { argv: [file, 'status', '7\0'] }), /^400 /);
  assert.match(await post('one', { argv: [file, 'status', '7'] }, 'text/plain'), /^415 /);
  assert.match(await post('one', 'x'.repeat(70_000)), /^413 /);
  assert.match(await post('one', '{'), /^400 /);
}

async function pinned(stand: Stand, { file }: Tool): Promise<void> {
  const call = ['bulkhead-do', file, 'status', '3'];
  assert.equal((await stand.run('one', call)).status, 3);
  appendFileSync(file, '\n# another\n');
  const other = `bulkhead: not run outside: ${file} is not what it was at bulkhead up\n`;
  assert.equal((await stand.run('one', call)).stderr, other);
  await killed(stand, 'warden');
  for (const late = Date.now() + 60_000; (await stand.run('one', ['true'])).status !== 0; await sleep(100))
    assert.ok(Date.now() < late, 'nothing runs again');
  assert.equal((await stand.run('one', call)).stderr, other, 'a warden that starts anew takes it for nothing else');
  assert.equal((await stand.bulkhead(['up'])).status, 0);
  assert.equal((await stand.run('one', call)).status, 3);
}
