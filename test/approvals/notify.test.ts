import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mock, test } from 'node:test';
import { agentName } from '../../src/model/names.ts';
import * as life from '../../src/policy/approval.ts';
import { type Notice, publicText, questionNotice, webhookBody } from '../../src/policy/notice.ts';
import { commandSubject } from '../../src/policy/question/command.ts';
import { destinationSubject } from '../../src/policy/question/destination.ts';
import { postNotice } from '../../src/programs/gateway/webhook.ts';
import { Inbox } from '../../src/programs/warden/inbox/inbox.ts';
import { InboxStore } from '../../src/programs/warden/inbox/inbox-store.ts';
import { Notices } from '../../src/programs/warden/inbox/notices.ts';
import { runNotifyCommand } from '../../src/programs/warden/inbox/notify-command.ts';

const NOT_ROOT = process.getuid?.() === 0 ? false : 'becoming another user needs root';
const coder = agentName('coder');

async function inFolder(use: (dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'bh-notify-'));
  chmodSync(dir, 0o777);
  try {
    await use(dir);
  } finally {
    for (const name of readdirSync(dir)) rmSync(join(dir, name));
    rmdirSync(dir);
  }
}

test(
  'the command runs as the operator, without privileges, with a clean environment and the notice as its input',
  { skip: NOT_ROOT },
  () =>
    inFolder(async (dir) => {
      const script = `cat > ${dir}/got; id -u > ${dir}/uid; env > ${dir}/env; grep -E '^(CapPrm|CapBnd|NoNewPrivs)' /proc/self/status > ${dir}/status; ls /proc/self/fd > ${dir}/fds`;
      await runNotifyCommand(['sh', '-c', script], 'nobody', '{"text":"x"}', undefined);
      const got = (name: string): string => readFileSync(join(dir, name), 'utf8');
      assert.equal(got('got'), '{"text":"x"}\n');
      assert.equal(got('uid'), '65534\n');
      const names = got('env')
        .split('\n')
        .map((line) => line.split('=')[0])
        .filter((name) => name && !['PWD', 'SHLVL', '_', 'OLDPWD'].includes(name));
      assert.deepEqual(names.sort(), ['HOME', 'LANG', 'PATH']);
      assert.equal(got('status'), 'CapPrm:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\n');
      assert.deepEqual(
        got('fds')
          .trim()
          .split('\n')
          .filter((fd) => Number(fd) > 3),
        [],
      );
    }),
);

test('it never runs as root, and why it failed is told', { skip: NOT_ROOT }, async () => {
  await assert.rejects(runNotifyCommand(['true'], 'root', '{}', undefined));
  await assert.rejects(
    runNotifyCommand(['sh', '-c', 'echo no topic >&2; exit 3'], 'nobody', '{}', undefined),
    /status 3: no topic/,
  );
  await assert.rejects(runNotifyCommand(['no-such-program'], 'nobody', '{}', undefined), /status 127/);
  await assert.rejects(runNotifyCommand(['true'], 'no-such-user', '{}', undefined), /no user no-such-user/);
});

test('a webhook is posted to, its answer is not believed, and its address is in no message', async () => {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      heard.push(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`);
      if (request.url === '/moved') response.writeHead(302, { location: '/secret-token' });
      else response.writeHead(request.url === '/bad' ? 500 : 200);
      response.end('x'.repeat(1e6));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await postNotice(`${at}/topic`, 'text/plain', 'one line');
    assert.deepEqual(heard, ['POST /topic text/plain one line']);
    await assert.rejects(postNotice(`${at}/bad`, 'text/plain', 'x'), (error: Error) =>
      /answered 500/.test(error.message),
    );
    await assert.rejects(postNotice(`${at}/moved`, 'text/plain', 'x'), /answered 302/);
    assert.equal(heard.length, 3, 'a redirect is not followed');
  } finally {
    server.close();
    server.closeAllConnections();
  }
  await assert.rejects(postNotice(`${at}/secret-token`, 'text/plain', 'x'), (error: Error) => {
    assert.doesNotMatch(error.message, /secret-token/);
    return /ECONNREFUSED/.test(error.message);
  });
});

test('a notice is one line of visible characters, holds no secret, and nothing to answer by', () => {
  const program = { name: 'curl', path: '/usr/bin/curl', digest: 'd' };
  const argv = [
    'curl',
    '-H',
    'Authorization: Bearer hunter2hunter2',
    '--password=hunter2',
    '\u001b]52;c;aGk=\u0007',
    '\n[approved]\u202e',
  ];
  const terms = { program, argv, cwd: '/workspace', environment: ['GITHUB_TOKEN=hunter2'] };
  const question = life.ask(commandSubject(coder, terms), 7, 0, 3_600_000);
  assert.match(question.shown, /hunter2/, 'who decides sees all of it');
  const notice = questionNotice('asked', 'home', question);
  for (const as of ['text', 'slack', 'json'] as const) {
    const { body } = webhookBody(as, notice);
    assert.doesNotMatch(body, /hunter2/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.doesNotMatch(body, /[\u0000-\u001f\u007f-\uffff]/);
  }
  assert.doesNotMatch(publicText(question), /hunter2/);
  assert.equal(
    webhookBody('slack', { ...notice, text: '<!channel> & <http://x|y>' }).body,
    '{"text":"&lt;!channel&gt; &amp; &lt;http://x|y&gt;"}',
  );
});

test('telling nobody can hold up the inbox: it is tried again by itself, and each try is on record', () =>
  inFolder(async (dir) => {
    const entries: Record<string, unknown>[] = [];
    const record = {
      write: async (entry: object) => void entries.push({ ...entry }),
      tell: (entry: object) => void entries.push({ ...entry }),
    };
    const store = new InboxStore(join(dir, 'inbox.db'));
    const inbox = new Inbox(store, record);
    const told: Notice[] = [];
    const never = new Promise<void>(() => {});
    let how: 'hangs' | 'fails' | 'works' = 'fails';
    const notices = new Notices(
      inbox,
      record,
      () => ({ fleet: 'home', by: { kind: 'webhook', url: 'http://x/', as: 'text' } }),
      (_, notice) => {
        told.push(notice);
        if (how === 'hangs') return never;
        return how === 'works' ? Promise.resolve() : Promise.reject(new Error('the webhook answered 500'));
      },
    );
    const ask = (host: string) => inbox.ask(destinationSubject(coder, { host, port: 443 }), 3_600_000);
    await ask('a.test');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(
      entries.map(({ event }) => event),
      ['question.asked', 'notify.failed'],
    );
    how = 'works';
    notices.finding('coder', 'flood \u001b[31m');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(told.at(-1)?.text, 'flood \\u{1b}[31m');
    assert.equal(entries.at(-1)?.event, 'notify.sent');
    how = 'hangs';
    for (let i = 0; i < 10; i++) await ask(`h${i}.test`);
    assert.equal(inbox.waiting().length, 11);
    store.close();
  }));

test('of a question that is about to lapse people are told once more, and not of one that was answered meanwhile', () =>
  inFolder(async (dir) => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    const store = new InboxStore(join(dir, 'inbox.db'));
    try {
      const record = { write: async () => {}, tell: () => {} };
      const inbox = new Inbox(store, record);
      const told: string[] = [];
      const by = { kind: 'webhook', url: 'http://x/', as: 'text' } as const;
      new Notices(
        inbox,
        record,
        () => ({ fleet: 'home', by }),
        async (_, { about, id }) => void told.push(`${about} ${id}`),
      );
      const turn = async (): Promise<void> => {
        for (let i = 0; i < 20; i++) await Promise.resolve();
      };
      for (const host of ['a.test', 'b.test'])
        await inbox.ask(destinationSubject(coder, { host, port: 443 }), 2 * 3_600_000);
      await inbox.ask(destinationSubject(coder, { host: 'short.test', port: 443 }), 60_000);
      await inbox.answer(1, true, { kind: 'once' }, 0);
      await turn();
      assert.deepEqual(told, ['asked 1', 'asked 2', 'asked 3']);
      mock.timers.tick(1.5 * 3_600_000 + 10);
      await turn();
      assert.deepEqual(told.slice(3), ['lapsing 2']);
    } finally {
      store.close();
      mock.timers.reset();
    }
  }));
