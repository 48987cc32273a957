import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseLine } from '../../src/programs/cli/parse.ts';
import { TABLE } from '../../src/programs/cli/table.ts';
import { parsed } from '../config/reading.ts';
import { read } from '../tree/sources.ts';

/** The command lines of ours that a page shows in its blocks, as words; what a shell would do with the rest is left out. */
function shown(path: string): string[][] {
  const fenced = [...read(path).matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm)];
  const blocks = fenced.flatMap(([, language, block]) => (language === '' ? (block ?? '').split('\n') : []));
  return blocks
    .flatMap((line) => /^(?:\$ )?(?:.*[; ] ?)?\.\/bulkhead(?: (.*))?$/.exec(line)?.[1] ?? [])
    .map((line) =>
      [...line.matchAll(/"[^"]*"|'[^']*'|[^\s"']+/g)].map(([word]) => word.replace(/^(["'])(.*)\1$/, '$2')),
    )
    .map((words) => words.slice(0, words.includes('#') ? words.indexOf('#') : words.length));
}

for (const path of ['README.md', 'LIMITS.md'])
  test(`every command line that ${path} shows is one that we have`, () => {
    const lines = shown(path);
    assert.ok(lines.length > 5, 'the blocks of the page are not found');
    for (const words of lines) assert.equal(parseLine(TABLE, words).kind, 'command', words.join(' '));
  });

test('the smallest fleet of the README is one', () => {
  const [, smallest] = /^## The smallest fleet\n+```yaml\n([\s\S]*?)```/m.exec(read('README.md')) ?? [];
  assert.equal(parsed(smallest ?? '').agents.length, 1);
});

test('what the README says is not there yet is not among the commands', () => {
  const names = TABLE.map(({ name }) => name);
  for (const later of ['secrets', 'snapshot', 'rehearse', 'audit', 'incident', 'updates'])
    assert.ok(!names.includes(later), `${later} is there now: say so in the README`);
});
