import { expect, it } from 'vitest';
import type { Sequence } from '../../engine.ts';
import { KeptStates } from './kept-states.ts';

const sequence = (token: number): Sequence => ({
  context: Int32Array.of(token),
  tokens: Int32Array.of(token),
});
const [a, b] = [sequence(1), sequence(2)] as const;

it('finds the states of the same sequences in the same order under the same weights alone', () => {
  const kept = new KeptStates();
  const states = [Float32Array.of(1)];
  expect(kept.find(3, [a, b])).toBeUndefined();
  kept.keep(3, [a, b], states);
  expect(kept.find(3, [a, b])).toBe(states);
  expect(kept.find(4, [a, b])).toBeUndefined();
  expect(kept.find(3, [b, a])).toBeUndefined();
  expect(kept.find(3, [a])).toBeUndefined();
  expect(kept.find(3, [a, sequence(2)])).toBeUndefined();
});

it('drops the kept states before it collects others, and collects at most 128 MiB', () => {
  const kept = new KeptStates();
  kept.keep(1, [a], [Float32Array.of(1)]);
  expect(kept.collect([a, b], 2 ** 24)).toEqual([]);
  expect(kept.find(1, [a])).toBeUndefined();
  expect(kept.collect([a, b], 2 ** 24 + 1)).toBeUndefined();
});
