/**
 * Graphs of the LM head and softmax over slices of the vocabulary, so that the full logits [tokens, vocabulary] are
 * never in memory. The first pass over the slices computes log Z = m + log s with a running maximum m and a running sum
 * of exponentials s (online softmax). The second pass computes gradients and divergences, which are sums over the
 * vocabulary given log Z.
 *
 * h: normed hidden states [M, D]; w: a slice [N, D] of the output matrix; z = cap(h w^T) / temperature; blocks: the
 * shape that splits the rows of the slice into blocks, which are summed one by one.
 *
 * @see ../score/lm-head.ts, which runs these graphs
 * @module
 */
import { Graph, type Value } from '../graph/graph.ts';
import { linear } from '../graph/ops.ts';
import { rowSumInBlocks } from '../graph/row-sum.ts';
import { Tape } from '../graph/tape.ts';
import type { DecoderConfig } from './config.ts';
import type { GraphVariant } from './decode-graphs.ts';
import { cappedLogits, finalNorm, outputLogits } from './output.ts';
import { GraphWeights, upcast } from './weight-inputs.ts';

/**
 * One of two models, the current model or the reference: its hidden states, its slice of the output matrix,
 * and its scaled logits.
 */
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
  #blocks: Value | undefined;
  readonly inverseTemperature: Value;

  constructor(config: DecoderConfig, variant: GraphVariant) {
    this.#config = config;
    this.#variant = variant;
    this.inverseTemperature = this.graph.input('inverse_temperature', []);
  }

  /**
   * Declares the inputs h<suffix> and w<suffix> of one model, and emits its scaled logits.
   *
   * @param kept - whether the logits were kept from the first pass: then they are the input z<suffix> and are
   *   not computed again
   */
  side(suffix: '' | '_ref', kept = false): Side {
    const { hiddenSize: D } = this.#config;
    const isBfloat16 = this.#variant.storage === 'bfloat16';
    const h = this.graph.input(`h${suffix}`, ['M', D]);
    const fed = this.graph.input(`w${suffix}`, ['N', D], isBfloat16 ? 'uint16' : 'float32');
    const w = isBfloat16 ? upcast(this.graph, fed) : fed;
    // the slice's size is known only at run time; the 0 makes the reshape of the backward rule copy the axis
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

  /** Sums the rows of a matrix [M, N]. The input `blocks` is declared at the first call. */
  rowSum(value: Value): Value {
    this.#blocks ??= this.graph.input('blocks', [3], 'int64');
    return rowSumInBlocks(this.graph, value, this.#blocks);
  }
}

/**
 * Builds the graph of the first pass. Inputs: h, w, local [M, 1] (index of the target in the slice; any index if the
 * target is in another slice), inverse_temperature; with a reference also h_ref, w_ref. Outputs [M, 1]: max, sum of
 * exp(z - max), picked (z of the target); with a reference also max_ref, sum_ref, and cross = sum of
 * exp(z - max) (z - z_ref). With `logits` also z and z_ref [M, N].
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
  /** Whether to add the KL term of a reference to the loss. */
  readonly reference: boolean;
  /** Whether to compute the gradient of the output matrix; false if it is frozen. */
  readonly table: boolean;
  /** Whether to use the logits that the first pass kept. */
  readonly kept: boolean;
}

/**
 * Builds the graph of the second pass of training. Inputs: those of the first pass, and [M, 1]: log_z, hit (1
 * if the target is in this slice, else 0), cotangents; with a reference also log_ratio (log Z - log Z_ref),
 * kl (of the whole row) and kl_weight []; with `table` also sum [N, D]; with `kept` also z and z_ref, the
 * logits of the first pass. Outputs: dh [M, D]; with `table` also dw [N, D], which includes the input sum;
 * with a reference also kl_part [M, 1].
 *
 * The derivative of cotangent * logp with respect to z is cotangent (1[target] - p). The derivative of weight
 * * KL is weight p (d - KL) with d = log p - log p_ref. At the reference, d and KL are exactly 0, so the
 * gradient is exactly 0 (the update with backtracking, E37, relies on this).
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
 * Builds the graph of the second pass that computes divergences. Inputs: h, w, h_ref, w_ref,
 * inverse_temperature, and [M, 1]: log_z, log_z_ref, log_ratio. Outputs [M, 1], sums over the slice:
 * kl_new_cur, kl_cur_new, tv (E27).
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

/**
 * Builds the graph of the final norm. Input: rows x [M, D] of the residual stream. Output: h [M, D]. With
 * gradients, the inputs are x and dh, and the outputs are dx and dnorm instead of h.
 */
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

/** Builds the graph that computes the full logits [M, V] of a few rows x [M, D] of the residual stream. */
export function buildLogitsGraph(config: DecoderConfig, variant: GraphVariant): Uint8Array {
  const graph = new Graph();
  const weights = new GraphWeights(graph, config, variant);
  const names = ['norm', config.tiedEmbeddings ? 'embed_tokens' : 'lm_head'];
  const values = new Map(names.map((name) => [name, weights.table(name)]));
  const x = graph.input('x', ['M', config.hiddenSize]);
  graph.output(outputLogits({ tape: new Tape(graph), config }, values, x), 'logits');
  return graph.build('logits');
}
