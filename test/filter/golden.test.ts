import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { describeFilter } from '../../src/tiers/filter/describe.ts';

for (const arch of ['x86_64', 'aarch64'] as const) {
  test(`the filter for ${arch} is the one that was looked at (UPDATE_GOLDEN=1 writes it anew)`, () => {
    const file = new URL(`../golden/filter-${arch}.txt`, import.meta.url);
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, describeFilter(arch));
    assert.equal(describeFilter(arch), readFileSync(file, 'utf8'));
  });
}
