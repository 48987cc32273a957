import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { AgentStatus, StatusDocument } from '../../src/model/documents.ts';
import type { Result } from '../e2e/command.ts';
import { NOT_ROOT } from '../e2e/stand.ts';
import { type Ground, LIMITS, TIERS, type TierValues, withTiers } from './fleet.ts';

/** One suite for every tier: the same claims, held against real compartments; what differs stands in fleet.ts as values. */
interface Claim {
  readonly says: string;
  readonly holds: (ground: Ground, of: TierValues) => Promise<void>;
}

const sh = ({ stand }: Ground, agent: string, text: string): Promise<Result> => stand.run(agent, ['sh', '-c', text]);
const python = ({ stand }: Ground, agent: string, text: string): Promise<Result> =>
  stand.run(agent, ['python3', '-c', text]);

async function said(ground: Ground, agent: string, text: string): Promise<string> {
  const { status, stdout, stderr } = await sh(ground, agent, text);
  assert.equal(status, 0, `${text}: ${stderr}`);
  return stdout.trim();
}

async function refused(ground: Ground, agent: string, text: string, says: RegExp): Promise<void> {
  const { status, stderr } = await sh(ground, agent, text);
  assert.notEqual(status, 0, `${text} was done`);
  assert.match(stderr, says, text);
}

async function statusOf({ stand }: Ground, name: string): Promise<AgentStatus> {
  const { json, stderr } = await stand.bulkhead(['status', '--probe', '--json']);
  return (json as StatusDocument | undefined)?.agents.find((one) => one.name === name) ?? assert.fail(stderr);
}

/** How often it has beaten since it was last asked: a place on the host that the agent writes all the time. */
async function beats({ stand }: Ground, agent: string): Promise<boolean> {
  const heart = `${stand.state}/agents/${agent}/disk/workspace/heart`;
  const before = existsSync(heart) && readFileSync(heart, 'utf8');
  await sleep(400);
  return existsSync(heart) && readFileSync(heart, 'utf8') !== before;
}

async function until(holds: () => Promise<boolean>, what: string): Promise<void> {
  for (const late = Date.now() + 60_000; !(await holds()); await sleep(100)) assert.ok(Date.now() < late, what);
}

function processesOf(user: string): string[] {
  const uid = execFileSync('id', ['-u', user], { encoding: 'utf8' }).trim();
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        // What has ended, and waits for process 1 to hear of it, is not left.
        return status.includes(`\nUid:\t${uid}\t`) && !/^State:\tZ/m.test(status);
      } catch {
        return false; // it ended while we looked
      }
    });
}

const GET = (url: string): string =>
  `import urllib.request as r; print(r.build_opener(r.ProxyHandler({})).open("${url}", timeout=30).read().decode())`;

async function recorded({ stand }: Ground, agent: string, event: string, mentions: string): Promise<void> {
  let last = '';
  await until(async () => {
    const args = ['ledger', 'tail', '--json', '-n', '40', '--agent', agent, '--event', event];
    last = (await stand.bulkhead(args)).stdout;
    return last.includes(mentions);
  }, `${event} of ${mentions} is not in the record: ${last}`);
}

const CLAIMS: readonly Claim[] = [
  {
    says: 'every wall is measured, and the partial ones are those that are expected',
    holds: async (ground, { agent, partial }) => {
      const { walls } = await statusOf(ground, agent);
      const levels = walls.map(({ wall, level }) => `${wall} ${level}`).sort();
      assert.deepEqual(
        levels.filter((one) => !one.endsWith(' full')),
        partial.map((wall) => `${wall} partial`),
      );
      assert.equal(walls.length, 8);
    },
  },
  {
    says: 'what is granted is reached and recorded',
    holds: async (ground, { agent }) => {
      const { stdout, stderr } = await python(ground, agent, GET(`http://allowed.test:${ground.allowed}/`));
      assert.equal(stdout.trim(), 'service of the host', stderr);
      await recorded(ground, agent, 'egress.allowed', 'allowed.test');
    },
  },
  {
    says: 'what is not granted is refused, by name, by address and by loopback, and recorded',
    holds: async (ground, { agent }) => {
      for (const url of ['http://other.test/', 'http://198.51.100.7/', `http://127.0.0.1:${ground.forbidden}/`]) {
        const { status, stdout } = await python(ground, agent, GET(url));
        assert.notEqual(status, 0, `${url}: ${stdout}`);
      }
      await recorded(ground, agent, 'dns.refused', 'other.test');
      await recorded(ground, agent, 'egress.denied', '198.51.100.7');
      const again = await python(ground, agent, GET(`http://127.0.0.1:${ground.allowed}/`));
      assert.notEqual(again.status, 0, 'a grant by name is no grant by address');
    },
  },
  {
    says: 'its own loopback is its own',
    holds: async (ground, { agent, port }) => {
      const { stdout, stderr } = await python(ground, agent, GET(`http://127.0.0.1:${port}/`));
      assert.equal(stdout.trim(), `from ${agent}`, stderr);
      const [other] = TIERS.filter((one) => one.agent !== agent);
      const { status } = await python(ground, agent, GET(`http://127.0.0.1:${other?.port}/`));
      assert.notEqual(status, 0, 'the server of another agent answered');
    },
  },
  {
    says: 'a published port answers on the loopback of the operator',
    holds: async ({ host }, { agent, port }) => {
      const get = ['python3', '-c', GET(`http://127.0.0.1:${port}/`)];
      const stdout = execFileSync('nsenter', [...host.inside.slice(1), ...get], { encoding: 'utf8' });
      assert.equal(stdout.trim(), `from ${agent}`);
    },
  },
  {
    says: 'knowledge is there, live and read-only',
    holds: async (ground, { agent }) => {
      writeFileSync(`${ground.folder}/notes/page`, `for ${agent}\n`);
      assert.equal(await said(ground, agent, 'cat /knowledge/notes/page'), `for ${agent}`);
      await refused(ground, agent, 'echo x > /knowledge/notes/page', /Read-only|Permission denied/);
      await refused(ground, agent, 'touch /knowledge/notes/new', /Read-only|Permission denied/);
    },
  },
  {
    says: 'workspace, home and /tmp are its own and can be written; nothing written is ever a program',
    holds: async (ground, { agent }) => {
      assert.equal(await said(ground, agent, 'pwd; echo $HOME'), '/workspace\n/home/agent');
      for (const place of ['/workspace', '/home/agent', '/tmp']) {
        assert.equal(await said(ground, agent, `echo kept > ${place}/mine && cat ${place}/mine`), 'kept');
        await refused(ground, agent, `cp /bin/true ${place}/true && ${place}/true`, /Permission denied/);
      }
      for (const place of ['/etc', '/usr/bin', '/', '/home'])
        await refused(ground, agent, `touch ${place}/x`, /Read-only|Permission denied|No such file/);
    },
  },
  {
    says: 'of the host it reads what its tier says, never what is closed, and no home or state',
    holds: async (ground, { agent, openFile, closedFile }) => {
      const folder = mkdtempSync('/var/lib/bhconf-');
      try {
        chmodSync(folder, 0o755);
        writeFileSync(`${folder}/open`, 'open\n', { mode: 0o644 });
        writeFileSync(`${folder}/closed`, 'closed\n', { mode: 0o600 });
        if (openFile === 'read') assert.equal(await said(ground, agent, `cat ${folder}/open`), 'open');
        else await refused(ground, agent, `cat ${folder}/open`, /No such file/);
        const no = closedFile === 'refused' ? /Permission denied/ : /No such file/;
        await refused(ground, agent, `cat ${folder}/closed`, no);
      } finally {
        removeTree(folder);
      }
      assert.equal(await said(ground, agent, 'ls /home'), 'agent');
      await refused(ground, agent, 'ls /root/', /No such file|Permission denied/);
      await refused(ground, agent, `ls ${ground.stand.state}/agents`, /No such file|Permission denied/);
      await refused(ground, agent, 'cat /etc/shadow', /No such file|Permission denied/);
    },
  },
  {
    says: 'it sees its own processes alone',
    holds: async (ground, { agent }) => {
      const { stdout } = await python(
        ground,
        agent,
        'import os; print({os.stat("/proc/"+p).st_uid for p in os.listdir("/proc") if p.isdigit()} == {os.getuid()})',
      );
      assert.equal(stdout.trim(), 'True');
      await refused(ground, agent, `kill -0 ${process.pid}`, /No such process|Operation not permitted|not permitted/);
    },
  },
  {
    says: 'no capability, no new privileges, the filter: however it is entered',
    holds: async (ground, { agent }) => {
      const lines = await said(ground, agent, "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr -d '\\t'");
      const none = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map((name) => `${name}:0000000000000000`);
      assert.deepEqual(lines.split('\n'), [...none, 'NoNewPrivs:1', 'Seccomp:2']);
      const { stdout } = await ground.stand.bulkhead(['shell', agent], {
        input: 'grep NoNewPrivs /proc/self/status; exit 3\n',
      });
      assert.match(stdout, /NoNewPrivs:\s*1/);
    },
  },
  {
    says: 'a run passes input, output and status on; a program that is not there or denied ends as it should',
    holds: async ({ stand }, { agent, ungranted, denied }) => {
      const { status, stdout } = await stand.run(agent, ['sh', '-c', 'cat; exit 7'], { input: 'passed\n' });
      assert.deepEqual([status, stdout], [7, 'passed\n']);
      assert.equal((await stand.run(agent, ['perl', '-e', '1'])).status, ungranted);
      assert.equal((await stand.run(agent, ['base64', '/dev/null'])).status, denied);
      assert.equal((await stand.run(agent, ['no-such-program'])).status, 127);
    },
  },
  {
    says: 'memory, processes and disk end where the file says',
    holds: async (ground, { agent }) => {
      const { status } = await python(ground, agent, `b = bytearray(${LIMITS.memoryMiB + 64} << 20); print("had it")`);
      assert.equal(status, 137, 'memory');
      const forks = `
import os, signal, time
children = []
try:
  while len(children) < ${LIMITS.processes + 20}:
    pid = os.fork()
    if pid == 0: time.sleep(20); os._exit(0)
    children.append(pid)
except BlockingIOError: print("no more")
for pid in children: os.kill(pid, signal.SIGKILL); os.waitpid(pid, 0)
`;
      const { stdout } = await python(ground, agent, forks);
      assert.equal(stdout.trim(), 'no more');
      const fill = `head -c ${LIMITS.diskMiB + 8}M /dev/zero > /workspace/big; s=$?; rm -f /workspace/big; exit $s`;
      await refused(ground, agent, fill, /No space left/);
    },
  },
  {
    says: 'paused it stands still, resumed it goes on',
    holds: async (ground, { agent }) => {
      await until(() => beats(ground, agent), 'it does not beat');
      assert.equal((await ground.stand.bulkhead(['pause', agent])).status, 0);
      assert.equal(await beats(ground, agent), false);
      assert.equal((await ground.stand.bulkhead(['resume', agent])).status, 0);
      await until(() => beats(ground, agent), 'it does not go on');
    },
  },
  {
    says: 'stopped, nothing of it is left, however it was started; started again, its home is as it was',
    holds: async (ground, { agent }) => {
      const away =
        'import os\nif os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n    os.execvp("sleep", ["sleep", "600"])';
      await python(ground, agent, away);
      assert.equal(await said(ground, agent, 'echo mine > ~/kept && cat ~/kept'), 'mine');
      const user = `bh-${ground.stand.fleet}-${agent}`;
      assert.ok(processesOf(user).length > 2);
      assert.equal((await ground.stand.bulkhead(['stop', agent])).status, 0);
      await until(async () => processesOf(user).length === 0, 'something of it is left'); // what holds a sandbox ends a moment after it
      assert.equal((await ground.stand.bulkhead(['restart', agent])).status, 0);
      assert.equal(await said(ground, agent, 'cat ~/kept; ls /tmp'), 'mine');
      await until(() => beats(ground, agent), 'it does not beat again');
    },
  },
  {
    says: 'in a folder of the operator it is the owner, and what the tools of the host obey cannot be made or changed',
    holds: async (ground, { sharer }) => {
      assert.equal(await said(ground, sharer, 'echo mine > file && stat -c %u file && id -u').then(allOne), true);
      const stat = execFileSync('stat', ['-c', '%u', `${ground.folder}/${sharer}/file`], { encoding: 'utf8' });
      assert.equal(stat.trim(), '1234', 'on the host it belongs to the operator');
      for (const name of ['.git/hooks/pre-commit', '.envrc/x', '.vscode/tasks.json'])
        await refused(
          ground,
          sharer,
          `mkdir -p ${name.replace(/\/[^/]*$/, '')}; echo x > ${name}`,
          /Read-only|Permission denied|Directory nonexistent|nonexistent/,
        );
    },
  },
];

const allOne = (lines: string): boolean => new Set(lines.split('\n')).size === 1;

test('every tier keeps the same promises', { skip: NOT_ROOT }, async (t) => {
  await withTiers(async (ground) => {
    for (const { agent } of TIERS) await until(() => beats(ground, agent), `${agent} does not serve`);
    for (const { says, holds } of CLAIMS)
      for (const of of TIERS) await t.test(`${of.tier}: ${says}`, () => holds(ground, of));
  });
});
