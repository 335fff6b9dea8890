/**
 * From the residual stream after the last layer to logits: final norm, output projection, soft-capping.
 * @see head-graphs.ts for the sliced LM head of training, which never materializes the full logits
 * @module
 */
import type { Value } from '../graph/graph.ts';
import { linear, rmsNorm, softcap, transpose, transposedMatmul } from '../graph/ops.ts';
import type { Tape } from '../graph/tape.ts';
import type { DecoderConfig } from './config.ts';
import { LARGE_MATRIX, type LayerParts, normFactors, type WeightValues } from './layers.ts';
import { upcast } from './weight-inputs.ts';

/**
 * Emits the final norm and the output projection: from rows [.., D] of the residual stream (with `fewRows`
 * [B, D]) to logits [.., V].
 */
export function outputLogits(
  parts: Pick<LayerParts, 'tape' | 'config' | 'fewRows'>,
  weights: WeightValues,
  rows: Value,
): Value {
  const { tape, config } = parts;
  const head = weights.get(config.tiedEmbeddings ? 'embed_tokens' : 'lm_head') as Value;
  const normed = finalNorm(tape, config, weights.get('norm') as Value, rows);
  return cappedLogits(tape, config, headProduct(parts, head, normed));
}

/**
 * Maximum number of elements of a bfloat16 output matrix that are cast to float32 at a time: 64 MiB in
 * float32.
 */
const UPCAST_ELEMENTS = 2 ** 24;

/** Multiplies rows by the output matrix; a bfloat16 matrix, which is frozen, is cast to float32 slice by slice. */
function headProduct(
  { tape, config, fewRows }: Pick<LayerParts, 'tape' | 'config' | 'fewRows'>,
  table: Value,
  rows: Value,
): Value {
  const { hiddenSize, vocabSize } = config;
  const { graph } = tape;
  const isTransposed = fewRows === true && vocabSize * hiddenSize >= LARGE_MATRIX;
  const product = (matrix: Value, out: number): Value =>
    isTransposed
      ? transposedMatmul(graph, rows, matrix)
      : linear(tape, rows, matrix, { in: hiddenSize, out });
  const slices: Value[] = [];
  const size = Math.max(1, Math.floor(UPCAST_ELEMENTS / hiddenSize));
  if (table.dtype === 'float32') slices.push(product(table, vocabSize));
  else
    for (let first = 0; first < vocabSize; first += size) {
      const bounds = [[first], [Math.min(vocabSize, first + size)], [0]].map((ints) => graph.ints(ints));
      slices.push(product(upcast(graph, graph.op('Slice', [table, ...bounds])), 0));
    }
  const [only] = slices;
  const axis = isTransposed ? 0 : -1;
  const logits = slices.length === 1 ? (only as Value) : graph.op('Concat', slices, { attributes: { axis } });
  return isTransposed ? transpose(graph, logits) : logits;
}

/** Applies the norm before the output projection. */
export function finalNorm(tape: Tape, config: DecoderConfig, weight: Value, rows: Value): Value {
  const { hiddenSize: width, normEpsilon: epsilon } = config;
  return rmsNorm(tape, rows, normFactors(tape, config, weight), { width, epsilon });
}

/** Applies soft-capping to the logits, if the config has it. */
export function cappedLogits(tape: Tape, config: DecoderConfig, logits: Value): Value {
  return config.logitSoftcap === undefined ? logits : softcap(tape, logits, config.logitSoftcap);
}
