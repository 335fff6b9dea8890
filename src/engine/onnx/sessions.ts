/**
 * The compiled graphs of one architecture, made when first needed and shared by every model of that
 * architecture (weights are inputs), together with inputs that depend on lengths alone.
 * @module
 */
import { CausalMasks } from './causal-mask.ts';
import { type DecoderConfig, layerKind } from './decoder/config.ts';
import {
  buildPrefillGraph,
  buildStepGraph,
  type GraphVariant,
  type StepGraph,
} from './decoder/decode-graphs.ts';
import {
  buildDivergenceGraph,
  buildSequenceGraph,
  type SequenceGraphOptions,
} from './decoder/training-graph.ts';
import { Ropes } from './ropes.ts';
import type { Runtime, Session, Tensor } from './runtime.ts';

export class Sessions {
  readonly config: DecoderConfig;
  readonly runtime: Runtime;
  readonly variant: GraphVariant;
  readonly ropes: Ropes;
  readonly #made = new Map<string, Promise<Session>>();
  readonly #masks: CausalMasks;
  readonly #windowMasks: CausalMasks | undefined;

  constructor(config: DecoderConfig, runtime: Runtime, variant: GraphVariant = { storage: 'float32' }) {
    this.config = config;
    this.runtime = runtime;
    this.variant = variant;
    this.ropes = new Ropes(config, runtime);
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

  /** The step graphs of a model, in the order in which a step runs them: embed, one per further layer, head. */
  async steps(): Promise<readonly Session[]> {
    const { layers } = this.config;
    const graphs = Array.from({ length: layers + 1 }, (_, i): StepGraph => {
      if (i === layers) return { kind: 'head' };
      return { kind: i === 0 ? 'embed' : 'layer', positions: layerKind(this.config, i).positions };
    });
    return Promise.all(
      graphs.map((step) =>
        this.#session(`step:${JSON.stringify(step)}`, () => buildStepGraph(this.config, this.variant, step)),
      ),
    );
  }

  /** Feeds of whole-sequence graphs that depend on the length alone: masks and rotary tables. */
  lengthFeeds(length: number): Record<string, Tensor> {
    return {
      ...this.ropes.feeds(length),
      mask: this.#masks.get(length),
      ...(this.#windowMasks ? { window_mask: this.#windowMasks.get(length) } : {}),
    };
  }

  async release(): Promise<void> {
    const made = [...this.#made.values()];
    this.#made.clear();
    for (const session of made) await (await session).release();
  }

  #session(key: string, build: () => Uint8Array): Promise<Session> {
    let session = this.#made.get(key);
    if (!session) {
      session = this.runtime.session(build());
      this.#made.set(key, session);
      session.catch(() => this.#made.delete(key)); // whoever asked is told; the next may try again
    }
    return session;
  }
}
