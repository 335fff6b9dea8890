/**
 * One layer as graphs of its own, for models too large to be one graph: a single session serves every layer
 * of a kind, no more than one layer's weights is ever wide, and what backward needs of forward is either
 * carried over or computed again (activation checkpointing), layer by layer as memory allows.
 * @see training-graph.ts for small models, where one graph is faster
 * @see Chen et al., "Training deep nets with sublinear memory cost", arXiv:1604.06174
 * @module
 */
import { Graph, type GraphPair, type Value } from '../graph.ts';
import { Tape } from '../tape.ts';
import type { DecoderConfig, LayerKind } from './config.ts';
import type { GraphVariant } from './decode-graphs.ts';
import { type BatchInputs, batchInputs, decoderLayer } from './layers.ts';
import { adapterLayerSpecs, layerSpecs } from './parameters.ts';
import { GRADIENT_PREFIX } from './training-graph.ts';
import { GraphWeights } from './weight-inputs.ts';

/** Roles of a layer that are trained: the adapter's where there is one, all otherwise. */
export function trainedRoles(config: DecoderConfig, { adapter }: GraphVariant): readonly string[] {
  const specs = adapter ? adapterLayerSpecs(config, adapter, 0) : layerSpecs(config, 0);
  return specs.map(({ name }) => name);
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
  const parts = { tape, config, kind, weight: (role: string) => weights.get(role), adapter: variant.adapter };
  return { graph, tape, x, weights, out: decoderLayer(parts, x, inputs) };
}

/** Inputs: weights by role, x [B, T, D], mask and rope tables. Outputs: x_next [B, T, D]; k, v [B, kvHeads, T, d]. */
export function buildLayerGraph(config: DecoderConfig, variant: GraphVariant, kind: LayerKind): Uint8Array {
  const { graph, out } = emitLayer(config, variant, { kind, gradients: false });
  graph.output(out.x, 'x_next');
  graph.output(out.k, 'k');
  graph.output(out.v, 'v');
  return graph.build('layer');
}

export interface LayerTraining extends GraphPair {
  /** Backward that computes the forward pass again: nothing is carried. */
  readonly recomputing: Uint8Array;
}

/**
 * Forward: as {@link buildLayerGraph}, giving x_next and what is carried. Backward: also dy [B, T, D]; gives
 * dx [B, T, D] and d:<role> of every trained role.
 */
export function buildLayerTraining(
  config: DecoderConfig,
  variant: GraphVariant,
  kind: LayerKind,
): LayerTraining {
  const { graph, tape, x, weights, out } = emitLayer(config, variant, { kind, gradients: true });
  graph.output(out.x, 'x_next');
  const cut = graph.nodeCount;
  const roles = trainedRoles(config, variant);
  const dy = graph.input('dy', ['B', 'T', config.hiddenSize]);
  const wanted = [x, ...roles.map((role) => weights.get(role))];
  const [dx, ...gradients] = tape.gradients(new Map([[out.x, dy]]), wanted);
  graph.output(dx as Value, 'dx');
  gradients.forEach((gradient, i) => {
    graph.output(gradient, GRADIENT_PREFIX + roles[i]);
  });
  const backward = ['dx', ...roles.map((role) => GRADIENT_PREFIX + role)];
  return {
    ...graph.buildPair('layer', { cut, dynamic: ['x'], forward: ['x_next'] }),
    recomputing: graph.buildNeeded('layer-recomputing', backward),
  };
}
