/**
 * Prefills the contexts of queued messages in batches under a token budget. Each distinct context is
 * prefilled once, and its keys, values and logits are kept until the last message with this context has
 * started.
 * @module
 */

import { floatData } from '../graph/runtime.ts';
import { gatherStates, LayerRunner } from '../score/layer-runner.ts';
import type { Sessions } from '../sessions.ts';
import type { WeightSource } from '../weights/weight-source.ts';
import type { PrefilledStates } from './kv-cache.ts';

export interface PrefillParts {
  readonly sessions: Sessions;
  readonly weights: WeightSource;
}

interface PendingContext {
  readonly context: Int32Array;
  /** Number of messages with this context that have not started. */
  remaining: number;
  states: PrefilledStates | undefined;
}

export class PrefillQueue {
  readonly #parts: PrefillParts & { readonly tokenBudget: number };
  readonly #keys: readonly string[];
  readonly #pending = new Map<string, PendingContext>();

  /** @param contexts - contexts of all messages, in the order in which `take` is called */
  constructor(parts: PrefillParts & { readonly tokenBudget: number }, contexts: readonly Int32Array[]) {
    this.#parts = parts;
    this.#keys = contexts.map((context) => context.join());
    contexts.forEach((context, index) => {
      const entry = this.#pending.get(this.#keys[index]);
      if (entry) entry.remaining++;
      else this.#pending.set(this.#keys[index], { context, remaining: 1, states: undefined });
    });
  }

  /** Returns the keys, values and logits of a message's context. Call it once per message, in order. */
  async take(message: number): Promise<PrefilledStates> {
    const key = this.#keys[message];
    const entry = this.#pending.get(key) as PendingContext;
    if (!entry.states) await this.#runNext();
    if (--entry.remaining === 0) this.#pending.delete(key);
    return entry.states as PrefilledStates;
  }

  /**
   * Prefills the next batch of pending contexts. The map's insertion order is the order in which contexts are
   * needed.
   */
  async #runNext(): Promise<void> {
    const batch: PendingContext[] = [];
    let length = 0;
    for (const entry of this.#pending.values()) {
      if (entry.states) continue;
      const padded = Math.max(length, entry.context.length);
      if (batch.length > 0 && padded * (batch.length + 1) > this.#parts.tokenBudget) break;
      batch.push(entry);
      length = padded;
    }
    const states = await runContexts(
      this.#parts,
      batch.map((entry) => entry.context),
      length,
    );
    batch.forEach((entry, row) => {
      entry.states = { ...states, row };
    });
  }
}

/**
 * Runs contexts through the model as one padded batch.
 *
 * @param length - length of the longest context
 * @returns keys, values and logits; row b belongs to context b
 */
export async function runContexts(
  { sessions, weights }: PrefillParts,
  contexts: readonly Int32Array[],
  length: number,
): Promise<Omit<PrefilledStates, 'row'>> {
  const { runtime, config } = sessions;
  const tokens = new BigInt64Array(contexts.length * length);
  const indices = new BigInt64Array(contexts.length);
  contexts.forEach((context, row) => {
    for (let t = 0; t < context.length; t++) tokens[row * length + t] = BigInt(context[t]);
    indices[row] = BigInt(row * length + context.length - 1);
  });
  if (sessions.execution === 'layers') return runLayers({ sessions, weights }, { tokens, indices, length });
  const session = await sessions.prefill();
  const outputs = await session.run({
    ...weights.tensors(),
    tokens: runtime.int64(tokens, [contexts.length, length]),
    indices: runtime.int64(indices, [contexts.length]),
    ...sessions.lengthFeeds(length),
  });
  const layers = Array.from({ length: config.layers }, (_, l) => l);
  return {
    k: layers.map((l) => floatData(outputs[`k${l}`])),
    v: layers.map((l) => floatData(outputs[`v${l}`])),
    logits: floatData(outputs.logits),
    length,
  };
}

/** Does the same as {@link runContexts} for models that run layer by layer. */
async function runLayers(
  { sessions, weights }: PrefillParts,
  batch: { readonly tokens: BigInt64Array; readonly indices: BigInt64Array; readonly length: number },
): Promise<Omit<PrefilledStates, 'row'>> {
  const { runtime, config } = sessions;
  const { tokens, indices, length } = batch;
  const rows = indices.length;
  const [k, v]: [Float32Array[], Float32Array[]] = [[], []];
  const hidden = await new LayerRunner(sessions, weights, 0).hidden(
    { rows, length, tokens },
    {
      onKeys: (layer, keys, values) => {
        k[layer] = keys;
        v[layer] = values;
      },
    },
  );
  const x = runtime.float32(gatherStates(hidden, indices, config.hiddenSize), [rows, config.hiddenSize]);
  const session = await sessions.logits();
  const { logits } = await session.run({ ...weights.tensors(), x });
  return { k, v, logits: floatData(logits), length };
}
