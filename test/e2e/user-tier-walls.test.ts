import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesOf } from '../../src/host/cgroup/cgroup.ts';
import { observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import type { AgentStatus, StatusDocument } from '../../src/model/documents.ts';
import type { Result } from './command.ts';
import { type HostNet, withHostNet } from './host-net.ts';
import { userSabotage } from './sabotage-user.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const FLEET = `
defaults:
  limits: { memory: 128M, processes: 64, cpu: 100%, disk: 64M }
agents:
  plain: { tier: user, exec: { ask: never, deny: [base64] } }
  builder: { tier: user, exec: { ask: never, own: allow }, command: [sleep, "1000"] }
`;

/** The product in a network of its own, up with these agents. */
function withUserFleet(yaml: string, use: (stand: Stand, host: HostNet) => Promise<void>): Promise<void> {
  return withHostNet((host) => withFleet(yaml, (stand) => use(stand, host), { inside: host.inside }));
}

const ok = ({ status, stdout, stderr }: Result): string => {
  assert.equal(status, 0, stderr);
  return stdout.trim();
};
const sh = (stand: Stand, agent: string, text: string): Promise<Result> => stand.run(agent, ['sh', '-c', text]);

async function agentOf(stand: Stand, name: string, probe = false): Promise<AgentStatus> {
  const { json, stderr } = await stand.bulkhead(['status', '--json', ...(probe ? ['--probe'] : [])]);
  const found = (json as StatusDocument | undefined)?.agents.find((agent) => agent.name === name);
  assert.ok(found, stderr);
  return found;
}

function words(agent: AgentStatus, wall: string): string {
  const found = agent.walls.find((one) => one.wall === wall);
  return `${found?.level}: ${(found?.missing ?? [found?.why]).join('; ')}`;
}

async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  for (const late = Date.now() + 60_000; !(await holds()); await sleep(100)) assert.ok(Date.now() < late, what);
}

test('an agent on the host’s own files', { skip: NOT_ROOT }, async (t) => {
  await withUserFleet(FLEET, async (stand, host) => {
    await t.test('finds the same places as in every tier, and the host’s programs and settings', async () => {
      const said = ok(
        await sh(
          stand,
          'plain',
          'pwd; echo $HOME; cat /etc/bulkhead/README /etc/debian_version /etc/resolv.conf; ls /home',
        ),
      );
      assert.match(said, /^\/workspace\n\/home\/agent\nYou are plain/);
      assert.match(
        said,
        new RegExp(`${readFileSync('/etc/debian_version', 'utf8').trim()}\nnameserver 198\\.18\\.0\\.1`),
      );
      assert.match(said, /\nagent$/);
      ok(await stand.run('plain', ['perl', '-e', 'use POSIX; exit 0']));
      ok(await sh(stand, 'plain', 'echo kept > /workspace/a && echo kept > ~/a && echo t > /tmp/a && cat /var/tmp/a'));
    });
    await t.test('sees no process but its own, and signals none but its own', async () => {
      assert.equal(ok(await sh(stand, 'plain', 'set -- /proc/[0-9]*; echo $#')), '1', 'the shell alone');
      assert.equal((await sh(stand, 'plain', 'kill -0 1')).status, 1);
      assert.equal((await sh(stand, 'plain', `kill -0 ${process.pid}`)).status, 1);
      const { pid } = await agentOf(stand, 'plain');
      await stand.run('plain', ['perl', '-e', `kill 9, -1; kill 9, ${pid}`]);
      assert.equal((await agentOf(stand, 'plain')).pid, pid, 'the process that holds it is out of reach');
    });
    await t.test(
      'writes nowhere but in its own places, starts nothing it wrote, and gains nothing by set-id programs',
      async () => {
        const refused = async (text: string, says: RegExp): Promise<void> => {
          const { status, stderr } = await sh(stand, 'plain', text);
          assert.notEqual(status, 0, text);
          assert.match(stderr, says, text);
        };
        for (const at of ['/', '/etc', '/usr/bin', '/var/lib', '/run', '/home', '/srv', '/dev'])
          await refused(`touch ${at}/x`, /Read-only|Permission denied/);
        for (const at of ['/tmp', '/var/tmp', '/workspace', '/home/agent', '/dev/shm'])
          await refused(`cp /usr/bin/true ${at}/t && ${at}/t`, /Permission denied/);
        await refused('cat /etc/shadow', /Permission denied/);
        await refused(`ls ${stand.state}/agents`, /No such file/);
        await refused('ls /root', /No such file/);
        await refused('base64 /etc/hostname', /Permission denied/);
        assert.equal(
          ok(
            await sh(
              stand,
              'plain',
              'find / -xdev -perm /6000 -type f 2>/dev/null | head -1; grep NoNewPrivs /proc/self/status; grep CapBnd /proc/self/status',
            ),
          )
            .split('\n')
            .slice(-2)
            .join(' '),
          'NoNewPrivs:\t1 CapBnd:\t0000000000000000',
        );
      },
    );
    await t.test('does not reach abstract sockets of the host', async () => {
      const name = `bh-abstract-${process.pid}`;
      const listen = `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); bind($s, pack "S x a*", 1, $ARGV[0]) or die; listen($s, 9); sleep 60`;
      const connect = `use Socket; socket(my $s, AF_UNIX, SOCK_STREAM, 0); connect($s, pack "S x a*", 1, $ARGV[0]) ? print "done" : print 0 + $!`;
      const service = spawn('nsenter', [...host.inside.slice(1), 'perl', '-e', listen, name], { stdio: 'ignore' });
      const argv = [...host.inside.slice(1), 'perl', '-e', connect, name];
      try {
        await until(
          () => execFileSync('nsenter', argv, { encoding: 'utf8' }) === 'done',
          'the control: whoever is outside reaches it',
        );
        assert.equal((await stand.run('plain', ['perl', '-e', connect, name])).stdout, '1', 'EPERM, by Landlock');
      } finally {
        service.kill('SIGKILL');
      }
    });
    await t.test('runs what it built only where exec.own allows it', async () => {
      ok(await sh(stand, 'builder', 'cp /usr/bin/true /workspace/t && /workspace/t'));
      assert.equal((await sh(stand, 'builder', 'cp /usr/bin/true /tmp/t && /tmp/t')).status, 126);
    });
    await t.test('is frozen whole, and goes on', async () => {
      const frozen = await stand.bulkhead(['pause', 'builder', '--json']);
      assert.match(JSON.stringify(frozen.json), /frozen 1/);
      assert.equal((await stand.run('builder', ['true'])).status, 125);
      ok(await stand.bulkhead(['resume', 'builder']));
      ok(await stand.run('builder', ['true']));
    });
    const cgroup = (agent: string): number[] => processesOf(observeCgroups(), `bulkhead/${stand.fleet}/${agent}`);
    await t.test('ends whole when its first process ends, and is put up again', async () => {
      const before = await agentOf(stand, 'builder');
      ok(await sh(stand, 'builder', 'setsid sleep 1234 >/dev/null 2>&1 & sleep 0.2'));
      const all = cgroup('builder');
      assert.ok(all.length >= 3, String(all));
      process.kill(before.pid ?? 0, 'SIGKILL');
      await until(() => all.every((pid) => !existsSync(`/proc/${pid}`)), 'something outlived its compartment');
      await until(async () => {
        const { state, pid } = await agentOf(stand, 'builder');
        return state === 'running' && pid !== undefined && pid !== before.pid;
      }, 'it was not put up again');
    });
    await t.test('a wall that is taken down by hand is seen at the next probe', async (t) => {
      const document = await agentOf(stand, 'plain', true);
      const before = Object.fromEntries(document.walls.map(({ wall }) => [wall, words(document, wall)]));
      const target = {
        ...{ state: stand.state, fleet: stand.fleet, agent: 'plain' },
        firstPid: document.pid ?? 0,
        gateway: 0,
        ledger: 0,
      };
      for (const { what, wall, says, down } of userSabotage(host.inside))
        await t.test(what, async () => {
          assert.doesNotMatch(before[wall] ?? '', says);
          const undo = down(target);
          let fallen: string;
          try {
            fallen = words(await agentOf(stand, 'plain', true), wall);
          } finally {
            undo();
          }
          assert.match(fallen, says);
          assert.equal(words(await agentOf(stand, 'plain', true), wall), before[wall], 'put back, it is as it was');
        });
    });
    await t.test('planning again gives the empty plan', async () => {
      assert.match(ok(await stand.bulkhead(['plan'])), /Nothing to do|nothing/i);
    });
    await t.test('does not outlive a warden that is killed', async () => {
      ok(await sh(stand, 'builder', 'setsid sleep 1235 >/dev/null 2>&1 & sleep 0.2'));
      const all = [...cgroup('builder'), ...cgroup('plain')];
      const { json } = await stand.bulkhead(['status', '--json']);
      const warden = (json as StatusDocument).programs.find(({ name }) => name === 'warden')?.pid ?? 0;
      assert.ok(warden > 1 && all.length >= 4, String(all));
      process.kill(warden, 'SIGKILL');
      await until(() => all.every((pid) => !existsSync(`/proc/${pid}`)), 'something outlived the warden');
    });
  });
});
