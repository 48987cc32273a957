import assert from 'node:assert/strict';
import test from 'node:test';
import { readHey } from '../../bench/clients/hey.ts';

const said = (bytes: number, ...rest: string[]): string =>
  `\nSummary:\n  Total:\t3.0105 secs\n  Requests/sec:\t366.5\n  \n  Total data:\t${bytes} bytes\n  Size/request:\t200 bytes\n\nStatus code distribution:\n${rest.join('\n')}\n`;

test('what the light client says is its requests and their seconds', () => {
  assert.deepEqual(readHey('way', said(20_000, '  [200]\t100 responses')), { requests: 100, seconds: 3.0105 });
});

test('a refusal, a failed request, another size and no answer at all are no figures', () => {
  const error = '\nError distribution:\n  [1]\tGet "https://origin.test/200": EOF';
  for (const [bytes, ...rest] of [
    [20_000, '  [403]\t100 responses'],
    [20_000, '  [200]\t99 responses', '  [502]\t1 responses'],
    [20_000, '  [200]\t100 responses', error],
    [19_999, '  [200]\t100 responses'],
    [0],
  ] as const)
    assert.throws(() => readHey('way', said(bytes, ...rest)), /^Error: way: Status code/, rest.join());
});
