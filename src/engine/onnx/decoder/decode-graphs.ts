/**
 * Graphs of a decode step and of prefill. A decode step is split into one graph per layer at the point where new keys
 * and values are computed: the caller appends them to its cache, and attention reads the cache in place, so the cache
 * is never copied.
 *
 *   embed:  tokens -> x, q, k, v of layer 0
 *   layer:  x, q, cache of layer l -> x, q, k, v of layer l + 1   (one session serves all layers l whose layer
 *           l + 1 has the same kind of RoPE)
 *   head:   x, q, cache of the last layer -> logits
 *   prefill: whole contexts -> k, v of every layer and the logits after each context
 *
 * Sliding-window layers need no mask in a decode step, because their cache contains only the window.
 *
 * @see ../decode/step-runner.ts, which runs the step graphs
 * @module
 */
import { Graph, type Value } from '../graph/graph.ts';
import { MASKED, rmsNorm, selectRows, split } from '../graph/ops.ts';
import { Tape } from '../graph/tape.ts';
import type { AdapterShape } from './adapter.ts';
import { type DecoderConfig, familyOf, type LayerKind } from './config.ts';
import {
  batchInputs,
  decoderLayers,
  embeddedTokens,
  gated,
  type LayerParts,
  layerKinds,
  normFactors,
  projected,
  weightInputs,
} from './layers.ts';
import { outputLogits } from './output.ts';
import { adapterLayerSpecs, layerSpecs, projections } from './parameters.ts';
import { GraphWeights, type WeightStorage } from './weight-inputs.ts';

/**
 * Kind of a graph of a decode step. `rope` is the RoPE of the layer whose queries and keys the graph
 * computes.
 */
export type StepGraph =
  | { readonly kind: 'embed' | 'layer'; readonly rope: LayerKind['rope'] }
  | { readonly kind: 'head' };

/** Properties of a model, besides its config, on which its graphs depend. */
export interface GraphVariant {
  readonly adapter?: AdapterShape | undefined;
  readonly storage: WeightStorage;
}

const MS = 'com.microsoft' as const;

/**
 * Returns the parameter roles of the two halves of a layer. `attention`: the parameters that compute q, k and
 * v; `block`: those of the attention output and the MLP.
 */
export function stepRoles(
  config: DecoderConfig,
  adapter: AdapterShape | undefined,
): { readonly attention: readonly string[]; readonly block: readonly string[] } {
  const roles = [...layerSpecs(config, 0), ...(adapter ? adapterLayerSpecs(config, adapter, 0) : [])].map(
    ({ name }) => name,
  );
  const isAttention = (role: string): boolean => /^(input_norm|qkv|q_norm|k_norm)/.test(role);
  return { attention: roles.filter(isAttention), block: roles.filter((role) => !isAttention(role)) };
}

/** Builds one graph of a decode step. */
export function buildStepGraph(config: DecoderConfig, variant: GraphVariant, step: StepGraph): Uint8Array {
  const graph = new Graph();
  const builder = new StepBuilder(graph, config, variant);
  if (step.kind === 'embed') builder.emitQkv(builder.emitEmbedding(), step.rope);
  else {
    const x = builder.emitBlock();
    if (step.kind === 'layer') builder.emitQkv(x, step.rope);
    else builder.emitLogits(x);
  }
  return graph.build(step.kind);
}

/**
 * Builds the prefill graph. Inputs: weights, tokens [B, T], masks, positions [B, T], rotary tables, indices [B]
 * (flat index of each context's last token). Outputs: k0, v0, k1, ... [B, kvHeads, T, d] and logits [B, V].
 */
export function buildPrefillGraph(config: DecoderConfig): Uint8Array {
  const graph = new Graph();
  const tape = new Tape(graph);
  const weights = weightInputs(graph, config);
  const indices = graph.input('indices', ['B'], 'int64');
  const inputs = {
    ...batchInputs(graph, layerKinds(config), { headDim: config.headDim, gradients: false }),
    tokens: graph.input('tokens', ['B', 'T'], 'int64'),
  };
  const { hidden, cache } = decoderLayers(tape, config, weights, inputs);
  cache.forEach(({ k, v }, layer) => {
    graph.output(k, `k${layer}`);
    graph.output(v, `v${layer}`);
  });
  const last = selectRows(tape, hidden, { indices, inverse: indices }, config.hiddenSize);
  graph.output(outputLogits({ tape, config }, weights, last), 'logits');
  return graph.build('prefill');
}

/** Emits the parts of a step graph. The operators need a tape, although no gradients are taken. */
class StepBuilder {
  readonly #tape: Tape;
  readonly #graph: Graph;
  readonly #config: DecoderConfig;
  readonly #weights: GraphWeights;
  readonly #parts: LayerParts;

  constructor(graph: Graph, config: DecoderConfig, variant: GraphVariant) {
    this.#graph = graph;
    this.#config = config;
    this.#tape = new Tape(graph);
    this.#weights = new GraphWeights(graph, config, variant);
    this.#parts = {
      tape: this.#tape,
      config,
      kind: { sliding: false, rope: 'none' }, // not used in step graphs
      weight: (role) => this.#weights.get(role),
      fewRows: true,
      adapter: variant.adapter,
    };
  }

  emitEmbedding(): Value {
    const tokens = this.#graph.input('tokens', ['B'], 'int64');
    const table = this.#weights.table('embed_tokens');
    return embeddedTokens(this.#tape, this.#config, table, tokens);
  }

  /**
   * Computes q, k and v from x [B, D] and declares the outputs x [B, D], q [B, g, kvHeads d], k and v [B,
   * kvHeads d]. The g query heads that use key head j are the g rows of q at columns j d to (j + 1) d, so
   * that grouped-query attention becomes multi-head attention with g query positions.
   */
  emitQkv(x: Value, positions: LayerKind['rope']): void {
    const { heads, kvHeads, headDim: d } = this.#config;
    const graph = this.#graph;
    const qkv = projected(this.#parts, projections(this.#config).qkv, this.#normed(x, 'input_norm'));
    const [q, k, v] = split(this.#tape, qkv, 1, [heads * d, kvHeads * d, kvHeads * d]) as [
      Value,
      Value,
      Value,
    ];
    graph.output(x, 'x_next');
    graph.output(this.#groupQueries(this.#normAndRotate(q, { norm: 'q_norm', heads, positions })), 'q_next');
    graph.output(this.#normAndRotate(k, { norm: 'k_norm', heads: kvHeads, positions }), 'k_next');
    graph.output(v, 'v_next');
  }

  #normed(x: Value, role: string): Value {
    const { hiddenSize: width, normEpsilon: epsilon } = this.#config;
    const factors = normFactors(this.#tape, this.#config, this.#weights.get(role));
    return rmsNorm(this.#tape, x, factors, { width, epsilon });
  }

  /** Applies the norm after a block, which only families with sandwich norms have. */
  #outNormed(x: Value, role: string): Value {
    return familyOf(this.#config).sandwichNorms ? this.#normed(x, role) : x;
  }

  /** Applies the norm per head and RoPE at each row's position to x [B, heads d], if the layer has them. */
  #normAndRotate(
    x: Value,
    at: { readonly norm: string; readonly heads: number; readonly positions: LayerKind['rope'] },
  ): Value {
    const { headDim: d, normEpsilon: epsilon } = this.#config;
    const graph = this.#graph;
    const { qkNorm } = familyOf(this.#config);
    if (!qkNorm && at.positions === 'none') return x;
    let y = graph.op('Reshape', [x, graph.ints([0, at.heads, 1, d])]);
    if (qkNorm) {
      const factors = normFactors(this.#tape, this.#config, this.#weights.get(at.norm));
      y = rmsNorm(this.#tape, y, factors, { width: d, epsilon });
    }
    if (at.positions !== 'none') {
      const prefix = at.positions === 'local' ? 'local' : 'rope';
      y = graph.op(
        'RotaryEmbedding',
        [
          y,
          this.#input('positions', ['B', 1], 'int64'),
          this.#input(`${prefix}_cos`, ['P', d / 2]),
          this.#input(`${prefix}_sin`, ['P', d / 2]),
        ],
        { domain: MS, attributes: { interleaved: 0 } },
      );
    }
    return graph.op('Reshape', [y, graph.ints([0, at.heads * d])]);
  }

  #groupQueries(q: Value): Value {
    const { heads, kvHeads, headDim: d } = this.#config;
    const graph = this.#graph;
    const group = heads / kvHeads;
    if (group === 1) return graph.op('Reshape', [q, graph.ints([0, 1, heads * d])]);
    const grouped = graph.op('Reshape', [q, graph.ints([0, kvHeads, group, d])]);
    const swapped = graph.op('Transpose', [grouped], { attributes: { perm: [0, 2, 1, 3] } });
    return graph.op('Reshape', [swapped, graph.ints([0, group, kvHeads * d])]);
  }

  /** Emits the second half of a layer: from x, q and the layer's cache to x after the layer [B, D]. */
  emitBlock(): Value {
    const { hiddenSize: D, heads, kvHeads, headDim: d, intermediateSize: F } = this.#config;
    const graph = this.#graph;
    const { o, gate_up, down } = projections(this.#config);
    const x = graph.input('x', ['B', D]);
    const inputs = {
      q: graph.input('q', ['B', heads / kvHeads, kvHeads * d]),
      k: graph.input('k', ['B', kvHeads, 'C', d]),
      v: graph.input('v', ['B', kvHeads, 'C', d]),
      lengths: graph.input('lengths', ['B'], 'int32'),
    };
    const mixed =
      this.#config.attentionSoftcap === undefined
        ? this.#fusedAttention(inputs)
        : this.#softcappedAttention(inputs);
    const attended = projected(this.#parts, o, this.#ungroup(mixed));
    const y = add2(graph, x, this.#outNormed(attended, 'attention_out_norm'));
    const gateUp = projected(this.#parts, gate_up, this.#normed(y, 'post_norm'));
    const [gate, up] = split(this.#tape, gateUp, 1, [F, F]) as [Value, Value];
    const raised = projected(this.#parts, down, gated(this.#tape, this.#config, gate, up));
    return add2(graph, y, this.#outNormed(raised, 'mlp_out_norm'));
  }

  /** Emits the attention of a step with ONNX Runtime's fused operator. @returns [B, g, kvHeads d] */
  #fusedAttention({ q, k, v, lengths }: StepAttention): Value {
    const { kvHeads, queryScalar } = this.#config;
    return this.#graph.op('MultiHeadAttention', [q, k, v, undefined, lengths], {
      domain: MS,
      attributes: {
        num_heads: kvHeads,
        // ONNX Runtime's default mask value is -10,000, a score that a trained model can reach
        mask_filter_value: { float: MASKED },
        ...(queryScalar === undefined ? {} : { scale: { float: 1 / Math.sqrt(queryScalar) } }),
      },
    });
  }

  /** Emits the attention of a step with soft-capped scores, which the fused operator does not support. */
  #softcappedAttention({ q, k, v, lengths }: StepAttention): Value {
    const { heads, kvHeads, headDim: d, queryScalar = d, attentionSoftcap: cap = 1 } = this.#config;
    const graph = this.#graph;
    const group = heads / kvHeads;
    const perHead = (value: Value, target: readonly number[]): Value =>
      graph.op('Transpose', [graph.op('Reshape', [value, graph.ints(target)])], {
        attributes: { perm: [0, 2, 1, 3] },
      });
    const alpha = { float: 1 / (cap * Math.sqrt(queryScalar)) };
    const scores = graph.op('FusedMatMul', [perHead(q, [0, group, kvHeads, d]), k], {
      domain: MS,
      attributes: { transB: 1, alpha },
    });
    const capped = graph.op('Mul', [graph.op('Tanh', [scores]), graph.scalar(cap)]);
    const shape = graph.op('Shape', [k], { attributes: { start: 2, end: 3 }, dtype: 'int64' });
    const capacity = graph.op('Reshape', [shape, graph.ints([])]);
    const zero = graph.op('Reshape', [graph.ints([0]), graph.ints([])]);
    const one = graph.op('Reshape', [graph.ints([1]), graph.ints([])]);
    const positions = graph.op('Range', [zero, capacity, one], { dtype: 'int64' });
    const ends = graph.op('Reshape', [
      graph.op('Cast', [lengths], { attributes: { to: 7 }, dtype: 'int64' }),
      graph.ints([-1, 1, 1, 1]),
    ]);
    const seen = graph.op('Less', [positions, ends]);
    const masked = graph.op('Where', [seen, capped, graph.scalar(MASKED)], { dtype: 'float32' });
    const p = graph.op('Softmax', [masked], { attributes: { axis: -1 } });
    const mixed = graph.op('Transpose', [graph.op('MatMul', [p, v])], { attributes: { perm: [0, 2, 1, 3] } });
    return graph.op('Reshape', [mixed, graph.ints([0, 0, kvHeads * d])]);
  }

  #ungroup(mixed: Value): Value {
    const { heads, kvHeads, headDim: d } = this.#config;
    const graph = this.#graph;
    const group = heads / kvHeads;
    if (group === 1) return graph.op('Reshape', [mixed, graph.ints([0, heads * d])]);
    const grouped = graph.op('Reshape', [mixed, graph.ints([0, group, kvHeads, d])]);
    const swapped = graph.op('Transpose', [grouped], { attributes: { perm: [0, 2, 1, 3] } });
    return graph.op('Reshape', [swapped, graph.ints([0, heads * d])]);
  }

  emitLogits(x: Value): void {
    const name = this.#config.tiedEmbeddings ? 'embed_tokens' : 'lm_head';
    const weights = new Map(['norm', name].map((each) => [each, this.#weights.table(each)]));
    this.#graph.output(outputLogits(this.#parts, weights, x), 'logits');
  }

  readonly #shared = new Map<string, Value>();

  /** Returns a graph input. It is declared at the first use, and used several times. */
  #input(name: string, shape: readonly (number | string)[], dtype: 'float32' | 'int64' = 'float32'): Value {
    let value = this.#shared.get(name);
    if (!value) {
      value = this.#graph.input(name, shape, dtype);
      this.#shared.set(name, value);
    }
    return value;
  }
}

interface StepAttention {
  readonly q: Value;
  readonly k: Value;
  readonly v: Value;
  readonly lengths: Value;
}

function add2(graph: Graph, a: Value, b: Value): Value {
  return graph.op('Add', [a, b]);
}
