/**
 * Runs a decode step of a batch: the step graphs one after another, with cache writes between them.
 * @see decoder/decode-graphs.ts for the boundaries of the graphs
 * @module
 */
import { stepRoles } from '../decoder/decode-graphs.ts';
import { layerParameter } from '../decoder/parameters.ts';
import { floatData, type Runtime, type Session, type Tensor } from '../graph/runtime.ts';
import type { Sessions } from '../sessions.ts';
import type { WeightSource } from '../weights/weight-source.ts';

export interface StepParts {
  readonly sessions: Sessions;
  readonly weights: WeightSource;
  /** Sessions of the step graphs in order of execution: `embed`, one `layer` per further layer, `head`. */
  readonly steps: readonly Session[];
}

/** The key/value cache of a step. */
export interface StepCache {
  /** Reserves room for one more token per row; returns the position of that token in each row [rows]. */
  advance(): Int32Array;
  /** Writes the keys and values of one token per row [rows, kvHeads d] to a layer at the given positions. */
  append(layer: number, positions: Int32Array, k: Float32Array, v: Float32Array): void;
  /** Number of cached tokens that a layer attends to when the newest tokens are at the given positions [rows]. */
  kvLengths(layer: number, positions: Int32Array): Int32Array;
  /** The whole cache of a layer [rows, kvHeads, capacity, d]. */
  tensors(layer: number, runtime: Runtime): { readonly k: Tensor; readonly v: Tensor };
}

/** Runs decode steps; collects the weights of each step graph once, since they do not change between steps. */
export class StepRunner {
  readonly #parts: StepParts;
  readonly #cache: StepCache;
  readonly #weights: readonly Record<string, Tensor>[];

  constructor(parts: StepParts, cache: StepCache) {
    this.#parts = parts;
    this.#cache = cache;
    const tensors = parts.weights.tensors();
    const { config, variant } = parts.sessions;
    const roles = stepRoles(config, variant.adapter);
    const pick = (layer: number, half: readonly string[]): [string, Tensor][] =>
      half.map((role) => [role, tensors[layerParameter(layer, role)] as Tensor]);
    const whole = (...names: string[]): [string, Tensor][] =>
      names.map((name) => [name, tensors[name] as Tensor]);
    const steps = [[...whole('embed_tokens'), ...pick(0, roles.attention)]];
    for (let l = 0; l + 1 < config.layers; l++)
      steps.push([...pick(l, roles.block), ...pick(l + 1, roles.attention)]);
    const head = whole('norm', config.tiedEmbeddings ? 'embed_tokens' : 'lm_head');
    steps.push([...pick(config.layers - 1, roles.block), ...head]);
    this.#weights = steps.map((entries) => Object.fromEntries(entries));
  }

  /**
   * Runs one decode step, which predicts the next token of every slot.
   *
   * @param last - last token of each slot [slots]; 0 for free slots
   * @returns logits [slots, V]
   */
  async step(last: readonly number[]): Promise<Float32Array> {
    const { sessions, steps } = this.#parts;
    const { runtime, config } = sessions;
    const slots = last.length;
    const positions = this.#cache.advance();
    const shared = {
      ...sessions.ropeCache.feeds(Math.max(...positions) + 1),
      positions: runtime.int64(BigInt64Array.from(positions, BigInt), [slots, 1]),
      tokens: runtime.int64(BigInt64Array.from(last, BigInt), [slots]),
    };
    let state = await (steps[0] as Session).run({ ...this.#weights[0], ...shared });
    for (let l = 0; l < config.layers; l++) {
      this.#cache.append(l, positions, floatData(state.k_next), floatData(state.v_next));
      state = await (steps[l + 1] as Session).run({
        ...this.#weights[l + 1],
        ...shared,
        ...this.#cache.tensors(l, runtime),
        x: state.x_next as Tensor,
        q: state.q_next as Tensor,
        lengths: runtime.int32(this.#cache.kvLengths(l, positions), [slots]),
      });
    }
    return floatData(state.logits);
  }
}
