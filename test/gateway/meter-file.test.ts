import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { agentName } from '../../src/model/names.ts';
import { Prices } from '../../src/policy/meter/prices.ts';
import { Meter } from '../../src/programs/gateway/usage/meter.ts';

const coder = agentName('coder');

function inFolder(work: (dir: string) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'bh-meter-'));
  try {
    work(dir);
  } finally {
    removeTree(dir);
  }
}

function days(dir: string): { requests: number }[] {
  const text = readFileSync(join(dir, 'usage', 'coder.jsonl'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
}

test('requests that are counted together are in the file, in one line, once that was written', () =>
  inFolder((dir) => {
    const meter = new Meter(dir, coder);
    meter.request(false);
    const before = days(dir).length;
    for (let i = 0; i < 3; i++) assert.equal(meter.count(false), undefined);
    assert.equal(days(dir).at(-1)?.requests, 1, 'not yet');
    for (let i = 0; i < 3; i++) assert.equal(meter.written(), undefined);
    assert.equal(days(dir).at(-1)?.requests, 4);
    assert.equal(days(dir).length, before + 1);
    assert.equal(new Meter(dir, coder).today.requests, 4);
  }));

test('what was counted and cannot be written down stops each of those who were counted, where there is a cap', () =>
  inFolder((dir) => {
    writeFileSync(join(dir, 'usage'), 'no folder');
    const meter = new Meter(dir, coder);
    for (let i = 0; i < 3; i++) meter.count(false);
    assert.equal(meter.written(), undefined, 'no cap');
    meter.rule({ requests: 100 }, 0, new Prices());
    for (let i = 0; i < 3; i++) assert.equal(meter.count(false), undefined);
    for (let i = 0; i < 3; i++) assert.match(meter.written()?.why ?? '', /cannot be written down/);
    rmSync(join(dir, 'usage'));
    assert.equal(meter.request(false), undefined, 'there is room again');
    assert.equal(days(dir).at(-1)?.requests, 7);
  }));

test('the cap counts those who are not written down yet', () =>
  inFolder((dir) => {
    const meter = new Meter(dir, coder);
    meter.rule({ requests: 2 }, 0, new Prices());
    assert.equal(meter.count(false), undefined);
    assert.equal(meter.count(false), undefined);
    assert.equal(meter.count(false)?.cap, 'requests');
  }));
