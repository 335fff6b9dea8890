/**
 * Hash of text, used for dataset splits: the split of a problem depends on its canonical key only, not on the seed,
 * the order of options or the machine.
 * @see http://www.isthe.com/chongo/tech/comp/fnv/ (FNV-1a, 32 bits)
 * @module
 */
import { threefry2x32 } from './rng.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Every JavaScript runtime has TextEncoder; the core compiles without the types of Node and of browsers. */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
const utf8 = new TextEncoder();

/**
 * FNV-1a over the UTF-8 bytes of a text.
 *
 * @returns unsigned 32-bit integer
 *
 * @example
 * fnv1a('a'); // => 0xe40c292c
 */
export function fnv1a(text: string): number {
  let hash = FNV_OFFSET;
  for (const byte of utf8.encode(text)) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/**
 * Bucket of a key, uniform over 0..`buckets` - 1. One Threefry block mixes the FNV-1a hash, because the low bits of
 * FNV-1a are not independent for short keys that differ in their last digit.
 *
 * @param key - canonical name of a problem
 * @param buckets - number of buckets, 1 to 2^32
 * @returns integer, 0..`buckets` - 1
 */
export function bucketOf(key: string, buckets: number): number {
  const mixed = new Uint32Array(2);
  threefry2x32(fnv1a(key), key.length, 0, 0, mixed);
  return Math.floor((mixed[0] / 2 ** 32) * buckets);
}
