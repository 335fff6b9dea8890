/**
 * The compiled graphs of one architecture, made when first needed and shared by every model of that
 * architecture (weights are inputs), together with inputs that depend on lengths alone.
 * @module
 */
import { CausalMasks } from './causal-mask.ts';
import type { DecoderConfig } from './decoder/config.ts';
import { buildDecodeGraph, type DecodeGraphKind } from './decoder/decode-graphs.ts';
import {
  buildDivergenceGraph,
  buildSequenceGraph,
  type SequenceGraphOptions,
} from './decoder/training-graph.ts';
import { type RopeTables, ropeTables } from './rope.ts';
import type { Runtime, Session, Tensor } from './runtime.ts';

export class Sessions {
  readonly config: DecoderConfig;
  readonly runtime: Runtime;
  readonly #made = new Map<string, Promise<Session>>();
  readonly #masks: CausalMasks;
  #rope: RopeTables;

  constructor(config: DecoderConfig, runtime: Runtime) {
    this.config = config;
    this.runtime = runtime;
    this.#masks = new CausalMasks(runtime, config.heads / config.kvHeads);
    this.#rope = ropeTables(Math.min(256, config.maxPositions), config.headDim, config.ropeTheta);
  }

  sequence(options: SequenceGraphOptions): Promise<Session> {
    const key = `sequence:${options.gradients}:${options.kl}:${options.rows}`;
    return this.#session(key, () => buildSequenceGraph(this.config, options));
  }

  divergence(): Promise<Session> {
    return this.#session('divergence', () => buildDivergenceGraph(this.config.vocabSize));
  }

  decode(kind: DecodeGraphKind): Promise<Session> {
    return this.#session(`decode:${kind}`, () => buildDecodeGraph(this.config, kind));
  }

  /** Additive causal mask of a sequence graph: [g T, T], one copy per query head of a key head. */
  causalMask(length: number): Tensor {
    return this.#masks.get(length);
  }

  /** Rotary tables that reach at least `positions`. */
  rope(positions: number): RopeTables {
    if (positions > this.#rope.positions) {
      const size = Math.min(this.config.maxPositions, 2 ** Math.ceil(Math.log2(positions)));
      this.#rope = ropeTables(Math.max(size, positions), this.config.headDim, this.config.ropeTheta);
    }
    return this.#rope;
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
