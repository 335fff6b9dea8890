/**
 * One step of the batch being sampled: the step graphs in a row, with the cache written between them.
 * @see decoder/decode-graphs.ts for where they are cut
 * @module
 */
import { ATTENTION_ROLES, BLOCK_ROLES } from './decoder/decode-graphs.ts';
import type { ParameterStore } from './parameter-store.ts';
import { floatData, type Runtime, type Session, type Tensor } from './runtime.ts';
import type { Sessions } from './sessions.ts';

export interface StepSessions {
  readonly embed: Session;
  readonly layer: Session;
  readonly head: Session;
}

export interface StepParts {
  readonly sessions: Sessions;
  readonly parameters: ParameterStore;
  readonly steps: StepSessions;
}

/** Where a step reads keys and values and writes new ones. */
export interface StepCache {
  /** Makes room for one more token per row; returns the position each row writes to [rows]. */
  advance(): Int32Array;
  /** Writes one token's keys and values [rows, kvHeads d] of a layer at the given positions. */
  append(layer: number, positions: Int32Array, k: Float32Array, v: Float32Array): void;
  /** The whole cache of a layer [rows, kvHeads, capacity, d]. */
  tensors(layer: number, runtime: Runtime): { readonly k: Tensor; readonly v: Tensor };
}

/** Feeds of the step graphs, made once per run where they do not change. */
export class StepFeeds {
  readonly #parts: StepParts;
  readonly #cache: StepCache;
  readonly #weights: readonly Record<string, Tensor>[];

  constructor(parts: StepParts, cache: StepCache) {
    this.#parts = parts;
    this.#cache = cache;
    const tensors = parts.parameters.tensors();
    const { layers } = parts.sessions.config;
    const pick = (layer: number, roles: readonly string[]): [string, Tensor][] =>
      roles.map((role) => [role, tensors[`layers.${layer}.${role}`] as Tensor]);
    const table: [string, Tensor] = ['embed_tokens', tensors.embed_tokens as Tensor];
    const head: [string, Tensor][] = [
      ['norm', tensors.norm as Tensor],
      parts.sessions.config.tiedEmbeddings ? table : ['lm_head', tensors.lm_head as Tensor],
    ];
    const steps: [string, Tensor][][] = [[table, ...pick(0, ATTENTION_ROLES)]];
    for (let l = 0; l + 1 < layers; l++)
      steps.push([...pick(l, BLOCK_ROLES), ...pick(l + 1, ATTENTION_ROLES)]);
    steps.push([...pick(layers - 1, BLOCK_ROLES), ...head]);
    this.#weights = steps.map((entries) => Object.fromEntries(entries));
  }

  /**
   * One step of every slot.
   *
   * @param last - last token of each slot [slots]; 0 for free ones
   * @returns logits [slots, V]
   */
  async step(last: readonly number[]): Promise<Float32Array> {
    const { sessions, steps } = this.#parts;
    const { runtime, config } = sessions;
    const slots = last.length;
    const positions = this.#cache.advance();
    const rope = sessions.rope(Math.max(...positions) + 1);
    const shared = {
      positions: runtime.longs(BigInt64Array.from(positions, BigInt), [slots, 1]),
      rope_cos: runtime.floats(rope.cos, [rope.positions, config.headDim / 2]),
      rope_sin: runtime.floats(rope.sin, [rope.positions, config.headDim / 2]),
    };
    const lengths = runtime.ints(
      Int32Array.from(positions, (position) => position + 1),
      [slots],
    );
    let state = await steps.embed.run({
      ...this.#weights[0],
      ...shared,
      tokens: runtime.longs(BigInt64Array.from(last, BigInt), [slots]),
    });
    for (let l = 0; l < config.layers; l++) {
      this.#cache.append(l, positions, floatData(state.k_next), floatData(state.v_next));
      const cached = this.#cache.tensors(l, runtime);
      const inputs = {
        ...this.#weights[l + 1],
        x: state.x_next as Tensor,
        q: state.q_next as Tensor,
        ...cached,
        lengths,
      };
      state =
        l + 1 < config.layers
          ? await steps.layer.run({ ...inputs, ...shared })
          : await steps.head.run(inputs);
    }
    return floatData(state.logits);
  }
}
