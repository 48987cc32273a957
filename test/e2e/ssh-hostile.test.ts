import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SshKeysDocument } from '../../src/model/documents.ts';
import { makeSshUser, type Sshd, startSshd } from './sshd.ts';
import { NOT_ROOT, withFleetBeside } from './stand.ts';

const fleet = ({ port, user, hostKey }: Sshd): string => `
defaults:
  exec: { sets: [base, python] }
  limits: { disk: 64M }
  egress-ask: false
agents:
  hijacked:
    egress: [{ host: git.test, port: ${port}, address: 127.0.0.1 }]
    ssh: [{ host: git.test, port: ${port}, user: ${user}, host-key: "${hostKey}" }]
  sibling:
    egress: [{ host: git.test, port: ${port}, address: 127.0.0.1 }]
    ssh: [{ host: git.test, port: ${port}, user: ${user}, host-key: "${hostKey}" }]
`;

/** What each try of ssh-hostile.py must come to. The signatures among them are the controls: without them every refusal could be of
 *  something that would not have worked anyway. */
const EXPECTED: Readonly<Record<string, RegExp | string>> = {
  'a session through what stands between': 'ends with 0',
  'its bind once it has ended': 'success, identities 0, then failure',
  'genuine, on a connection of its own': 'success identities 1 signed',
  unbound: 'failure',
  'bind with another session id': 'failure, then closed',
  'bind with a forged signature': 'failure, then closed',
  'bind with forwarded': 'failure, then closed',
  'bind with another host key': 'success, then failure',
  'bind with a host key of no kind': 'failure, then closed',
  'bind with a boolean of 2': 'failure, then closed',
  'bind with cut off': 'failure, then closed',
  'bind with too much': 'failure, then closed',
  'bound twice': 'failure, then closed',
  'sign another session': 'failure',
  'sign another user': 'failure',
  'sign another service': 'failure',
  'sign another method': 'failure',
  'sign a query': 'failure',
  'sign another host key': 'failure',
  'sign something after': 'failure',
  'sign SSHSIG': 'failure',
  'sign the session id alone': 'failure',
  'sign a certificate request': 'failure',
  'sign nothing': 'failure',
  'sign plain publickey': 'signed',
  'sign with flags': 'failure',
  'sign with the key of another agent': 'failure',
  'other requests': 'all failure',
  'no length': 'closed',
  'a huge length': 'closed',
  'too long': 'closed',
  'byte by byte': 'identities',
  'several at once': 'identities identities identities failure',
  'who does not read': 'is not read',
  'many connections': 'bounded',
  'many signatures': 'bounded',
};

test('an agent that is taken over gets no signature out of its signer but its own logins in sessions through the gateway', {
  skip: NOT_ROOT,
}, async (t) => {
  await withFleetBeside(
    '',
    async (stand) => {
      const user = makeSshUser();
      const server = await startSshd(user);
      try {
        stand.write(fleet(server));
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, up.stdout + up.stderr);
        const { keys } = JSON.parse((await stand.bulkhead(['secrets', 'ssh', '--json'])).stdout) as SshKeysDocument;
        server.authorize(keys.map((key) => key.public ?? ''));
        const sibling = keys.find(({ agent }) => agent === 'sibling')?.public?.split(' ')[1] ?? '';
        const script = readFileSync(new URL('ssh-hostile.py', import.meta.url), 'utf8');
        const argv = ['python3', '-c', script, String(server.port), server.user, sibling];
        const { stdout, stderr } = await stand.run('hijacked', argv);
        const answers = new Map(
          stdout
            .trim()
            .split('\n')
            .map((line) => line.split(/: (.*)/s, 2) as [string, string]),
        );
        for (const [name, expected] of Object.entries(EXPECTED))
          await t.test(`${name}: ${expected}`, () => assert.equal(answers.get(name), expected, stderr));
        assert.deepEqual([...answers.keys()].sort(), Object.keys(EXPECTED).sort());
        await t.test('what was refused is on record with its reason, and is a finding', async () => {
          const tail = ['ledger', 'tail', '--json', '--last', '400', '--event', 'ssh.refused'];
          const expected = [
            'to sign something other than a login',
            'to log in as another user',
            'to log in to another session than the bound one',
            'a key that is not this agent’s',
            'bound twice: a connection is for one session',
            'bound with a signature that is not the host key’s',
            'the signer is not to be forwarded to another machine',
            'too many logins at once',
          ];
          let reasons = new Set<string>();
          const missing = (): string[] => expected.filter((why) => !reasons.has(why));
          // Who is refused does not wait for its record.
          for (const late = Date.now() + 30_000; Date.now() < late; await sleep(200)) {
            const { stdout: text } = await stand.bulkhead(tail);
            const { entries } = JSON.parse(text) as { entries: { why: string; agent: string }[] };
            assert.deepEqual(new Set(entries.map(({ agent }) => agent)), new Set(['hijacked']));
            reasons = new Set(entries.map(({ why }) => why));
            if (missing().length === 0) break;
          }
          assert.deepEqual(missing(), [], `among ${[...reasons].join('; ')}`);
        });
        await t.test('the gateway is still there, and another agent’s signer was not hindered', async () => {
          const line = `ssh -o BatchMode=yes -p ${server.port} ${server.user}@git.test echo in`;
          assert.equal((await stand.run('sibling', ['sh', '-c', line])).stdout, 'in\n');
          const { programs } = JSON.parse((await stand.bulkhead(['status', '--json'])).stdout);
          const gateway = programs.find(({ name }: { name: string }) => name === 'gateway');
          assert.deepEqual([gateway.state, gateway.restarts], ['running', 0]);
        });
      } finally {
        await server.stop();
        await user.remove();
      }
    },
    { up: false },
  );
});
