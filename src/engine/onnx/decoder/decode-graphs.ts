/**
 * One-token-at-a-time graphs. The step is cut where keys and values are born, so that the caller writes
 * the few new numbers into its own cache and attention reads the cache in place: nothing copies it.
 *
 *   embed:  tokens -> x, q, k, v of layer 0
 *   layer:  x, q, cache of layer l -> x, q, k, v of layer l + 1   (one session serves every layer)
 *   head:   x, q, cache of the last layer -> logits
 *   prefill: whole contexts -> k, v of every layer and the logits after each context
 *
 * @see sampler.ts, which drives them
 * @module
 */
import { Graph, type Value } from '../graph.ts';
import { embedding, linear, MASKED, rmsNorm, selectRows, split, swiglu } from '../ops.ts';
import { Tape } from '../tape.ts';
import type { DecoderConfig } from './config.ts';
import { decoderLayers, outputLogits, sequenceInputs, weightInputs } from './layers.ts';

export type DecodeGraphKind = 'embed' | 'layer' | 'head' | 'prefill';

const MS = 'com.microsoft' as const;

/** Weights of a step graph by role; the sampler feeds the right layer's under these names. */
export const ATTENTION_ROLES = ['input_norm', 'qkv', 'q_norm', 'k_norm'] as const;
export const BLOCK_ROLES = ['o', 'post_norm', 'gate_up', 'down'] as const;

export function buildDecodeGraph(config: DecoderConfig, kind: DecodeGraphKind): Uint8Array {
  const graph = new Graph();
  const builder = new StepBuilder(graph, config);
  if (kind === 'prefill') buildPrefill(graph, config);
  else if (kind === 'embed') {
    const tokens = graph.input('tokens', ['B'], 'int64');
    const table = graph.input('embed_tokens', [config.vocabSize, config.hiddenSize]);
    builder.emitQkv(embedding(builder.tape, table, tokens, config.vocabSize, config.hiddenSize));
  } else {
    const x = builder.emitBlock();
    if (kind === 'layer') builder.emitQkv(x);
    else builder.emitLogits(x);
  }
  return graph.build(kind);
}

/**
 * Inputs: weights, tokens [B, T], mask, rope tables, places [B] (flat place of each context's last token).
 * Outputs: k0, v0, k1, ... [B, kvHeads, T, d] and logits [B, V].
 */
function buildPrefill(graph: Graph, config: DecoderConfig): void {
  const tape = new Tape(graph);
  const weights = weightInputs(graph, config);
  const places = graph.input('places', ['B'], 'int64');
  const { hidden, cache } = decoderLayers(tape, config, weights, sequenceInputs(graph, config, false));
  cache.forEach(({ k, v }, layer) => {
    graph.output(k, `k${layer}`);
    graph.output(v, `v${layer}`);
  });
  const last = selectRows(tape, hidden, { places, inverse: places }, config.hiddenSize);
  graph.output(outputLogits(tape, config, weights, last), 'logits');
}

/** Pieces of a step; the tape is only there because the operators want one, no gradient is taken. */
class StepBuilder {
  readonly tape: Tape;
  readonly #graph: Graph;
  readonly #config: DecoderConfig;

  constructor(graph: Graph, config: DecoderConfig) {
    this.#graph = graph;
    this.#config = config;
    this.tape = new Tape(graph);
  }

  /**
   * x [B, D] -> outputs x; q [B, g, kvHeads d]: the query heads that share key head j are the g rows at
   * columns j d.., so grouped-query attention is plain attention of g positions; k, v [B, kvHeads d].
   */
  emitQkv(x: Value): void {
    const { hiddenSize: D, heads, kvHeads, headDim: d, normEpsilon: epsilon } = this.#config;
    const graph = this.#graph;
    const all = (heads + 2 * kvHeads) * d;
    const normed = rmsNorm(this.tape, x, graph.input('input_norm', [D]), { width: D, epsilon });
    const qkv = linear(this.tape, normed, graph.input('qkv', [all, D]), { in: D, out: all });
    const [q, k, v] = split(this.tape, qkv, 1, [heads * d, kvHeads * d, kvHeads * d]) as [
      Value,
      Value,
      Value,
    ];
    graph.output(x, 'x_next');
    graph.output(this.#groupQueries(this.#rotated(q, 'q_norm', heads)), 'q_next');
    graph.output(this.#rotated(k, 'k_norm', kvHeads), 'k_next');
    graph.output(v, 'v_next');
  }

  /** Norm per head, then the rotation of each row's position [B, heads d]. */
  #rotated(x: Value, norm: 'q_norm' | 'k_norm', heads: number): Value {
    const { headDim: d, normEpsilon: epsilon } = this.#config;
    const graph = this.#graph;
    const perHead = graph.op('Reshape', [x, graph.ints([0, heads, 1, d])]);
    const normed = rmsNorm(this.tape, perHead, graph.input(norm, [d]), { width: d, epsilon });
    const rotated = graph.op(
      'RotaryEmbedding',
      [
        normed,
        this.#input('positions', ['B', 1], 'int64'),
        this.#input('rope_cos', ['P', d / 2]),
        this.#input('rope_sin', ['P', d / 2]),
      ],
      { domain: MS, attributes: { interleaved: 0 } },
    );
    return graph.op('Reshape', [rotated, graph.ints([0, heads * d])]);
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

  /** Attention over the cache, output projection, feed-forward: the residual stream after the layer [B, D]. */
  emitBlock(): Value {
    const {
      hiddenSize: D,
      heads,
      kvHeads,
      headDim: d,
      intermediateSize: F,
      normEpsilon: epsilon,
    } = this.#config;
    const graph = this.#graph;
    const group = heads / kvHeads;
    const x = graph.input('x', ['B', D]);
    const q = graph.input('q', ['B', group, kvHeads * d]);
    const k = graph.input('k', ['B', kvHeads, 'C', d]);
    const v = graph.input('v', ['B', kvHeads, 'C', d]);
    const lengths = graph.input('lengths', ['B'], 'int32');
    // the runtime's own filter, -10,000, is a score that a trained model can reach
    const mixed = graph.op('MultiHeadAttention', [q, k, v, undefined, lengths], {
      domain: MS,
      attributes: { num_heads: kvHeads, mask_filter_value: { float: MASKED } },
    });
    const y = add2(
      graph,
      x,
      linear(this.tape, this.#ungroup(mixed), graph.input('o', [D, heads * d]), { in: heads * d, out: D }),
    );
    const normed = rmsNorm(this.tape, y, graph.input('post_norm', [D]), { width: D, epsilon });
    const gateUp = linear(this.tape, normed, graph.input('gate_up', [2 * F, D]), { in: D, out: 2 * F });
    const [gate, up] = split(this.tape, gateUp, 1, [F, F]) as [Value, Value];
    return add2(
      graph,
      y,
      linear(this.tape, swiglu(this.tape, gate, up), graph.input('down', [D, F]), { in: F, out: D }),
    );
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
    const { hiddenSize: D, vocabSize: V, tiedEmbeddings } = this.#config;
    const name = tiedEmbeddings ? 'embed_tokens' : 'lm_head';
    const weights = new Map([
      ['norm', this.#graph.input('norm', [D])],
      [name, this.#graph.input(name, [V, D])],
    ]);
    this.#graph.output(outputLogits(this.tape, this.#config, weights, x), 'logits');
  }

  readonly #shared = new Map<string, Value>();

  /** An input that several places use: declared once. */
  #input(name: string, shape: readonly (number | string)[], dtype: 'float32' | 'int64' = 'float32'): Value {
    let value = this.#shared.get(name);
    if (!value) {
      value = this.#graph.input(name, shape, dtype);
      this.#shared.set(name, value);
    }
    return value;
  }
}

function add2(graph: Graph, a: Value, b: Value): Value {
  return graph.op('Add', [a, b]);
}
