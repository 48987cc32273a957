import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StatusDocument } from '../../src/model/documents.ts';
import { probed } from './probing.ts';
import { NOT_ROOT, type Stand, withFleetBeside } from './stand.ts';

const FLEET = 'agents: { one: { egress-ask: true, limits: { disk: 64M } } }\n';

async function done(stand: Stand, ...args: string[]): Promise<void> {
  const { status, stdout, stderr } = await stand.bulkhead(args);
  assert.equal(status, 0, stdout + stderr);
}

test('an inbox that cannot be read is told by status, and what status says mends it', { skip: NOT_ROOT }, async () => {
  await withFleetBeside(FLEET, async (stand) => {
    const at = `${stand.state}/inbox.db`;
    const before = await probed(stand);
    assert.equal(before.status, 0, before.stdout);
    await done(stand, 'down');
    for (const log of ['-wal', '-shm']) rmSync(at + log, { force: true }); // SQLite would take what is in there instead
    writeFileSync(at, 'no database, and long enough to be taken for one'.repeat(100));
    assert.equal((await stand.bulkhead(['up'])).status, 1, 'as status says');
    const red = await stand.bulkhead(['status', '--probe', '--json']);
    assert.equal(red.status, 1, red.stdout);
    const [broken, ...others] = (red.json as StatusDocument).broken ?? [];
    assert.match(broken?.what ?? '', /inbox cannot be used \(file is not a database\)/);
    assert.deepEqual(others, []);
    const { stdout } = await stand.bulkhead(['status']);
    assert.match(
      stdout,
      /The inbox cannot be used(?:.|\n)*?\nMend it: mv -t \/var\/tmp .*inbox\.db\* && bulkhead down/,
    );
    assert.equal((await stand.bulkhead(['approvals'])).status, 1);

    const aside = join(stand.folder, 'aside');
    mkdirSync(aside);
    const [move = '', ...rest] = (broken?.mend ?? '').replace('/var/tmp', aside).split(' && ');
    assert.deepEqual(rest, ['bulkhead down', 'bulkhead up']);
    execFileSync('sh', ['-c', move]);
    assert.ok(readdirSync(aside).includes('inbox.db'));
    await done(stand, 'down');
    await done(stand, 'up');
    const mended = await probed(stand);
    assert.deepEqual([mended.status, (mended.json as StatusDocument).broken], [0, undefined], mended.stdout);
    assert.deepEqual((await stand.bulkhead(['approvals', '--json'])).json, { approvals: [] });
  });
});
