/**
 * Graphs of a single layer, for models that are too large for one graph. One session serves all layers of a kind, and
 * only one layer's weights are cast to float32 at a time. Activations are saved for backward or recomputed (activation
 * checkpointing), layer by layer as memory allows.
 * @see training-graph.ts for small models, which are faster as one graph
 * @see Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174
 * @module
 */
import { Graph, type GraphPair, type Value } from '../graph/graph.ts';
import { Tape } from '../graph/tape.ts';
import type { DecoderConfig, LayerKind } from './config.ts';
import type { GraphVariant } from './decode-graphs.ts';
import { type BatchInputs, batchInputs, decoderLayer } from './layers.ts';
import { adapterLayerSpecs, layerSpecs, type ParameterSpec, projections } from './parameters.ts';
import { GRADIENT_PREFIX } from './training-graph.ts';
import { GraphWeights, partName } from './weight-inputs.ts';

/** Prefix of input names. The graph adds a gradient to the input `sum:` + name of the gradient. */
export const SUM_PREFIX = 'sum:';

/** A gradient that a layer's backward graph computes. The name of the graph's output is `d:` + name. */
export interface LayerGradient {
  readonly name: string;
  /**
   * Role of the parameter. The gradient covers the parameter's rows from `firstRow` on, as many as `shape`
   * has.
   */
  readonly role: string;
  readonly firstRow: number;
  readonly shape: readonly number[];
  /**
   * Whether the graph adds the gradient to the input `sum:` + name. This is done for matrices: if input and
   * output are the same buffer, the matmul itself accumulates the gradient, which saves a pass over it.
   */
  readonly accumulated: boolean;
}

/**
 * Returns the gradients of a layer's trainable parameters: those of the adapter if there is one, else of all
 * parameters.
 */
export function layerGradients(config: DecoderConfig, { adapter }: GraphVariant): readonly LayerGradient[] {
  const whole = ({ name, shape }: ParameterSpec, accumulated: boolean): LayerGradient => ({
    name,
    role: name,
    firstRow: 0,
    shape,
    accumulated,
  });
  if (adapter) return adapterLayerSpecs(config, adapter, 0).map((spec) => whole(spec, false));
  return layerSpecs(config, 0).flatMap((spec) => {
    if (spec.name !== 'gate_up') return [whole(spec, spec.shape.length === 2)];
    const { role, in: columns, parts } = projections(config).gate_up;
    let row = 0;
    return parts.map(({ target, rows }): LayerGradient => {
      const firstRow = row;
      row += rows;
      return { name: partName(role, target), role, firstRow, shape: [rows, columns], accumulated: true };
    });
  });
}

interface Layer {
  readonly graph: Graph;
  readonly tape: Tape;
  readonly x: Value;
  readonly weights: GraphWeights;
  readonly out: ReturnType<typeof decoderLayer>;
}

function emitLayer(
  config: DecoderConfig,
  variant: GraphVariant,
  { kind, gradients }: { readonly kind: LayerKind; readonly gradients: boolean },
): Layer {
  const graph = new Graph();
  const tape = new Tape(graph);
  const weights = new GraphWeights(graph, config, variant);
  const inputs: BatchInputs = batchInputs(graph, [kind], { headDim: config.headDim, gradients });
  const x = graph.input('x', ['B', 'T', config.hiddenSize]);
  const out = decoderLayer(
    {
      tape,
      config,
      kind,
      weight: (role) => weights.get(role),
      part: (role, target) => weights.part(role, target),
      adapter: variant.adapter,
    },
    x,
    inputs,
  );
  return { graph, tape, x, weights, out };
}

/**
 * Builds the forward graph of a layer. Inputs: weights by role, x [B, T, D], mask, positions [B, T], rotary tables. Outputs: x_next
 * [B, T, D]; k, v [B, kvHeads, T, d].
 */
export function buildLayerGraph(config: DecoderConfig, variant: GraphVariant, kind: LayerKind): Uint8Array {
  const { graph, out } = emitLayer(config, variant, { kind, gradients: false });
  graph.output(out.x, 'x_next');
  graph.output(out.k, 'k');
  graph.output(out.v, 'v');
  return graph.build('layer');
}

export interface LayerTraining extends GraphPair {
  /** Backward graph that recomputes the forward pass instead of using saved activations. */
  readonly recomputing: Uint8Array;
}

/**
 * Builds the training graphs of a layer. Forward: inputs as in {@link buildLayerGraph}; outputs x_next and the saved
 * activations. Backward: additional inputs dy [B, T, D] and the gradient sums; outputs dx [B, T, D] and the
 * {@link layerGradients}.
 */
export function buildLayerTraining(
  config: DecoderConfig,
  variant: GraphVariant,
  kind: LayerKind,
): LayerTraining {
  const { graph, tape, x, weights, out } = emitLayer(config, variant, { kind, gradients: true });
  graph.output(out.x, 'x_next');
  const cut = graph.nodeCount;
  const trained = layerGradients(config, variant);
  const dy = graph.input('dy', ['B', 'T', config.hiddenSize]);
  const trainedWeights = trained.map(({ name, shape, accumulated }) => {
    const weight = weights.get(name);
    if (accumulated) tape.accumulateInto(weight, graph.input(SUM_PREFIX + name, shape));
    return weight;
  });
  const [dx, ...gradients] = tape.gradients(new Map([[out.x, dy]]), [x, ...trainedWeights]);
  graph.output(dx as Value, 'dx');
  gradients.forEach((gradient, i) => {
    graph.output(gradient, GRADIENT_PREFIX + (trained[i] as LayerGradient).name);
  });
  const backward = ['dx', ...trained.map(({ name }) => GRADIENT_PREFIX + name)];
  return {
    ...graph.buildPair('layer', { cut, dynamic: ['x'], forward: ['x_next'] }),
    recomputing: graph.buildNeeded('layer-recomputing', backward),
  };
}
