import { Failure } from '../../model/failure.ts';
import { whyNoSecret } from '../../policy/placeholder.ts';
import { aroundSecret } from '../../policy/secret-presets.ts';

const LONGEST_INPUT = 64 * 1024;

/** A value from a prompt that shows nothing, or all of standard input without the line feed at its end. It is never an argument: those
 *  are for everybody on the machine to read.
 *  @throws Failure `bad-secret` */
export async function readSecret(name: string): Promise<string> {
  const value = process.stdin.isTTY ? await prompted(`Value of ${name} (not shown): `) : await all();
  const wrong = whyNoSecret(value);
  const around = aroundSecret(value);
  if (around !== undefined)
    throw new Failure('bad-secret', 'the value is a whole address', `Give what follows ${around} in it.`);
  if (wrong === undefined) return value;
  throw new Failure(
    'bad-secret',
    `the value ${wrong}`,
    value === ''
      ? `printf %s "$VALUE" | bulkhead secrets set ${name}, or without a pipe for a prompt.`
      : 'Give the key or token alone, as its service shows it: one line, without quotes or a name before it.',
  );
}

async function all(): Promise<string> {
  let text = '';
  for await (const chunk of process.stdin) {
    text += String(chunk);
    if (text.length > LONGEST_INPUT) break;
  }
  return text.replace(/\r?\n$/, '');
}

/** Raw mode: the terminal echoes nothing, and what is typed comes as it is. */
function prompted(prompt: string): Promise<string> {
  const { stdin } = process;
  stdin.setRawMode(true); // before the prompt: who types as soon as it is there sees nothing of it
  process.stderr.write(prompt);
  stdin.setEncoding('utf8');
  stdin.resume();
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (act: () => void): void => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.off('data', onData);
      process.stderr.write('\n');
      act();
    };
    const onData = (typed: string): void => {
      for (const c of typed) {
        if (c === '\r' || c === '\n' || c === '\x04') {
          end(() => resolve(text));
          return;
        }
        if (c === '\x03') {
          end(() => reject(new Failure('interrupted', 'nothing was set', 'Run it again.', 1)));
          return;
        }
        if (c === '\x7f' || c === '\b') text = text.slice(0, -1);
        else text += c;
      }
    };
    stdin.on('data', onData);
  });
}
