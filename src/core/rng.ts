/**
 * Counter-based random streams (Threefry-2x32, 20 rounds). A stream is named by integers such as (seed,
 * stage, agent, prompt, sample), so its draws do not depend on batching, order of execution or resumption.
 * Bit-compatible with `jax.random.threefry_2x32`.
 * @see Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011
 * @module
 */
import { DomainError } from './errors.ts';

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const KEY_PARITY = 0x1bd11bda;

/**
 * The Threefry-2x32 block function. Maps a 64-bit key and a 64-bit counter to 64 random bits.
 *
 * @param out - the array into which the two 32-bit words are written [2]
 */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number, out: Uint32Array): void {
  const k2 = (k0 ^ k1 ^ KEY_PARITY) >>> 0;
  let x0 = (c0 + k0) >>> 0;
  let x1 = (c1 + k1) >>> 0;
  for (let group = 0; group < 5; group++) {
    const base = (group & 1) * 4;
    for (let i = 0; i < 4; i++) {
      const r = ROTATIONS[base + i] as number;
      x0 = (x0 + x1) >>> 0;
      x1 = ((x1 << r) | (x1 >>> (32 - r))) >>> 0;
      x1 = (x1 ^ x0) >>> 0;
    }
    const step = group + 1;
    const a = step % 3 === 0 ? k0 : step % 3 === 1 ? k1 : k2;
    const b = (step + 1) % 3 === 0 ? k0 : (step + 1) % 3 === 1 ? k1 : k2;
    x0 = (x0 + a) >>> 0;
    x1 = (x1 + b + step) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
}

/** A reproducible sequence of draws. The n-th draw depends only on the stream's name and n. */
export interface RandomStream {
  /** Draws a uniform number in [0, 1) with 53 random bits. */
  uniform(): number;
  /** Draws a uniform integer in 0..bound-1. @throws DomainError if bound is not a positive integer */
  int(bound: number): number;
  /** Draws a standard normal number (Box-Muller, one number per two uniform draws). */
  normal(): number;
  /**
   * Returns an independent stream whose name is this stream's name and `keys`; this stream does not advance.
   */
  child(...keys: readonly number[]): RandomStream;
  /**
   * Returns key and counter of the next draw, so that another process can draw the rest of the stream; this
   * stream does not advance.
   */
  position(): StreamPosition;
}

/**
 * Position of a stream. Its next draw is `threefry2x32(key0, key1, counter, 0)`; each draw increments the
 * counter.
 */
export interface StreamPosition {
  readonly key: readonly [number, number];
  readonly counter: number;
}

/**
 * Returns the stream with the name `keys`. Equal names give equal draws, different names independent draws.
 *
 * @param keys - integers, each 0 <= key < 2^53, e.g. (seed, stage, agent, prompt, sample)
 * @example
 * randomStream(1, 2).uniform() === randomStream(1, 2).uniform(); // => true
 */
export function randomStream(...keys: readonly number[]): RandomStream {
  const name = new Uint32Array(2);
  return fold(name, keys);
}

function fold(from: Uint32Array, keys: readonly number[]): RandomStream {
  const key = Uint32Array.from(from);
  for (const value of keys) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new DomainError(`randomStream: expected keys that are integers >= 0, got ${value}`);
    // the derivation of keys sets the top bit of the high counter word and draws do not, so the two never use
    // the same block
    threefry2x32(key[0], key[1], value >>> 0, (Math.floor(value / 2 ** 32) | 0x80000000) >>> 0, key);
  }
  return new ThreefryStream(key);
}

class ThreefryStream implements RandomStream {
  readonly #key: Uint32Array;
  readonly #block = new Uint32Array(2);
  #counter = 0;

  constructor(key: Uint32Array) {
    this.#key = key;
  }

  uniform(): number {
    threefry2x32(this.#key[0], this.#key[1], this.#counter++ >>> 0, 0, this.#block);
    return ((this.#block[0] >>> 5) * 67108864 + (this.#block[1] >>> 6)) / 9007199254740992;
  }

  int(bound: number): number {
    if (!Number.isSafeInteger(bound) || bound < 1)
      throw new DomainError(`RandomStream.int: expected an integer bound >= 1, got ${bound}`);
    return Math.floor(this.uniform() * bound);
  }

  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  child(...keys: readonly number[]): RandomStream {
    return fold(this.#key, keys);
  }

  position(): StreamPosition {
    return { key: [this.#key[0], this.#key[1]], counter: this.#counter };
  }
}
