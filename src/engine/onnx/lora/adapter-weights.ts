/**
 * Initialization of adapter weights, and merging of an adapter into its base.
 * @module
 */
import type { RandomStream } from '../../../core/rng.ts';
import { type AdapterShape, adapterScale } from '../decoder/adapter.ts';
import type { DecoderConfig } from '../decoder/config.ts';
import {
  adapterSpecs,
  layerParameter,
  parameterSize,
  projections,
  type Weights,
} from '../decoder/parameters.ts';

/**
 * Returns the weights of a new adapter, whose increment B A x is 0: B is 0, and A is uniform in
 * ±1/sqrt(columns), the distribution that PEFT uses (Kaiming uniform with a = sqrt(5)). Each parameter has
 * its own random stream.
 */
export function initialAdapter(config: DecoderConfig, shape: AdapterShape, stream: RandomStream): Weights {
  return new Map(
    adapterSpecs(config, shape).map((spec, index) => {
      const values = new Float32Array(parameterSize(spec));
      if (spec.name.endsWith('.lora_a')) {
        const bound = 1 / Math.sqrt(spec.shape[1] as number);
        const draws = stream.child(index);
        for (let i = 0; i < values.length; i++) values[i] = bound * (2 * draws.uniform() - 1);
      }
      return [spec.name, values];
    }),
  );
}

/**
 * Merges an adapter into its base: computes W + scale B A for every matrix with an adapter, with sums in
 * float64.
 *
 * @param parts.base - base weights by parameter name; not changed
 * @returns all weights of the merged model
 */
export function mergedWeights(
  config: DecoderConfig,
  shape: AdapterShape,
  { base, adapter }: { readonly base: Weights; readonly adapter: Weights },
): Weights {
  const merged = new Map(base);
  const scale = adapterScale(shape);
  for (let l = 0; l < config.layers; l++)
    for (const { role, in: columns, parts } of Object.values(projections(config))) {
      const name = layerParameter(l, role);
      const a = adapter.get(`${name}.lora_a`);
      const b = adapter.get(`${name}.lora_b`);
      if (!a || !b) continue;
      const w = Float32Array.from(base.get(name) as Float32Array);
      let [row, part0, bRow] = [0, 0, 0];
      for (const { target, rows } of parts) {
        if (shape.targets.includes(target)) {
          addProduct(
            {
              w: w.subarray(row * columns),
              a: a.subarray(part0 * shape.rank * columns),
              b: b.subarray(bRow * shape.rank),
            },
            { rows, columns, rank: shape.rank, scale },
          );
          part0++;
          bRow += rows;
        }
        row += rows;
      }
      merged.set(name, w);
    }
  return merged;
}

/** Adds scale b a to w, where w is [rows, columns], b is [rows, rank] and a is [rank, columns]. */
function addProduct(
  { w, a, b }: { readonly w: Float32Array; readonly a: Float32Array; readonly b: Float32Array },
  size: { readonly rows: number; readonly columns: number; readonly rank: number; readonly scale: number },
): void {
  const { rows, columns, rank, scale } = size;
  const sum = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    sum.fill(0);
    for (let k = 0; k < rank; k++) {
      const factor = scale * b[i * rank + k];
      if (factor === 0) continue;
      for (let j = 0; j < columns; j++) sum[j] += factor * a[k * columns + j];
    }
    for (let j = 0; j < columns; j++) w[i * columns + j] += sum[j];
  }
}
