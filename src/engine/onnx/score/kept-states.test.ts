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

it('does not keep states of more than 128 MiB', () => {
  const kept = new KeptStates();
  const states = [Float32Array.of(1)];
  kept.keep(1, [a], states);
  kept.keep(2, [a], [new Float32Array(2 ** 25 + 1)]);
  expect(kept.find(1, [a])).toBe(states);
  expect(kept.find(2, [a])).toBeUndefined();
});
