/**
 * Whole-sequence graphs of small models. `score` computes log-probabilities at the message positions; `train`
 * also computes the gradients of all weights in one run. The graph does not compute the policy loss. Instead,
 * the derivatives of this loss with respect to the log-probabilities (the cotangents; E25', E31) are an
 * input. The graph does compute the exact KL term (E28).
 * @module
 */
import { Graph, type Value } from '../graph/graph.ts';
import { logSoftmax, selectRows } from '../graph/ops.ts';
import { rowSum } from '../graph/row-sum.ts';
import { Tape } from '../graph/tape.ts';
import type { DecoderConfig } from './config.ts';
import { batchInputs, decoderLayers, layerKinds, weightInputs } from './layers.ts';
import { outputLogits } from './output.ts';
import { parameterSpecs } from './parameters.ts';

/** Prefix of gradient outputs: `d:` + parameter name. */
export const GRADIENT_PREFIX = 'd:';

export interface SequenceGraphOptions {
  /** Whether to compute the gradients of all weights. */
  readonly gradients: boolean;
  /** Whether to add weight * sum of exact KL(new || reference) to the loss; requires `gradients`. */
  readonly kl: boolean;
  /** Whether to output the log-probabilities of the full vocabulary [M, V]. */
  readonly rows: boolean;
}

/**
 * Builds a whole-sequence graph. Inputs: weights, tokens [B, T], masks, positions [B, T], rotary tables, indices [M] (flat indices of the
 * states that predict the targets), targets [M], inverse_temperature []; with gradients also inverse [B T] and
 * cotangents [M]; with kl also reference [M, V] and kl_weight []. Outputs, as the options select: logp [M];
 * rows [M, V]; kl [M]; d:<parameter>.
 */
export function buildSequenceGraph(config: DecoderConfig, options: SequenceGraphOptions): Uint8Array {
  const graph = new Graph();
  const tape = new Tape(graph);
  const weights = weightInputs(graph, config);
  const { headDim } = config;
  const inputs = {
    ...batchInputs(graph, layerKinds(config), { headDim, gradients: options.gradients }),
    tokens: graph.input('tokens', ['B', 'T'], 'int64'),
  };
  const indices = graph.input('indices', ['M'], 'int64');
  const targets = graph.input('targets', ['M'], 'int64');
  const inverseTemperature = graph.input('inverse_temperature', []);
  const inverse = options.gradients ? graph.input('inverse', ['BT'], 'int64') : indices;

  const { hidden } = decoderLayers(tape, config, weights, inputs);
  const states = selectRows(tape, hidden, { indices, inverse }, config.hiddenSize);
  const logits = outputLogits({ tape, config }, weights, states);
  const rows = logSoftmax(tape, logits, inverseTemperature, config.vocabSize);
  const column = graph.op('Reshape', [targets, graph.ints([-1, 1])]);
  const logp = graph.op('GatherElements', [rows, column], { attributes: { axis: 1 } });
  graph.output(graph.op('Reshape', [logp, graph.ints([-1])]), 'logp');
  if (options.rows) graph.output(rows, 'rows');
  if (options.gradients) emitGradients();
  return graph.build(options.gradients ? 'train' : 'score');

  function emitGradients(): void {
    const specs = parameterSpecs(config);
    const cotangents = graph.op('Reshape', [graph.input('cotangents', ['M']), graph.ints([-1, 1])]);
    const zeros = graph.op('Mul', [rows, graph.scalar(0)]);
    let seed = graph.op('ScatterElements', [zeros, column, cotangents], { attributes: { axis: 1 } });
    if (options.kl) seed = graph.op('Add', [seed, klSeed()]);
    const gradients = tape.gradients(
      new Map([[rows, seed]]),
      specs.map((spec) => weights.get(spec.name) as Value),
    );
    gradients.forEach((gradient, i) => {
      graph.output(gradient, GRADIENT_PREFIX + (specs[i] as { name: string }).name);
    });
  }

  /**
   * Returns the gradient of the KL term. The derivative of weight * sum_m KL with respect to the
   * log-probability rows is weight * p (log p - log q + 1). The term 1 is omitted: the backward rule of
   * log-softmax cancels it up to rounding, and without it the gradient is exactly 0 at the reference (the
   * update with backtracking, E37, relies on this).
   */
  function klSeed(): Value {
    const reference = graph.input('reference', ['M', config.vocabSize]);
    const weight = graph.input('kl_weight', []);
    const p = graph.op('Exp', [rows]);
    const difference = graph.op('Sub', [rows, reference]);
    const product = graph.op('Mul', [p, difference]);
    graph.output(rowSum(graph, product, config.vocabSize, { keepdims: false }), 'kl');
    return graph.op('Mul', [product, weight]);
  }
}

/**
 * Builds the graph of the divergences between two sets of log-probability rows [M, V]: kl_new_cur, kl_cur_new and tv,
 * each [M], over the full vocabulary (E27).
 */
export function buildDivergenceGraph(vocabSize: number): Uint8Array {
  const graph = new Graph();
  const next = graph.input('new', ['M', vocabSize]);
  const cur = graph.input('cur', ['M', vocabSize]);
  const p = graph.op('Exp', [next]);
  const q = graph.op('Exp', [cur]);
  const difference = graph.op('Sub', [next, cur]);
  const sum = (value: Value): Value => rowSum(graph, value, vocabSize, { keepdims: false });
  graph.output(sum(graph.op('Mul', [p, difference])), 'kl_new_cur');
  graph.output(graph.op('Neg', [sum(graph.op('Mul', [q, difference]))]), 'kl_cur_new');
  graph.output(graph.op('Mul', [sum(graph.op('Abs', [graph.op('Sub', [p, q])])), graph.scalar(0.5)]), 'tv');
  return graph.build('divergence');
}
