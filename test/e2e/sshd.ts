import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { removeTree } from '../../src/host/files/mounts.ts';
import { flock } from '../../src/host/libc.ts';
import { uidOf } from '../../src/host/machine/accounts.ts';
import { endProcess } from '../../src/host/processes/processes.ts';

const SEPARATION = '/run/sshd'; // sshd(8): must be there, root's and empty

/** An OpenSSH server on loopback under a configuration of its own, with a user who has a repository. */
export interface Sshd {
  readonly port: number;
  readonly user: string;
  readonly home: string;
  /** `ssh-ed25519 AAAA...` */
  readonly hostKey: string;
  /** What it has logged. */
  readonly log: () => string;
  /** Lets these log in, and nobody else. */
  authorize(lines: readonly string[]): void;
  stop(): Promise<void>;
}

/** @param type  of its host key */
export async function startSshd(user: SshUser, type: 'ed25519' | 'ecdsa' | 'rsa' = 'ed25519'): Promise<Sshd> {
  const dir = mkdtempSync(join(tmpdir(), 'bulkhead-sshd-'));
  chmodSync(dir, 0o755);
  const leave = shareSeparation();
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', '', '-f', join(dir, 'host')]);
  const authorized = join(dir, 'authorized');
  writeFileSync(authorized, '', { mode: 0o644 });
  const config = join(dir, 'config');
  const configure = (port: number): void =>
    writeFileSync(
      config,
      `ListenAddress 127.0.0.1:${port}
HostKey ${dir}/host
PidFile none
AuthorizedKeysFile ${authorized}
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
MaxStartups 100:30:200
MaxAuthTries 20
AllowAgentForwarding yes
LogLevel VERBOSE
`,
    );
  let [log, port] = ['', 0];
  const begun = async (tries: number): Promise<ChildProcess> => {
    port = await freePort();
    configure(port);
    log = '';
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr?.on('data', (chunk) => {
      log += chunk;
    });
    const closed = new Promise((resolve) => child.once('close', resolve));
    for (const late = Date.now() + 30_000; !log.includes('Server listening'); ) {
      assert.ok(Date.now() < late, `it does not listen: ${log}`);
      if ((await Promise.race([closed.then(() => 'ended'), wait(50)])) !== 'ended') continue;
      assert.ok(tries > 0 && log.includes('Address already in use'), log); // somebody else was faster
      return begun(tries - 1);
    }
    return child;
  };
  const child = await begun(5);
  return {
    ...{ port, user: user.name, home: user.home },
    hostKey: readFileSync(join(dir, 'host.pub'), 'utf8').trim(),
    log: () => log,
    authorize: (lines) => writeFileSync(authorized, lines.map((line) => `restrict ${line}\n`).join('')),
    stop: async () => {
      if (child.exitCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await gone;
      }
      removeTree(dir);
      leave();
    },
  };
}

/** The folder is there as long as some test's server is: each looks into it at every connection. @returns what gives it up */
function shareSeparation(): () => void {
  const fd = openSync(SHARED, 'a', 0o666);
  assert.equal(flock(fd, LOCK_SH), 0);
  const kept = existsSync(SEPARATION) && !existsSync(MADE);
  if (!kept) {
    writeFileSync(MADE, '');
    mkdirSync(SEPARATION, { recursive: true, mode: 0o755 });
  }
  return () => {
    // The last one, and nobody is just coming.
    if (!kept && flock(fd, LOCK_EX | LOCK_NB) === 0) {
      rmSync(MADE, { force: true });
      if (existsSync(SEPARATION)) rmdirSync(SEPARATION);
    }
    closeSync(fd);
  };
}

const SHARED = join(tmpdir(), 'bulkhead-sshd.lock');
/** The folder is ours to remove. */
const MADE = join(tmpdir(), 'bulkhead-sshd.made');
const [LOCK_SH, LOCK_EX, LOCK_NB] = [1, 2, 4]; // flock(2)

export interface SshUser {
  readonly name: string;
  readonly home: string;
  remove(): Promise<void>;
}

/** A user of this machine with a bare repository `repo` that has one commit, for the length of a test. */
export function makeSshUser(): SshUser {
  const home = mkdtempSync(join(tmpdir(), 'bulkhead-git-'));
  const name = `bhgit${process.pid}`;
  execFileSync('useradd', [
    '--uid',
    String(59_000 + (process.pid % 900)),
    '--no-create-home',
    '--home-dir',
    home,
    '--shell',
    '/bin/sh',
    '--password',
    '*',
    name,
  ]);
  const git = (...args: string[]): void => {
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@git.test', ...args], { stdio: 'pipe' });
  };
  git('init', '-q', '-b', 'main', join(home, 'work'));
  writeFileSync(join(home, 'work', 'hello.txt'), 'hello\n');
  git('-C', join(home, 'work'), 'add', '.');
  git('-C', join(home, 'work'), 'commit', '-q', '-m', 'first');
  git('clone', '-q', '--bare', join(home, 'work'), join(home, 'repo'));
  execFileSync('chown', ['-R', `${name}:`, home]);
  chmodSync(home, 0o755);
  return {
    ...{ name, home },
    remove: async () => {
      // Whom a client has left has what it runs still there, and userdel wants nothing of the user's to run.
      const uid = uidOf(name);
      const left = (): number[] =>
        readdirSync('/proc')
          .filter((pid) => /^\d+$/.test(pid) && statSync(`/proc/${pid}`, { throwIfNoEntry: false })?.uid === uid)
          .map(Number);
      for (const late = Date.now() + 30_000; left().length > 0 && Date.now() < late; ) {
        for (const pid of left()) endProcess(pid);
        await wait(50);
      }
      execFileSync('userdel', [name], { stdio: 'pipe' });
      removeTree(home);
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server: Server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
