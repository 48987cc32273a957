import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROGRAMS } from '../../src/programs/table.ts';
import { read, TOP } from '../tree/sources.ts';
import { picture, programTable, withPicture } from './picture.ts';

for (const [path, draw] of [
  ['README.md', picture],
  ['ARCHITECTURE.md', programTable],
] as const)
  test(`${path} shows who runs as whom as the table has it (UPDATE_GOLDEN=1 writes it anew)`, () => {
    const document = read(path);
    const fresh = withPicture(document, draw());
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(join(TOP, path), fresh);
    else assert.equal(document, fresh);
  });

test('a program more, or another user, is another picture', () => {
  const [warden, gateway, ledger] = PROGRAMS;
  assert.ok(warden && gateway && ledger);
  for (const draw of [picture, programTable]) {
    assert.notEqual(draw([warden, gateway]), draw());
    assert.notEqual(draw([warden, { ...gateway, user: 'root' }, ledger]), draw());
  }
});
