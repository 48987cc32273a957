import type { ChildProcess } from 'node:child_process';

/** What a child writes first to its standard output; a child that ends without a word is a failure and nothing to wait for. */
export function firstOutput(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer | string) => resolve(String(chunk)));
    child.once('error', reject);
    child.once('close', (code, signal) => reject(new Error(`it ended (${signal ?? code}) before it wrote anything`)));
  });
}
