import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY_EDGE, edgeRoot, grow } from '../../src/ledger/edge.ts';
import { verifyConsistency, verifyInclusion } from '../../src/ledger/proof.ts';
import { partialTiles, TILE_WIDTH } from '../../src/ledger/tiles.ts';
import {
  consistencyProof,
  EMPTY_ROOT,
  type Hash,
  type HashAt,
  inclusionProof,
  leafHash,
  nodeHash,
  rangeHash,
  rootOf,
} from '../../src/ledger/tree.ts';

const SEED = { seed: 6962 };

// The eight inputs and nine roots with which Certificate Transparency logs have always been tested.
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'];
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
];
const LEAVES = INPUTS.map((hex) => leafHash(Buffer.from(hex, 'hex')));

function perfect(leaves: readonly Hash[]): HashAt {
  return (level, index) => rootOf(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level));
}

/** MTH as section 2.1 of RFC 6962 writes it down, and nothing else. */
function reference(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return EMPTY_ROOT;
  if (leaves.length === 1) return leaves[0] as Hash;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(reference(leaves.slice(0, k)), reference(leaves.slice(k)));
}

const many = (count: number): Hash[] => Array.from({ length: count }, (_, i) => leafHash(Buffer.from(`entry ${i}`)));

test('leaf, node and empty hashes are the published ones', () => {
  assert.equal(
    leafHash(Buffer.from('L123456')).toString('hex'),
    '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
  );
  assert.equal(EMPTY_ROOT.toString('hex'), ROOTS[0]);
});

test('trees of 0 to 8 entries have the published roots, whichever way they are computed', () => {
  for (let size = 0; size <= 8; size++) {
    const leaves = LEAVES.slice(0, size);
    assert.equal(rootOf(leaves).toString('hex'), ROOTS[size]);
    assert.equal(rangeHash(0, size, perfect(leaves)).toString('hex'), ROOTS[size]);
    assert.equal(edgeRoot(grow(EMPTY_EDGE, leaves).edge).toString('hex'), ROOTS[size]);
  }
});

test('the seven-leaf tree of RFC 6962 section 2.1.3 has the paths and proofs that the section names', () => {
  const at = perfect(LEAVES.slice(0, 7));
  const [a, b, c, d, e, f, j] = LEAVES as [Hash, Hash, Hash, Hash, Hash, Hash, Hash];
  const [g, h, i] = [nodeHash(a, b), nodeHash(c, d), nodeHash(e, f)];
  const k = nodeHash(g, h);
  const l = nodeHash(i, j);
  assert.deepEqual(inclusionProof(0, 7, at), [b, h, l]);
  assert.deepEqual(inclusionProof(3, 7, at), [c, g, l]);
  assert.deepEqual(inclusionProof(4, 7, at), [f, j, k]);
  assert.deepEqual(inclusionProof(6, 7, at), [i, k]);
  assert.deepEqual(consistencyProof(3, 7, at), [c, d, g, l]);
  assert.deepEqual(consistencyProof(4, 7, at), [l]);
  assert.deepEqual(consistencyProof(6, 7, at), [i, j, k]);
});

test('the growing edge gives the root of the definition, however the leaves are cut into batches', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 5 }), (batches) => {
      const leaves = many(batches.reduce((sum, n) => sum + n, 0));
      let edge = EMPTY_EDGE;
      let at = 0;
      for (const count of batches) {
        const grown = grow(edge, leaves.slice(at, at + count));
        for (const tile of grown.full)
          assert.deepEqual(tile.hashes, leaves.slice(tile.index * TILE_WIDTH, (tile.index + 1) * TILE_WIDTH));
        edge = grown.edge;
        at += count;
      }
      assert.deepEqual(edgeRoot(edge), reference(leaves));
    }),
    { ...SEED, numRuns: 50 },
  );
});

test('a tree of 70,000 has a full tile of level 1 and partial tiles of 112, 17 and 1', () => {
  const { edge, full } = grow(EMPTY_EDGE, many(70_000));
  assert.equal(full.filter(({ level }) => level === 0).length, 273);
  assert.deepEqual(
    full.filter(({ level }) => level > 0).map(({ level, index }) => [level, index]),
    [[1, 0]],
  );
  assert.deepEqual(
    partialTiles(70_000).map(({ width }) => width),
    [112, 17, 1],
  );
  for (const { level, width } of partialTiles(70_000)) assert.equal(edge.levels[level]?.length, width);
});

test('every entry of every tree can be proved, and the proof holds for no other place, size, root or leaf', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 80 }), fc.nat(), fc.nat(), fc.nat(), (size, a, b, c) => {
      const leaves = many(size);
      const root = reference(leaves);
      const index = a % size;
      const proof = inclusionProof(index, size, perfect(leaves));
      const leaf = leaves[index] as Hash;
      assert.ok(verifyInclusion(leaf, index, size, root, proof));
      const other = b % size;
      if (other !== index) assert.ok(!verifyInclusion(leaf, other, size, root, proof));
      assert.ok(!verifyInclusion(leaf, index, size, flip(root, c), proof));
      assert.ok(!verifyInclusion(flip(leaf, c), index, size, root, proof));
      assert.ok(!verifyInclusion(leaf, index, size, root, [...proof, root]));
      if (proof.length > 0) {
        assert.ok(!verifyInclusion(leaf, index, size, root, proof.slice(1)));
        assert.ok(!verifyInclusion(leaf, index, size, root, [flip(proof[0] as Hash, c), ...proof.slice(1)]));
      }
    }),
    { ...SEED, numRuns: 200 },
  );
});

test('every tree can be proved to continue every earlier one, and no other', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 80 }), fc.nat(), fc.nat(), (second, a, c) => {
      const leaves = many(second);
      const first = 1 + (a % second);
      const [one, two] = [reference(leaves.slice(0, first)), reference(leaves)];
      const proof = consistencyProof(first, second, perfect(leaves));
      assert.ok(verifyConsistency(first, second, one, two, proof));
      assert.ok(!verifyConsistency(first, second, flip(one, c), two, proof));
      assert.ok(!verifyConsistency(first, second, one, flip(two, c), proof));
      assert.ok(!verifyConsistency(first, second, one, two, [...proof, two]));
      if (proof.length > 0) {
        assert.ok(!verifyConsistency(first, second, one, two, proof.slice(0, -1)));
        assert.ok(!verifyConsistency(first, second, one, two, [...proof.slice(0, -1), flip(proof.at(-1) as Hash, c)]));
      }
    }),
    { ...SEED, numRuns: 200 },
  );
});

test('nonsense proves nothing: sizes that are no sizes, hashes that are no hashes', () => {
  const leaf = LEAVES[0] as Hash;
  assert.ok(!verifyInclusion(leaf, -1, 1, leaf, []));
  assert.ok(!verifyInclusion(leaf, 0, 0, leaf, []));
  assert.ok(!verifyInclusion(leaf, 0.5, 1, leaf, []));
  assert.ok(!verifyInclusion(leaf.subarray(1), 0, 1, leaf.subarray(1), []));
  assert.ok(!verifyConsistency(0, 1, EMPTY_ROOT, leaf, []));
  assert.ok(!verifyConsistency(2, 1, leaf, leaf, []));
  assert.ok(!verifyConsistency(1, 2 ** 60, leaf, leaf, []));
});

function flip(hash: Hash, bit: number): Hash {
  const other = Buffer.from(hash);
  const at = bit % 256;
  other.writeUInt8(other.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3);
  return other;
}
