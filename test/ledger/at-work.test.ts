import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LedgerFiles, readBundle } from '../../src/ledger/files.ts';
import { encodeBundle, TILE_WIDTH, tilePath } from '../../src/ledger/tiles.ts';

/** What a reader finds in the folder of one bundle, look by look: the widths that are there, and which of them is cut short. */
interface Look {
  readonly listed: readonly number[];
  readonly there: readonly number[];
  readonly half?: number;
}

const bundle = (width: number): Buffer => encodeBundle(Array.from({ length: width }, (_, i) => Buffer.from(`${i}`)));

function folder(...looks: readonly Look[]): LedgerFiles {
  let at = -1;
  return {
    list: async () => {
      at = Math.min(at + 1, looks.length - 1);
      return (looks[at]?.listed ?? []).map(String);
    },
    read: async (path) => {
      const { there = [], half } = looks[at] ?? {};
      const width = there.find((one) => path === tilePath('entries', 7, one));
      if (width === undefined) return undefined;
      return width === half ? bundle(width).subarray(0, 40) : bundle(width);
    },
  };
}

const FOUND = { kind: 'found', items: Array.from({ length: 44 }, (_, i) => Buffer.from(`${i}`)) };

for (const [what, ...looks] of [
  ['the next one is being written', { listed: [150, 94], there: [150, 94], half: 150 }],
  ['it was taken away since it was seen', { listed: [94], there: [] }, { listed: [120], there: [120] }],
  ['it became a full one since', { listed: [94], there: [] }, { listed: [], there: [TILE_WIDTH] }],
  ['the full one is being written', { listed: [94], there: [94, TILE_WIDTH], half: TILE_WIDTH }],
] as const satisfies readonly (readonly [string, ...Look[]])[])
  test(`a ledger at work has a wider bundle in place of one: it is read, also where ${what}`, async () => {
    assert.deepEqual(await readBundle(folder(...looks), 7, 44), FOUND);
  });

test('what is not there is missing, and what is cut short and stays so is altered', async () => {
  assert.deepEqual(await readBundle(folder({ listed: [12], there: [12] }), 7, 44), { kind: 'missing' });
  const cut = folder({ listed: [94], there: [94], half: 94 });
  assert.deepEqual(await readBundle(cut, 7, 44), { kind: 'altered' });
});
