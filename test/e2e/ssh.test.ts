import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Decrypter } from 'age-encryption';
import { uidOf } from '../../src/host/machine/accounts.ts';
import type { SshKeysDocument, StatusDocument } from '../../src/model/documents.ts';
import { unixUserName } from '../../src/model/unix-names.ts';
import { groundOf } from '../../src/plan/machine.ts';
import { holdersOf } from '../harness/holding.ts';
import { makeSshUser, type Sshd, startSshd } from './sshd.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const fleet = (server: Sshd, liar: Sshd, key = server.hostKey): string => {
  const reach = [server, liar].map(({ port }) => `{ host: git.test, port: ${port}, address: 127.0.0.1 }`).join(', ');
  const at = (one: Sshd): string => `{ host: git.test, port: ${one.port}, user: ${one.user}, host-key: "${key}" }`;
  return `
defaults:
  exec: { sets: [base, git, python] }
  limits: { disk: 64M }
agents:
  boxed:
    egress: [${reach}]
    ssh: [${at(server)}, ${at(liar)}]
  hosted:
    tier: user
    egress: [${reach}]
    ssh: [${at(server)}]
  bystander:
    egress: [${reach}]
    exec: { allow: [ssh] }
`;
};

async function keysOf(stand: Stand, ...words: readonly string[]): Promise<SshKeysDocument['keys']> {
  const { status, stdout, stderr } = await stand.bulkhead(['secrets', 'ssh', ...words, '--json']);
  assert.equal(status, 0, stderr);
  return (JSON.parse(stdout) as SshKeysDocument).keys;
}

interface Entry {
  readonly event: string;
  readonly agent?: string;
  readonly [field: string]: unknown;
}

async function recorded(stand: Stand, event: string): Promise<Entry[]> {
  const { stdout } = await stand.bulkhead(['ledger', 'tail', '--json', '--last', '100', '--event', event]);
  return (JSON.parse(stdout) as { entries: Entry[] }).entries;
}

test('git works over SSH with a key that is nowhere in the compartment, in both tiers, and only where it is bound', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside(
    '',
    async (stand) => {
      const user = makeSshUser();
      const servers: Sshd[] = [];
      try {
        const server = await startSshd(user);
        servers.push(server);
        const liar = await startSshd(user, 'ecdsa');
        servers.push(liar);
        const url = `ssh://${user.name}@git.test:${server.port}${user.home}/repo`;
        const sh = (agent: string, line: string) => stand.run(agent, ['sh', '-c', line]);
        stand.write(fleet(server, liar));
        await t.test('up makes the keys and says once what is to be registered; status names them', async () => {
          const up = await stand.bulkhead(['up']);
          assert.equal(up.status, 0, up.stdout + up.stderr);
          const lines = up.stdout.match(/^ {2}ssh-ed25519 \S+ \S+\/(?:boxed|hosted) for .*$/gm);
          assert.equal(lines?.length, 3, up.stdout);
          const { stdout } = await stand.bulkhead(['secrets', 'ssh']);
          assert.deepEqual(
            stdout.trim().split('\n'),
            lines?.map((line) => line.trim()),
          );
          const status: StatusDocument = JSON.parse((await stand.bulkhead(['status', '--json'])).stdout);
          assert.deepEqual(
            status.agents.map(({ ssh }) => ssh?.length),
            [2, 1, undefined],
          );
          assert.match((await stand.bulkhead(['status'])).stdout, /hosted +ssh key .*SHA256:/s);
          for (const one of servers) one.authorize(lines?.map((line) => line.trim()) ?? []);
        });
        for (const agent of ['boxed', 'hosted'])
          await t.test(
            `clone and push, unmodified, ${agent}; each signature is on record before it goes out`,
            async () => {
              const before = (await recorded(stand, 'ssh.signed')).length;
              const clone = await sh(agent, `git clone -q ${url} /workspace/got && cat /workspace/got/hello.txt`);
              assert.deepEqual([clone.status, clone.stdout], [0, 'hello\n'], clone.stderr);
              const push = `cd /workspace/got && echo ${agent} > ${agent}.txt && git add . && git -c user.name=a -c user.email=a@b.test commit -qm ${agent} && git push -q origin main`;
              const pushed = await sh(agent, push);
              assert.equal(pushed.status, 0, pushed.stderr);
              const log = spawnSync(
                'git',
                ['-c', 'safe.directory=*', '-C', join(user.home, 'repo'), 'log', '-1', '--format=%s'],
                {
                  encoding: 'utf8',
                },
              );
              assert.equal(log.stdout.trim(), agent);
              const [key] = await keysOf(stand, agent);
              const signed = (await recorded(stand, 'ssh.signed')).slice(before);
              assert.equal(signed.length, 2);
              for (const entry of signed)
                assert.deepEqual(
                  [entry.agent, entry.host, entry.port, entry.user, entry.fingerprint],
                  [agent, 'git.test', server.port, user.name, key?.fingerprint],
                );
            },
          );
        await t.test('as another user nothing is signed, and it is a finding', async () => {
          const before = (await recorded(stand, 'ssh.refused')).length;
          const { status, stderr } = await sh('boxed', `ssh -p ${server.port} root@git.test true`);
          assert.notEqual(status, 0);
          assert.match(stderr, /agent refused operation|Permission denied/);
          await until(async () => (await recorded(stand, 'ssh.refused')).length > before); // who is refused does not wait for its record
          const refused = (await recorded(stand, 'ssh.refused')).at(-1);
          assert.equal(refused?.why, 'to log in as another user');
          assert.equal(refused?.port, server.port);
        });
        await t.test('a server with another host key gets no login, however careless the client', async () => {
          const at = `-p ${liar.port} ${user.name}@git.test true`;
          const strict = await sh('boxed', `ssh ${at}`);
          assert.match(strict.stderr, /host key is known|Host key verification failed/);
          const careless =
            '-o StrictHostKeyChecking=no -o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile=/dev/null';
          const { status, stderr } = await sh('boxed', `ssh -v ${careless} ${at}`);
          assert.notEqual(status, 0);
          assert.match(stderr, /agent contains no identities|agent returned 0 keys/);
          assert.match(stderr, /Permission denied/);
        });
        await t.test(
          'a session that does not pass the gateway gets none, though its server is the right one',
          async () => {
            const [{ agent = '' } = {}] = await keysOf(stand, 'boxed', `git.test:${server.port}`);
            const socket = join(stand.state, 'agents', agent, 'ssh/ssh-agent');
            const known = join(stand.folder, 'known');
            const words = [
              '-v',
              '-F',
              'none',
              '-o',
              `UserKnownHostsFile=${known}`,
              '-o',
              'StrictHostKeyChecking=no',
              '-o',
              'BatchMode=yes',
            ];
            const { stderr } = spawnSync(
              'ssh',
              [...words, '-p', String(server.port), `${user.name}@127.0.0.1`, 'true'],
              {
                encoding: 'utf8',
                env: { ...process.env, SSH_AUTH_SOCK: socket },
              },
            );
            assert.match(stderr, /bound agent to hostkey/);
            assert.match(stderr, /agent contains no identities|agent returned 0 keys/);
          },
        );
        await t.test('nobody reaches the signer of another agent', async () => {
          const sibling = join(stand.state, 'agents/boxed/ssh/ssh-agent');
          const reach = `import socket,sys\ns=socket.socket(socket.AF_UNIX)\ntry:\n  s.connect(sys.argv[1]); print("reached")\nexcept OSError as e: print(type(e).__name__)`;
          for (const agent of ['bystander', 'hosted']) {
            const { stdout } = await stand.run(agent, ['python3', '-c', reach, sibling]);
            assert.match(stdout, /^(?:FileNotFoundError|PermissionError)$/m, agent);
          }
          const own = await stand.run('bystander', ['python3', '-c', reach, '/run/bulkhead/ssh-agent']);
          assert.match(own.stdout, /^FileNotFoundError$/m);
          assert.equal((await sh('bystander', 'echo "[$SSH_AUTH_SOCK]"')).stdout, '[]\n');
          for (const agent of ['boxed', 'hosted'])
            assert.equal(
              (await stand.run(agent, ['python3', '-c', reach, '/run/bulkhead/ssh-agent'])).stdout,
              'reached\n',
            );
          const passer = spawnSync('setpriv', [
            '--reuid=65534',
            '--regid=65534',
            '--clear-groups',
            '/usr/bin/python3',
            '-c',
            reach,
            sibling,
          ]);
          assert.equal(String(passer.stdout), 'PermissionError\n');
        });
        await t.test('the private halves are in the gateway’s memory and nowhere else', async () => {
          const secrets = await privateHalves(stand);
          assert.equal(secrets.length, 3);
          const found = spawnSync('grep', [
            '-rlaF',
            '--exclude-dir=lib',
            '-e',
            secrets[0]?.toString('base64url') ?? '',
            stand.state,
          ]);
          assert.equal(String(found.stdout), '');
          const sessions = (): number => server.log().split('Starting session').length;
          const before = sessions();
          const held = stand.start([
            'run',
            'boxed',
            '--',
            'ssh',
            '-p',
            String(server.port),
            `${user.name}@git.test`,
            'sleep 300',
          ]);
          await until(async () => sessions() > before);
          const of = (user: string): number[] => pidsOf(uidOf(user));
          const inside = ['boxed', 'hosted'].flatMap((agent) => of(unixUserName(stand.fleet as never, agent as never)));
          const folders = ['boxed', 'hosted'].map((agent) => join(stand.state, 'agents', agent, 'disk'));
          const gateway = of(groundOf(stand.state).users.gateway);
          for (const secret of secrets) {
            assert.ok(holdersOf(secret, gateway, []).length >= 1, 'the search finds what is there');
            assert.deepEqual(holdersOf(secret, inside, folders), []);
          }
          assert.ok(holdersOf('OpenSSH_', inside, []).length >= 1, 'an ssh is among those that were searched');
          held.child.kill('SIGTERM');
          await held.ended;
        });
        await t.test('a new gateway signs with the same keys', async () => {
          const before = await keysOf(stand);
          const status: StatusDocument = JSON.parse((await stand.bulkhead(['status', '--json'])).stdout);
          process.kill(status.programs.find(({ name }) => name === 'gateway')?.pid ?? 0, 'SIGKILL');
          const again = `ssh -p ${server.port} ${user.name}@git.test echo again`;
          await until(async () => (await sh('boxed', again)).stdout === 'again\n');
          assert.deepEqual(await keysOf(stand), before);
        });
        await t.test('renewed, the old key is gone at once; the new one works once it is registered', async () => {
          const before = await keysOf(stand, 'hosted');
          const [renewed, ...more] = await keysOf(stand, 'hosted', 'git.test', '--renew');
          assert.deepEqual(more, []);
          assert.notEqual(renewed?.public, before[0]?.public);
          const line = `ssh -o BatchMode=yes -p ${server.port} ${user.name}@git.test echo in`;
          assert.notEqual((await sh('hosted', line)).status, 0);
          server.authorize([renewed?.public ?? '']);
          assert.equal((await sh('hosted', line)).stdout, 'in\n');
          const bad = await stand.bulkhead(['secrets', 'ssh', 'boxed', '--renew']);
          assert.equal(bad.status, 2, bad.stdout);
          assert.equal(bad.stderr.trim().split('\n').length, 2);
          assert.deepEqual(
            (await recorded(stand, 'ssh.renewed')).map(({ agent }) => agent),
            ['hosted'],
          );
        });
        await t.test('taken out of the file, the key is of no use any more', async () => {
          stand.write(
            fleet(server, liar).replace(
              /(tier: user\n.*\n) +ssh: .*\n/,
              '$1    exec: { sets: [base], allow: [ssh] }\n',
            ),
          );
          const up = await stand.bulkhead(['up']);
          assert.deepEqual([up.status, up.stdout.includes('ssh-ed25519')], [0, false], up.stdout + up.stderr);
          assert.deepEqual(
            (await keysOf(stand)).map(({ agent }) => agent),
            ['boxed', 'boxed'],
          );
          const left = await sh('hosted', `ls /run/bulkhead; echo "[$SSH_AUTH_SOCK]"`);
          assert.match(left.stdout, /^\[\]$/m);
        });
      } finally {
        for (const server of servers) await server.stop();
        await user.remove();
      }
    },
    { up: false },
  );
});

/** As raw bytes (RFC 8032), opened with the identity, which is root's. */
async function privateHalves({ state }: Stand): Promise<Buffer[]> {
  const decrypter = new Decrypter();
  decrypter.addIdentity(readFileSync(join(state, 'secrets/identity'), 'utf8').trim());
  const folder = join(state, 'gateway/ssh');
  return Promise.all(
    readdirSync(folder).map(async (file) => {
      const { key } = JSON.parse(await decrypter.decrypt(readFileSync(join(folder, file)), 'text'));
      const opened = createPrivateKey({ key: Buffer.from(key, 'base64'), type: 'pkcs8', format: 'der' });
      return Buffer.from(opened.export({ format: 'jwk' }).d ?? '', 'base64url');
    }),
  );
}

function pidsOf(uid: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === uid)
    .map(Number);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 200)))
    if (await holds()) return;
  throw new Error('it did not come to that in time');
}
