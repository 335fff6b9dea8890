/**
 * The compiled graphs of one architecture, made when first needed and shared by every model of that
 * architecture (weights are inputs), together with inputs that depend on lengths alone.
 * @module
 */
import type { DecoderConfig } from './decoder/config.ts';
import { buildDecodeGraph, type DecodeGraphKind } from './decoder/decode-graphs.ts';
import {
  buildDivergenceGraph,
  buildSequenceGraph,
  type SequenceGraphOptions,
} from './decoder/training-graph.ts';
import { type RopeTables, ropeTables } from './rope.ts';
import type { Runtime, Session, Tensor } from './runtime.ts';

/** Scores this low vanish in a softmax and stay finite in float32. */
export const MASKED = -1e30;

export class Sessions {
  readonly config: DecoderConfig;
  readonly runtime: Runtime;
  readonly #made = new Map<string, Promise<Session>>();
  readonly #masks = new Map<number, Tensor>();
  #rope: RopeTables;

  constructor(config: DecoderConfig, runtime: Runtime) {
    this.config = config;
    this.runtime = runtime;
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
    const known = this.#masks.get(length);
    if (known) return known;
    const copies = this.config.heads / this.config.kvHeads;
    const values = new Float32Array(copies * length * length);
    for (let row = 0; row < copies * length; row++)
      values.fill(MASKED, row * length + (row % length) + 1, (row + 1) * length);
    const mask = this.runtime.floats(values, [copies * length, length]);
    this.#masks.set(length, mask);
    return mask;
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
    for (const session of this.#made.values()) await (await session).release();
    this.#made.clear();
  }

  #session(key: string, build: () => Uint8Array): Promise<Session> {
    let session = this.#made.get(key);
    if (!session) {
      session = this.runtime.session(build());
      this.#made.set(key, session);
    }
    return session;
  }
}
