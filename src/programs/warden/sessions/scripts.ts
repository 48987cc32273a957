import type { Order, ScriptModule } from '../../../tiers/orders.ts';
import type { Script } from '../body.ts';
import type { Compartment } from '../compartments/compartment.ts';

/** At most so much output of a script is kept; more ends it. */
const LONGEST = 256 * 1024;

export interface ScriptResult {
  readonly stdout: string;
  readonly stderr: string;
  /** 128 + n when signal n ended it. */
  readonly status: number;
  readonly timedOut: boolean;
}

/** Runs Perl text inside a compartment as the agent, without starting a program there.
 *  @param modules  what the text needs besides the language itself; each costs time at every start */
export function runScript(
  compartment: Compartment,
  script: Script,
  modules: readonly ScriptModule[] = ['POSIX', 'Socket', 'Fcntl'],
): Promise<ScriptResult> {
  const orders: Order[] = [
    ...compartment.orders(),
    ...modules.map((module): Order => ({ do: 'use', module })),
    ...Object.entries(script.arguments).map(([name, value]): Order => ({ do: 'set', name, value })),
    { do: 'text', text: script.text },
  ];
  return new Promise((resolve) => {
    const launcher = compartment.enter('script', orders, ['ignore', 'pipe', 'pipe']);
    let [stdout, stderr, timedOut] = ['', '', false];
    let again: NodeJS.Timeout | undefined;
    // Again and again: its launcher may only then begin it, on a busy machine or in a compartment that was frozen.
    const end = (): void => {
      timedOut = true;
      if (launcher.exitCode !== null || launcher.signalCode !== null) return;
      compartment.endChildren(launcher.pid ?? 0);
      again ??= setInterval(end, 1000);
    };
    const late = setTimeout(end, script.timeoutMs);
    launcher.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString('utf8');
      if (stdout.length > LONGEST) end();
    });
    launcher.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString('utf8')).slice(-4096);
    });
    let done = false;
    const finish = (status: number): void => {
      if (done) return;
      done = true;
      clearTimeout(late);
      clearInterval(again);
      for (const stream of [launcher.stdout, launcher.stderr]) stream?.destroy();
      resolve({ stdout, stderr, status, timedOut });
    };
    let status = 125;
    launcher.once('exit', (code, signal) => {
      status = code ?? (signal ? 137 : 125);
      clearInterval(again);
      // A child of the script may hold its output open: what has come by now is all there is.
      setTimeout(() => finish(status), 200);
    });
    launcher.once('close', () => finish(status));
  });
}
