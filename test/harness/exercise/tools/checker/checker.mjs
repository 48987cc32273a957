#!/usr/bin/env node
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { sum } = await import(pathToFileURL(`${process.cwd()}/sum.mjs`));
assert.equal(sum(2, 3), 5);
writeFileSync('tested.txt', 'sum is right\n');
