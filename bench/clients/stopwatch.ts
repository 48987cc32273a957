/** Reads commands, one JSON line each ({argv, cwd}); runs one after the other; answers {ms} or {ms, error}. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

for await (const text of createInterface({ input: process.stdin })) {
  const { argv, cwd } = JSON.parse(text) as { argv: string[]; cwd: string };
  process.stdout.write(`${JSON.stringify(await time(argv, cwd))}\n`);
}

function time([program = '', ...args]: string[], cwd: string): Promise<{ ms: number; error?: string }> {
  return new Promise((resolve) => {
    const begun = performance.now();
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    let ms = 0;
    child.once('error', (error) => resolve({ ms, error: error.message }));
    child.once('exit', () => {
      ms = performance.now() - begun;
    });
    child.once('close', (status, signal) =>
      resolve(
        status === 0 ? { ms } : { ms, error: said.trim().split('\n').at(-1) || `ended with ${signal ?? status}` },
      ),
    );
  });
}
