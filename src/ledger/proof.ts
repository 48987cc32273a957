import { HASH_BYTES, type Hash, nodeHash } from './tree.ts';

/** Checks proofs that somebody else made; every argument may be hostile. False is the only answer to a bad one. */
function sound(...hashes: readonly Hash[]): boolean {
  return hashes.every((hash) => hash.length === HASH_BYTES);
}

function size(n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0;
}

const half = (n: number): number => Math.floor(n / 2);
const odd = (n: number): boolean => n % 2 === 1;

/** RFC 9162 section 2.1.3.2. */
export function verifyInclusion(
  leaf: Hash,
  index: number,
  treeSize: number,
  root: Hash,
  proof: readonly Hash[],
): boolean {
  if (!size(index) || !size(treeSize) || index >= treeSize || !sound(leaf, root, ...proof)) return false;
  let fn = index;
  let sn = treeSize - 1;
  let r = leaf;
  for (const p of proof) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      r = nodeHash(p, r);
      while (!odd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else r = nodeHash(r, p);
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && r.equals(root);
}

/** RFC 9162 section 2.1.4.2; equal sizes need equal roots and an empty proof. An empty first tree proves nothing: false. */
export function verifyConsistency(
  first: number,
  second: number,
  firstRoot: Hash,
  secondRoot: Hash,
  proof: readonly Hash[],
): boolean {
  if (!size(first) || !size(second) || !sound(firstRoot, secondRoot, ...proof)) return false;
  if (first === 0 || first > second) return false;
  if (first === second) return proof.length === 0 && firstRoot.equals(secondRoot);
  const powerOfTwo = Number.isInteger(Math.log2(first)) && 2 ** Math.log2(first) === first;
  const path = powerOfTwo ? [firstRoot, ...proof] : [...proof];
  const start = path.shift();
  if (start === undefined) return false;
  let fn = first - 1;
  let sn = second - 1;
  while (odd(fn)) {
    fn = half(fn);
    sn = half(sn);
  }
  let fr = start;
  let sr = start;
  for (const c of path) {
    if (sn === 0) return false;
    if (odd(fn) || fn === sn) {
      fr = nodeHash(c, fr);
      sr = nodeHash(c, sr);
      while (!odd(fn) && fn !== 0) {
        fn = half(fn);
        sn = half(sn);
      }
    } else sr = nodeHash(sr, c);
    fn = half(fn);
    sn = half(sn);
  }
  return sn === 0 && fr.equals(firstRoot) && sr.equals(secondRoot);
}
