/**
 * The output projection and softmax over slices of the vocabulary, so that logits [tokens, vocabulary] never
 * exist whole. With m and s the running maximum and sum of exponentials, log Z = m + log s needs one pass over
 * the slices; gradients and divergences, which are sums over the vocabulary once log Z is known, a second.
 *
 * States are normed rows [M, D], `w` a slice [N, D] of the output matrix, z = cap(h w^T) / temperature.
 *
 * @see vocabulary-head.ts, which runs them
 * @module
 */
import { Graph, type Value } from '../graph/graph.ts';
import { linear } from '../graph/ops.ts';
import { Tape } from '../graph/tape.ts';
import type { DecoderConfig } from './config.ts';
import type { GraphVariant } from './decode-graphs.ts';
import { cappedLogits, finalNorm, outputLogits } from './output.ts';
import { GraphWeights, upcast } from './weight-inputs.ts';

/** One side of a comparison: its states and its slice of the output matrix. */
interface Side {
  readonly h: Value;
  readonly w: Value;
  readonly z: Value;
}

class SliceBuilder {
  readonly graph = new Graph();
  readonly tape = new Tape(this.graph);
  readonly #config: DecoderConfig;
  readonly #variant: GraphVariant;
  readonly inverseTemperature: Value;

  constructor(config: DecoderConfig, variant: GraphVariant) {
    this.#config = config;
    this.#variant = variant;
    this.inverseTemperature = this.graph.input('inverse_temperature', []);
  }

  /**
   * Inputs h<suffix> and w<suffix>, and their scaled logits.
   *
   * @param kept - the logits are the input z<suffix>; what only they would need is not computed
   */
  side(suffix: '' | '_ref', kept = false): Side {
    const { hiddenSize: D } = this.#config;
    const isBfloat16 = this.#variant.storage === 'bfloat16';
    const h = this.graph.input(`h${suffix}`, ['M', D]);
    const fed = this.graph.input(`w${suffix}`, ['N', D], isBfloat16 ? 'uint16' : 'float32');
    const w = isBfloat16 ? upcast(this.graph, fed) : fed;
    // how long the slice is shows when the graph runs: 0 takes the axis as it is
    const logits = cappedLogits(this.tape, this.#config, linear(this.tape, h, w, { in: D, out: 0 }));
    const z = kept
      ? this.graph.input(`z${suffix}`, ['M', 'N'])
      : this.graph.op('Mul', [logits, this.inverseTemperature]);
    this.tape.record([z], [logits], ([dz]) => [this.graph.op('Mul', [dz, this.inverseTemperature])]);
    return { h, w, z };
  }

  column(name: string): Value {
    return this.graph.input(name, ['M', 1]);
  }

  op(type: string, ...inputs: Value[]): Value {
    return this.graph.op(type, inputs);
  }

  rowSum(value: Value): Value {
    return this.graph.op('ReduceSum', [value, this.graph.ints([-1])], { attributes: { keepdims: 1 } });
  }
}

/**
 * First pass. Inputs: h, w, local [M, 1] (place of the target in the slice, any place where it is in another),
 * inverse_temperature; with a reference h_ref, w_ref. Outputs [M, 1]: max, sum of exp(z - max), picked z of the
 * target; with a reference max_ref, sum_ref, and cross = sum of exp(z - max) (z - z_ref). With `logits` also
 * z, and z_ref [M, N].
 */
export function buildStatisticsGraph(
  config: DecoderConfig,
  variant: GraphVariant,
  options: { readonly reference: boolean; readonly logits: boolean },
): Uint8Array {
  const b = new SliceBuilder(config, variant);
  const { graph } = b;
  const local = graph.input('local', ['M', 1], 'int64');
  const statistics = (z: Value, suffix: '' | '_ref'): Value => {
    const max = graph.op('ReduceMax', [z, graph.ints([-1])], { attributes: { keepdims: 1 } });
    const e = b.op('Exp', b.op('Sub', z, max));
    if (options.logits) graph.output(z, `z${suffix}`);
    graph.output(max, `max${suffix}`);
    graph.output(b.rowSum(e), `sum${suffix}`);
    return e;
  };
  const { z } = b.side('');
  const e = statistics(z, '');
  graph.output(graph.op('GatherElements', [z, local], { attributes: { axis: 1 } }), 'picked');
  if (options.reference) {
    const { z: zRef } = b.side('_ref');
    statistics(zRef, '_ref');
    graph.output(b.rowSum(b.op('Mul', e, b.op('Sub', z, zRef))), 'cross');
  }
  return graph.build('statistics');
}

export interface HeadGradientOptions {
  readonly reference: boolean;
  readonly table: boolean;
  readonly kept: boolean;
}

/**
 * Second pass of training. Inputs: as above, and [M, 1]: log_z, hit (1 where the target is in this slice),
 * cotangents; with a reference log_ratio (log Z - log Z_ref), kl (of the whole row) and kl_weight []; with
 * `table` sum [N, D]. Outputs: dh [M, D], with `table` also dw [N, D], added to the sum; with a reference kl_part
 * [M, 1]. With `kept` also z, and z_ref: the logits of the first pass, which are not computed again.
 *
 * d/dz of cotangent * logp is cotangent (1[target] - p); of weight * KL it is weight p (d - KL) with
 * d = log p - log p_ref. At the reference d and KL are exactly 0, so the gradient is too (E37 relies on that).
 */
export function buildHeadGradientGraph(
  config: DecoderConfig,
  variant: GraphVariant,
  options: HeadGradientOptions,
): Uint8Array {
  const b = new SliceBuilder(config, variant);
  const { graph, tape } = b;
  const local = graph.input('local', ['M', 1], 'int64');
  const { h, w, z } = b.side('', options.kept);
  const p = b.op('Exp', b.op('Sub', z, b.column('log_z')));
  const cotangents = b.column('cotangents');
  const spread = b.op('Mul', p, b.op('Neg', cotangents));
  const hits = b.op('Mul', cotangents, b.column('hit'));
  let dz = graph.op('ScatterElements', [spread, local, hits], { attributes: { axis: 1, reduction: 'add' } });
  if (options.reference) {
    const { z: zRef } = b.side('_ref', options.kept);
    const d = b.op('Sub', b.op('Sub', z, zRef), b.column('log_ratio'));
    const product = b.op('Mul', p, d);
    graph.output(b.rowSum(product), 'kl_part');
    const centred = b.op('Sub', product, b.op('Mul', p, b.column('kl')));
    dz = b.op('Add', dz, b.op('Mul', centred, graph.input('kl_weight', [])));
  }
  if (options.table) tape.accumulateInto(w, graph.input('sum', ['N', config.hiddenSize]));
  const [dh, dw] = tape.gradients(new Map([[z, dz]]), options.table ? [h, w] : [h]);
  graph.output(dh as Value, 'dh');
  if (options.table) graph.output(dw as Value, 'dw');
  return graph.buildNeeded('head-gradient');
}

/**
 * Second pass of a comparison. Inputs: h, w, h_ref, w_ref, inverse_temperature, and [M, 1]: log_z, log_z_ref,
 * log_ratio. Outputs [M, 1], sums over the slice: kl_new_cur, kl_cur_new, tv (E27).
 */
export function buildHeadDivergenceGraph(config: DecoderConfig, variant: GraphVariant): Uint8Array {
  const b = new SliceBuilder(config, variant);
  const [{ z }, { z: zRef }] = [b.side(''), b.side('_ref')];
  const p = b.op('Exp', b.op('Sub', z, b.column('log_z')));
  const q = b.op('Exp', b.op('Sub', zRef, b.column('log_z_ref')));
  const d = b.op('Sub', b.op('Sub', z, zRef), b.column('log_ratio'));
  b.graph.output(b.rowSum(b.op('Mul', p, d)), 'kl_new_cur');
  b.graph.output(b.op('Neg', b.rowSum(b.op('Mul', q, d))), 'kl_cur_new');
  const distance = b.rowSum(b.op('Abs', b.op('Sub', p, q)));
  b.graph.output(b.op('Mul', distance, b.graph.scalar(0.5)), 'tv');
  return b.graph.build('head-divergence');
}

/** Rows [M, D] of the residual stream to normed ones: `h`. With gradients also dh -> dx and d:norm. */
export function buildFinalNormGraph(
  config: DecoderConfig,
  variant: GraphVariant,
  options: { readonly gradients: boolean },
): Uint8Array {
  const graph = new Graph();
  const tape = new Tape(graph);
  const weight = new GraphWeights(graph, config, variant).get('norm');
  const x = graph.input('x', ['M', config.hiddenSize]);
  const h = finalNorm(tape, config, weight, x);
  if (!options.gradients) {
    graph.output(h, 'h');
    return graph.build('final-norm');
  }
  const dh = graph.input('dh', ['M', config.hiddenSize]);
  const [dx, dweight] = tape.gradients(new Map([[h, dh]]), [x, weight]);
  graph.output(dx as Value, 'dx');
  graph.output(dweight as Value, 'dnorm');
  return graph.buildNeeded('final-norm-gradient');
}

/** Rows [M, D] of the residual stream to whole rows of logits [M, V], for the few rows that are drawn from. */
export function buildLogitsGraph(config: DecoderConfig, variant: GraphVariant): Uint8Array {
  const graph = new Graph();
  const weights = new GraphWeights(graph, config, variant);
  const names = ['norm', config.tiedEmbeddings ? 'embed_tokens' : 'lm_head'];
  const values = new Map(names.map((name) => [name, weights.table(name)]));
  const x = graph.input('x', ['M', config.hiddenSize]);
  graph.output(outputLogits({ tape: new Tape(graph), config }, values, x), 'logits');
  return graph.build('logits');
}
