/**
 * The compiled graphs of one architecture. Graphs are compiled at their first use and shared by all models of the
 * architecture, because weights are inputs. Also caches the
 * masks, positions and rotary tables of batches.
 * @module
 */

import { CausalMasks } from './decoder/causal-mask.ts';
import { type DecoderConfig, type LayerKind, layerKind } from './decoder/config.ts';
import {
  buildPrefillGraph,
  buildStepGraph,
  type GraphVariant,
  type StepGraph,
} from './decoder/decode-graphs.ts';
import {
  buildFinalNormGraph,
  buildHeadDivergenceGraph,
  buildHeadGradientGraph,
  buildLogitsGraph,
  buildStatisticsGraph,
  type HeadGradientOptions,
} from './decoder/head-graphs.ts';
import { buildLayerGraph, buildLayerTraining, type LayerTraining } from './decoder/layer-graphs.ts';
import { RopeCache } from './decoder/rope-cache.ts';
import {
  buildDivergenceGraph,
  buildSequenceGraph,
  type SequenceGraphOptions,
} from './decoder/training-graph.ts';
import { type TreeLayout, treeDepths, treeMask } from './decoder/tree-mask.ts';
import type { Runtime, Session, Tensor } from './graph/runtime.ts';

/** Compiled graphs for the training of one layer. */
export interface LayerSessions {
  readonly forward: Session;
  readonly backward: Session;
  /** Returns the backward graph that recomputes the forward pass instead of using saved activations. */
  readonly recomputing: () => Promise<Session>;
  /** Names of the activations that `forward` outputs and `backward` takes as inputs. */
  readonly saved: readonly string[];
}

/** Shape of a padded batch [B, T], and its prefix trees if rows have more than one sequence. */
export interface AttentionLayout {
  readonly rows: number;
  readonly length: number;
  readonly tree?: TreeLayout;
}

export class Sessions {
  readonly config: DecoderConfig;
  readonly runtime: Runtime;
  readonly variant: GraphVariant;
  /** `whole`: one graph of the model; `layers`: one graph per layer. */
  readonly execution: 'whole' | 'layers';
  readonly ropeCache: RopeCache;
  readonly #sessions = new Map<string, Promise<Session>>();
  readonly #trainingGraphs = new Map<string, LayerTraining>();
  /** Inputs of the latest batch with prefix trees, which the passes over this batch share. */
  #latestTree: { readonly tree: TreeLayout; readonly feeds: Record<string, Tensor> } | undefined;
  #latestPositions: { readonly rows: number; readonly length: number; readonly tensor: Tensor } | undefined;
  readonly #masks: CausalMasks;
  readonly #windowMasks: CausalMasks | undefined;

  constructor(
    config: DecoderConfig,
    runtime: Runtime,
    options: { readonly variant: GraphVariant; readonly execution: 'whole' | 'layers' },
  ) {
    this.config = config;
    this.runtime = runtime;
    this.variant = options.variant;
    this.execution = options.execution;
    this.ropeCache = new RopeCache(config, runtime);
    const copies = config.heads / config.kvHeads;
    this.#masks = new CausalMasks(runtime, { copies });
    if (config.slidingWindow !== undefined)
      this.#windowMasks = new CausalMasks(runtime, { copies, window: config.slidingWindow });
  }

  sequence(options: SequenceGraphOptions): Promise<Session> {
    const key = `sequence:${options.gradients}:${options.kl}:${options.rows}`;
    return this.#session(key, () => buildSequenceGraph(this.config, options));
  }

  divergence(): Promise<Session> {
    return this.#session('divergence', () => buildDivergenceGraph(this.config.vocabSize));
  }

  prefill(): Promise<Session> {
    return this.#session('prefill', () => buildPrefillGraph(this.config));
  }

  /**
   * Returns the graphs of a decode step in the order of execution: `embed`, one `layer` per further layer,
   * `head`.
   */
  async steps(): Promise<readonly Session[]> {
    const { layers } = this.config;
    const graphs = Array.from({ length: layers + 1 }, (_, i): StepGraph => {
      if (i === layers) return { kind: 'head' };
      return { kind: i === 0 ? 'embed' : 'layer', rope: layerKind(this.config, i).rope };
    });
    return Promise.all(
      graphs.map((step) =>
        this.#session(`step:${JSON.stringify(step)}`, () => buildStepGraph(this.config, this.variant, step)),
      ),
    );
  }

  /** Returns the graph of one layer's forward pass over whole sequences. */
  layer(kind: LayerKind): Promise<Session> {
    const key = `layer:${JSON.stringify(kind)}`;
    return this.#session(key, () => buildLayerGraph(this.config, this.variant, kind));
  }

  /**
   * Returns the graphs of one layer's forward and backward pass. The backward graph that recomputes
   * activations is compiled at its first use.
   */
  async layerTraining(kind: LayerKind): Promise<LayerSessions> {
    const key = `training:${JSON.stringify(kind)}`;
    let graphs = this.#trainingGraphs.get(key);
    if (!graphs) {
      graphs = buildLayerTraining(this.config, this.variant, kind);
      this.#trainingGraphs.set(key, graphs);
    }
    const { forward, backward, recomputing, saved } = graphs;
    return {
      saved,
      forward: await this.#session(`${key}:forward`, () => forward),
      backward: await this.#session(`${key}:backward`, () => backward),
      recomputing: () => this.#session(`${key}:recomputing`, () => recomputing),
    };
  }

  headStatistics(options: { readonly reference: boolean; readonly logits: boolean }): Promise<Session> {
    return this.#session(`head-statistics:${JSON.stringify(options)}`, () =>
      buildStatisticsGraph(this.config, this.variant, options),
    );
  }

  headGradient(options: HeadGradientOptions): Promise<Session> {
    return this.#session(`head-gradient:${JSON.stringify(options)}`, () =>
      buildHeadGradientGraph(this.config, this.variant, options),
    );
  }

  headDivergence(): Promise<Session> {
    return this.#session('head-divergence', () => buildHeadDivergenceGraph(this.config, this.variant));
  }

  finalNorm(gradients: boolean): Promise<Session> {
    return this.#session(`final-norm:${gradients}`, () =>
      buildFinalNormGraph(this.config, this.variant, { gradients }),
    );
  }

  logits(): Promise<Session> {
    return this.#session('logits', () => buildLogitsGraph(this.config, this.variant));
  }

  /** Returns the inputs of whole-sequence graphs that define attention: masks, positions and rotary tables. */
  attentionFeeds(batch: AttentionLayout): Record<string, Tensor> {
    return batch.tree ? this.#treeFeeds(batch.tree) : this.#causalFeeds(batch);
  }

  #causalFeeds({ rows, length }: AttentionLayout): Record<string, Tensor> {
    return {
      ...this.ropeCache.feeds(length),
      positions: this.#causalPositions(rows, length),
      mask: this.#masks.get(length),
      ...(this.#windowMasks ? { window_mask: this.#windowMasks.get(length) } : {}),
    };
  }

  #causalPositions(rows: number, length: number): Tensor {
    const latest = this.#latestPositions;
    if (latest?.rows === rows && latest.length === length) return latest.tensor;
    const positions = new BigInt64Array(rows * length);
    for (let t = 0; t < length; t++) positions[t] = BigInt(t);
    for (let row = 1; row < rows; row++) positions.copyWithin(row * length, 0, length);
    const tensor = this.runtime.int64(positions, [rows, length]);
    this.#latestPositions = { rows, length, tensor };
    return tensor;
  }

  #treeFeeds(tree: TreeLayout): Record<string, Tensor> {
    if (this.#latestTree?.tree === tree) return this.#latestTree.feeds;
    this.#latestTree = undefined; // allows garbage collection of its masks before the next ones are made
    const { rows, length } = tree;
    const { heads, kvHeads, slidingWindow: window } = this.config;
    const depths = treeDepths(tree);
    const copies = heads / kvHeads;
    const mask = (values: Float32Array): Tensor =>
      this.runtime.float32(values, [rows, 1, copies * length, length]);
    const feeds = {
      ...this.ropeCache.feeds(length), // the operator requires tables with at least T rows
      positions: this.runtime.int64(BigInt64Array.from(depths, BigInt), [rows, length]),
      mask: mask(treeMask(tree, { copies })),
      ...(window === undefined ? {} : { window_mask: mask(treeMask(tree, { copies, window })) }),
    };
    this.#latestTree = { tree, feeds };
    return feeds;
  }

  async release(): Promise<void> {
    const made = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of made) await (await session).release();
  }

  #session(key: string, build: () => Uint8Array): Promise<Session> {
    let session = this.#sessions.get(key);
    if (!session) {
      session = this.runtime.session(build());
      this.#sessions.set(key, session);
      // the caller receives the error; the next call compiles the graph again
      session.catch(() => this.#sessions.delete(key));
    }
    return session;
  }
}
