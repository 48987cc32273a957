import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** A TPM 2.0 in software (swtpm(8)), started as firmware leaves one, for one test. */
export interface SoftTpm {
  /** Runs a command whose systemd speaks to this TPM (systemd's docs/ENVIRONMENT, SYSTEMD_TPM2_DEVICE). */
  run(argv: readonly string[]): { status: number | null; said: string };
  /** Measures something into PCR 7, as firmware does when the settings of Secure Boot are others (tpm2_pcrextend(1)). */
  measure(): void;
  close(): Promise<void>;
}

/** @param folder  where its state is, which makes it this TPM and no other; made */
export async function softTpm(folder: string): Promise<SoftTpm> {
  mkdirSync(folder, { mode: 0o700 });
  const device = `swtpm:path=${folder}/data`;
  const words = ['socket', '--tpm2', '--tpmstate', `dir=${folder}`, '--flags', 'not-need-init,startup-clear'];
  const ways = ['--server', `type=unixio,path=${folder}/data`, '--ctrl', `type=unixio,path=${folder}/data.ctrl`];
  const child = spawn('swtpm', [...words, ...ways], { stdio: 'ignore' });
  await listens(child, [`${folder}/data`, `${folder}/data.ctrl`]);
  const tools = (command: string, ...args: string[]): unknown =>
    execFileSync(command, ['-T', device, ...args], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 20_000 });
  // Sessions that a client leaves are taken away by the kernel's /dev/tpmrm0 when it is closed; here there is no kernel between.
  const flush = (): void => {
    for (const kind of ['-s', '-l', '-t']) tools('tpm2_flushcontext', kind);
  };
  return {
    run: ([command = '', ...args]) => {
      const env = { ...process.env, SYSTEMD_TPM2_DEVICE: device };
      const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env, timeout: 30_000 });
      flush();
      return { status, said: stdout + stderr };
    },
    measure: () => void tools('tpm2_pcrextend', `7:sha256=${'ab'.repeat(32)}`),
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await gone;
    },
  };
}

async function listens(child: ChildProcess, sockets: readonly string[]): Promise<void> {
  let failed: Error | undefined;
  child.once('error', (error) => {
    failed = error;
  });
  while (!sockets.every(isListening)) {
    if (failed) throw failed;
    if (child.exitCode !== null) throw new Error(`swtpm ended with ${child.exitCode}`);
    await sleep(20);
  }
}

/** proc(5), /proc/net/unix: the fourth word holds the flag of one that takes connections. */
function isListening(path: string): boolean {
  const lines = readFileSync('/proc/net/unix', 'utf8').split('\n');
  return lines.some(
    (line) => line.endsWith(` ${path}`) && (Number.parseInt(line.split(/ +/)[3] ?? '', 16) & 0x10000) !== 0,
  );
}
