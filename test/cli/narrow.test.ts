import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlastRadius } from '../../src/model/documents.ts';
import type { UsageEntry } from '../../src/model/usage.ts';
import type { Screen } from '../../src/programs/cli/call.ts';
import { renderMap } from '../../src/programs/cli/render/map.ts';
import { wrapped } from '../../src/programs/cli/render/table.ts';
import { renderUsage } from '../../src/programs/cli/render/usage.ts';

const screen = (width: number): Screen => ({ width, now: 0, style: (_, text) => text, write: () => {} });
const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length));

const USED: UsageEntry = {
  ...{ agent: 'researcher', day: '2026-11-21', requests: 12_345, up: 1536 * 1024, down: 3 * 1024 ** 3, runs: 30 },
  tokens: { input: 1_234_567, output: 200_000, cacheWrite: 0, cacheWriteHour: 0, cacheRead: 9_999_999 },
  ...{ answers: 12, unsaid: { answers: 0, atMost: 0 }, money: 12.345678, unpriced: [], refused: 7, caps: [] },
};

test('what an agent has used fits a terminal of 80 columns, with nothing left out', () => {
  const narrow = renderUsage({ usage: [USED] }, screen(80));
  assert.ok(widest(narrow) <= 80, narrow);
  const wide = renderUsage({ usage: [USED] }, screen(140));
  assert.equal(wide.split('\n').length, 2, wide);
  const words = (text: string): string[] => [...new Set(text.split(/\s{2,}|\n/).filter(Boolean))].sort();
  assert.deepEqual(words(narrow), words(wide));
});

test('a command at the end of a text, which is to be copied, is not cut in two', () => {
  const text = 'ANTHROPIC_API_KEY is not set, so requests with it are refused: bulkhead secrets set anthropic-coder';
  for (let width = 45; width < 110; width++) {
    const lines = wrapped(text, width);
    assert.ok(lines.at(-1)?.endsWith('bulkhead secrets set anthropic-coder'), `${width}`);
    assert.ok(lines.every((line) => line.length <= width));
    assert.equal(lines.join(' '), text);
  }
  assert.equal(wrapped(text, 20).join(' '), text, 'where it does not fit it is cut');
});

test('what an agent may reach and use stands line by line where more is said than names', () => {
  const one = {
    ...{ name: 'a', sentence: 'If a is hijacked.', read: [], write: [], ask: [], cannot: [] },
    run: { code: 'listed', because: [], sets: [], allow: [], deny: [], own: 'never' },
    reach: ['a.test:443 (only GET POST /v1/** /v2/**)', 'b.test:443'],
    spend: { memory: 1, processes: 1, cpu: 1, disk: 1 },
    use: ['the secret x at a.test:443, without holding it', 'the secret y at b.test:443, without holding it'],
  } as BlastRadius;
  const lines = renderMap({ agents: [one] }, screen(100)).split('\n');
  assert.deepEqual(
    lines.filter((line) => /test:443/.test(line)),
    [
      '  reach     a.test:443 (only GET POST /v1/** /v2/**)',
      '            b.test:443',
      '  use       the secret x at a.test:443, without holding it',
      '            the secret y at b.test:443, without holding it',
    ],
  );
});
