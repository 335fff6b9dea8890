/**
 * Hash of text, used to assign a problem to a dataset split. The split depends only on the problem's
 * canonical key, and not on the seed, the order of options or the machine.
 * @see http://www.isthe.com/chongo/tech/comp/fnv/ (FNV-1a, 32 bits)
 * @module
 */
import { threefry2x32 } from './rng.ts';

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/**
 * Declared here because the core compiles without the types of Node and of browsers. Every JavaScript runtime
 * has TextEncoder.
 */
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
const utf8 = new TextEncoder();

/**
 * Returns the FNV-1a hash of a text's UTF-8 bytes.
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
 * Returns the bucket of a key, uniform over 0..`buckets` - 1. The FNV-1a hash is mixed by one Threefry block,
 * because its low bits are not independent for short keys that differ in the last digit.
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
