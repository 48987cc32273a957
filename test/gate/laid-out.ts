import { spawn } from 'node:child_process';
import { NOTIFICATION } from '../../src/host/gate/seccomp-notify.ts';

/** Lays out the words that it is given in hexadecimal in memory of its own, each over the end of a page, and the pointers to all but the first as well. */
const LAYS = `
import ctypes, mmap, struct, sys, time
path, *words = [bytes.fromhex(w) + b"\\0" for w in sys.argv[1:]]
pages = lambda n: (n + 4095) // 4096 + 2
def lay(b, before):
    m = mmap.mmap(-1, 4096 * pages(len(b)))
    m[4096 - before:4096 - before + len(b)] = b
    kept.append(m)
    return ctypes.addressof(ctypes.c_char.from_buffer(m)) + 4096 - before
kept = []
at = [lay(w, 3) for w in words]
array = lay(struct.pack("%dQ" % (len(at) + 1), *at, 0), 8)
print(lay(path, 5), array, flush=True)
time.sleep(60)`;

/** The question of a process that executes this path with these words, as the kernel would give it, while the process lives. */
export async function withQuestion<T>(
  path: string,
  words: readonly string[],
  use: (question: Buffer) => T,
): Promise<T> {
  const hex = [path, ...words].map((word) => Buffer.from(word).toString('hex'));
  const child = spawn('/usr/bin/python3', ['-c', LAYS, ...hex], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const text = await new Promise<string>((resolve, reject) => {
      let said = '';
      child.stdout.on('data', (some: Buffer) => {
        said += some.toString();
        if (said.endsWith('\n')) resolve(said);
      });
      child.once('exit', () => reject(new Error('it ended early')));
    });
    const [first = '', array = ''] = text.trim().split(' ');
    const question = Buffer.alloc(NOTIFICATION);
    question.writeUInt32LE(child.pid ?? 0, 8);
    question.writeBigUInt64LE(BigInt(first), 32);
    question.writeBigUInt64LE(BigInt(array), 40);
    return use(question);
  } finally {
    child.kill('SIGKILL');
  }
}
