import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { writtenForms } from '../../src/drill/written-forms.ts';
import { holding, keptIn } from '../../src/host/arena/recorded.ts';
import { removeTree } from '../../src/host/files/mounts.ts';

const VALUE = 'drill-value-0123456789abcdef0123456789abcdef';
const base64 = (text: string, coding: BufferEncoding = 'base64'): string => Buffer.from(text).toString(coding);

/** Made here by other means than those that search. */
const WRITTEN: Readonly<Record<string, string>> = {
  plain: `"authorization":"Bearer ${VALUE}"`,
  'in upper case': VALUE.toUpperCase(),
  'URL-encoded as little as must be': encodeURIComponent(VALUE),
  'URL-encoded wholly': [...VALUE].map((one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`).join(''),
  'in JSON, wholly escaped': [...VALUE].map((one) => `\\u00${one.charCodeAt(0).toString(16)}`).join(''),
  'in hexadecimal': Buffer.from(VALUE).toString('hex'),
  'in base64 of it alone': base64(VALUE),
  'in base64 of Basic': base64(`drill:${VALUE}`),
  'in base64 of a body, one byte on': base64(`a${VALUE} and more`),
  'in base64 of a body, two bytes on': base64(`ab${VALUE} and more`),
  'in base64url': base64(`~~~${VALUE}??`, 'base64url'),
  'among bytes that are no text': `\0\xff${VALUE}\0`,
};

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-recorded-'));
  try {
    await use(folder);
  } finally {
    removeTree(folder);
  }
}

test('a value is found in what is kept however it is written, and nothing else is', async () => {
  await inFolder(async (folder) => {
    mkdirSync(join(folder, 'ledger'));
    for (const [how, text] of Object.entries(WRITTEN)) {
      const file = join(folder, 'ledger/segment');
      writeFileSync(file, `one\n${text}\nthree`, 'latin1');
      assert.equal(await holding([folder], VALUE), 1, how);
      assert.equal(await holding([folder], VALUE.replace('0', '1')), 0, how);
    }
    writeFileSync(join(folder, 'again'), VALUE);
    assert.equal(await holding([folder], VALUE), 2);
  });
});

test('what cannot be searched is an error, not an empty hand; what is not there holds nothing', async () => {
  await inFolder(async (folder) => {
    assert.equal(await holding([join(folder, 'none')], VALUE), 0);
    assert.equal(await holding([], VALUE), 0);
  });
  await assert.rejects(holding(['/proc/self/mem'], VALUE), /could not be searched: .*mem/);
});

test('what is compressed is not looked into, so nothing of ours may be', () => {
  assert.equal(
    writtenForms(VALUE).some((form) => gzipSync(VALUE).toString('latin1').includes(form)),
    false,
  );
});

test('all of a state is searched but programs, sockets and what is the agents’ own', async () => {
  await inFolder(async (state) => {
    for (const name of ['agents', 'gateway', 'ledger', 'lib', 'logs', 'run']) mkdirSync(join(state, name));
    writeFileSync(join(state, 'inbox.db'), '');
    assert.deepEqual(
      keptIn(state).map((path) => path.slice(state.length + 1)),
      ['gateway', 'inbox.db', 'ledger', 'logs'],
    );
  });
});
