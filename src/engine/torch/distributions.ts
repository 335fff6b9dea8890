/**
 * Requests full-vocabulary distributions from a worker, in calls whose results fit into memory on both sides.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { Sequence } from '../engine.ts';
import type { Frame } from './frames.ts';

/** Maximum number of log-probabilities in one response. */
const MAX_ELEMENTS = 2 ** 24;

/**
 * Requests the distributions of all sequences.
 *
 * @param ask - makes a call for some sequences; the worker answers with one frame per sequence
 * @param visit - called once per sequence with its rows [T, V]
 */
export async function askDistributions(
  ask: (part: readonly Sequence[], onFrame: (frame: Frame) => void) => Promise<unknown>,
  sequences: readonly Sequence[],
  {
    vocabSize,
    visit,
  }: { readonly vocabSize: number; readonly visit: (index: number, logp_TV: Float32Array) => void },
): Promise<void> {
  for (const [first, part] of groups(sequences, vocabSize))
    await ask(part, ({ header, arrays }) => {
      const logp = arrays.get('logp');
      if (!(logp instanceof Float32Array))
        throw new EngineError('engine torch: expected an array "logp" from the worker, got none');
      visit(first + Number(header.index), logp);
    });
}

/**
 * Splits sequences into consecutive groups under the limit. Yields each group with the index of its first
 * sequence.
 */
function* groups(
  sequences: readonly Sequence[],
  vocabSize: number,
): Iterable<readonly [number, readonly Sequence[]]> {
  let first = 0;
  let numbers = 0;
  for (const [index, { tokens }] of sequences.entries()) {
    const own = tokens.length * vocabSize;
    if (index > first && numbers + own > MAX_ELEMENTS) {
      yield [first, sequences.slice(first, index)];
      first = index;
      numbers = 0;
    }
    numbers += own;
  }
  if (first < sequences.length) yield [first, sequences.slice(first)];
}
