/**
 * `troupe/core`: the algorithm as pure functions on plain arrays.
 * @module
 */
export * from './advantage.ts';
export * from './rng.ts';
export * from './trust-region.ts';
