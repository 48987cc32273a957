import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { NOTIFICATION } from '../../src/host/seccomp-notify.ts';
import { bounded } from '../../src/programs/gate/recorded.ts';
import { type Said, said } from '../../src/programs/gate/words.ts';

/** Lays out the words that it is given in hexadecimal in memory of its own, each over the end of a page, and the pointers to them as well. */
const LAYS = `
import ctypes, mmap, struct, sys, time
words = [bytes.fromhex(w) + b"\\0" for w in sys.argv[1:]]
pages = lambda n: (n + 4095) // 4096 + 2
def lay(b, before):
    m = mmap.mmap(-1, 4096 * pages(len(b)))
    m[4096 - before:4096 - before + len(b)] = b
    kept.append(m)
    return ctypes.addressof(ctypes.c_char.from_buffer(m)) + 4096 - before
kept = []
at = [lay(w, 3) for w in words]
array = lay(struct.pack("%dQ" % (len(at) + 1), *at, 0), 8)
print(lay(b"/usr/bin/tool\\0", 5), array, flush=True)
time.sleep(60)`;

async function saidOf(words: readonly (string | Buffer)[]): Promise<Said> {
  const hex = words.map((word) => Buffer.from(word as string).toString('hex'));
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
    const [path = '', array = ''] = text.trim().split(' ');
    const question = Buffer.alloc(NOTIFICATION);
    question.writeUInt32LE(child.pid ?? 0, 8);
    question.writeBigUInt64LE(BigInt(path), 32);
    question.writeBigUInt64LE(BigInt(array), 40);
    return said(question, 0);
  } finally {
    child.kill('SIGKILL');
  }
}

test('words that cross the end of a page are recorded whole', async () => {
  assert.deepEqual(await saidOf(['git', 'status', '', 'x'.repeat(256)]), {
    path: '/usr/bin/tool',
    argv: ['git', 'status', '', 'x'.repeat(256)],
  });
});

test('what is cut says so: how many words there were, and how long those are of which only the beginning is here', async () => {
  const many = await saidOf(['tool', 'y'.repeat(1000), ...Array.from({ length: 60 }, (_, n) => String(n))]);
  assert.equal(many.argv.length, 32);
  assert.equal(many.argvWords, 62);
  assert.deepEqual(many.argvCut, { 1: 1000 });
  assert.equal(many.argv[1], 'y'.repeat(256));
});

const KEY = `sk-${'a1B2'.repeat(10)}`;

test('a key that is cut through is left out, though its beginning alone has no shape', async () => {
  const place = (at: number): string => `${'z'.repeat(at - 1)} ${KEY} and more`.padEnd(400, 'z');
  for (const at of [235, 250, 255]) {
    const { argv } = await saidOf(['tool', place(at)]);
    assert.equal(argv.length, 2);
    assert.doesNotMatch(argv.join(' '), /sk-/, `at ${at}`);
    const entry = bounded({ argv: ['tool', 'x'.repeat(16_000 - 256), place(at).padEnd(9000, 'z')] }) as Said;
    assert.doesNotMatch(entry.argv.join(' '), /sk-a/);
    assert.deepEqual(Object.keys(entry.argvCut ?? {}), ['2']);
  }
});

test('lists and texts are bounded by their bytes of JSON, and short ones are as they were', () => {
  const short = { event: 'exec.denied', path: '/x', argv: ['a', '\x01'.repeat(300)] };
  assert.equal(bounded(short), short);
  const long = bounded({ event: 'x', path: '"'.repeat(9000), argv: Array(40).fill('\x01'.repeat(256)) });
  assert.ok(JSON.stringify(long).length < 25_000);
  const { pathBytes, argvWords } = long as { pathBytes?: number; argvWords?: number };
  assert.deepEqual([pathBytes, argvWords], [9000, 40]);
});
