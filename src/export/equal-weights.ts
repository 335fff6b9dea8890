/**
 * Counts the trained weights that a rounding returns to the values of the base model.
 * @module
 */

import { openModelWeights } from '../gguf/model-files.ts';
import { storedValues, type WrittenType } from '../gguf/write-values.ts';
import type { ExportedWeights } from './merged-weights.ts';

/** Chooses the type of a tensor in an exported file. */
export type WeightTypeOf = (tensor: {
  readonly name: string;
  readonly shape: readonly number[];
}) => WrittenType;

export interface EqualWeights {
  /** Number of weights that training could change. */
  readonly trained: number;
  /** Number of trained weights whose rounded value equals the rounded value of the base. */
  readonly equal: number;
}

/**
 * Compares exported weights with those of the base model, both rounded to the types of the exported file.
 *
 * @param base - model folder or GGUF file of the base
 * @throws ConfigError if a file of the base is damaged
 */
export function countEqualWeights(
  { tensors, merged }: Pick<ExportedWeights, 'tensors' | 'merged'>,
  base: string,
  typeOf: WeightTypeOf,
): EqualWeights {
  const files = openModelWeights(base);
  try {
    let [trained, equal] = [0, 0];
    for (const { name, shape, values } of tensors) {
      if (merged !== undefined && !merged.has(name)) continue;
      const before = files.read(name)?.values;
      if (before === undefined) continue;
      const type = typeOf({ name, shape });
      const [own, old] = [storedValues(values(), type), storedValues(before, type)];
      trained += own.length;
      for (let i = 0; i < own.length; i++) if (own[i] === old[i]) equal++;
    }
    return { trained, equal };
  } finally {
    files.close();
  }
}
