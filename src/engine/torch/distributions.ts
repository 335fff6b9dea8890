/**
 * Whole distributions across the wire: a call for as many messages as fit into memory on both sides.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { Sequence } from '../engine.ts';
import type { Frame } from './frames.ts';

/** Most numbers of one answer. */
const MAX_ELEMENTS = 2 ** 24;

/**
 * @param ask - for some messages; the worker says a frame per message
 * @param visit - called once per message with its rows [T, V]
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

/** Messages that follow each other, with the index of the first. */
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
