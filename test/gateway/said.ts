import type { ChildProcess } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

/** Hears what a program says on its output: a line of JSON for each thing that it sees, `{"ready":true}` first.
 *  @returns once it is ready; rejects when it ends before */
// biome-ignore lint/suspicious/noExplicitAny: each program says its own
export function listenTo(program: ChildProcess, each: (said: any) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let text = '';
    program.stdout?.on('data', (chunk: Buffer) => {
      const lines = (text + decoder.write(chunk)).split('\n');
      text = lines.pop() ?? '';
      for (const said of lines.map((line) => JSON.parse(line))) {
        if (said.ready) resolve();
        else each(said);
      }
    });
    program.once('close', (code, signal) => reject(new Error(`it ended before it was ready: ${signal ?? code}`)));
  });
}
