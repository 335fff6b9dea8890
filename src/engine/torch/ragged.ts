/**
 * Encodes rows of different lengths in frames, as one flat array and an array of lengths.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { Sequence } from '../engine.ts';
import type { Frame, WireArray } from './frames.ts';

/** Encodes rows as the arrays `<name>` and `<name>_lengths`. */
export function ragged<A extends Int32Array | Float32Array>(
  name: string,
  rows: readonly ArrayLike<number>[],
  type: new (length: number) => A,
): Record<string, WireArray> {
  const flat = new type(rows.reduce((sum, row) => sum + row.length, 0));
  let place = 0;
  for (const row of rows) {
    flat.set(row, place);
    place += row.length;
  }
  return { [name]: flat, [`${name}_lengths`]: Int32Array.from(rows, (row) => row.length) };
}

/** Encodes sequences as the ragged arrays `context` and `tokens`. */
export function sequenceArrays(sequences: readonly Sequence[]): Record<string, WireArray> {
  return {
    ...ragged(
      'context',
      sequences.map(({ context }) => context),
      Int32Array,
    ),
    ...ragged(
      'tokens',
      sequences.map(({ tokens }) => tokens),
      Int32Array,
    ),
  };
}

/** Decodes rows of float32; each row is a copy. @throws EngineError if the arrays are missing */
export function floatRows(frame: Frame, name: string): Float32Array[] {
  return rows(frame, name, Float32Array);
}

/** Decodes rows of int32; each row is a copy. @throws EngineError if the arrays are missing */
export function intRows(frame: Frame, name: string): Int32Array[] {
  return rows(frame, name, Int32Array);
}

function rows<A extends Int32Array | Float32Array>(
  { arrays }: Frame,
  name: string,
  type: abstract new (...args: never[]) => A,
): A[] {
  const flat = arrays.get(name);
  const lengths = arrays.get(`${name}_lengths`);
  if (!(flat instanceof type) || !(lengths instanceof Int32Array))
    throw new EngineError(`engine torch: expected an array "${name}" from the worker, got none`);
  let place = 0;
  return Array.from(lengths, (length) => {
    place += length;
    return flat.slice(place - length, place) as A;
  });
}
