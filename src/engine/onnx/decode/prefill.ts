/**
 * Prefills the contexts of queued messages in batches under a token budget. Each distinct context is
 * prefilled once, and its keys, values and logits are kept until the last message with this context has
 * started.
 * @module
 */

import { attentionPairCost } from '../execution.ts';
import { floatData } from '../graph/runtime.ts';
import { gatherStates, LayerRunner, type PaddedTokens } from '../score/layer-runner.ts';
import { type PrefixRow, packPrefixRows, singleRow, treeLayout } from '../score/prefix-rows.ts';
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
      { length, share: true },
    );
    batch.forEach((entry, row) => {
      entry.states = { ...states, row };
    });
  }
}

/**
 * Runs contexts through the model as one padded batch.
 *
 * @param options.length - length of the longest context
 * @param options.share - whether a common prefix of several contexts is computed once, if the model runs layer by
 *   layer. The states of a context then depend on the other contexts of the batch, by rounding.
 * @returns keys, values and logits; row b belongs to context b
 */
export async function runContexts(
  { sessions, weights }: PrefillParts,
  contexts: readonly Int32Array[],
  { length, share = false }: { readonly length: number; readonly share?: boolean },
): Promise<Omit<PrefilledStates, 'row'>> {
  const { runtime, config } = sessions;
  if (sessions.execution === 'layers') return runLayers({ sessions, weights }, contexts, { length, share });
  const { tokens, indices } = padRows(
    contexts.map((context, index) => wholeRow(index, context)),
    length,
  );
  const session = await sessions.prefill();
  const outputs = await session.run({
    ...weights.tensors(),
    tokens: runtime.int64(tokens, [contexts.length, length]),
    indices: runtime.int64(indices, [contexts.length]),
    ...sessions.attentionFeeds({ rows: contexts.length, length }),
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
  contexts: readonly Int32Array[],
  { length, share }: { readonly length: number; readonly share: boolean },
): Promise<Omit<PrefilledStates, 'row'>> {
  const { runtime, config } = sessions;
  const rows = share
    ? packPrefixRows(
        contexts.map((tokens) => ({ tokens, shareable: tokens.length })),
        { maxLength: contexts.length * length, pairCost: attentionPairCost(config) },
      )
    : contexts.map((context, index) => wholeRow(index, context));
  const padded = Math.max(...rows.map((row) => row.tokens.length));
  const batch = padRows(rows, padded);
  const [k, v]: [Float32Array[], Float32Array[]] = [[], []];
  const shape = { length: padded, heads: config.kvHeads, headDim: config.headDim };
  const hidden = await new LayerRunner(sessions, weights, 0).hidden(batch, {
    onKeys: (layer, keys, values) => {
      k[layer] = share ? unpackStates(keys, rows, { ...shape, to: length }) : keys;
      v[layer] = share ? unpackStates(values, rows, { ...shape, to: length }) : values;
    },
  });
  const last = gatherStates(hidden, batch.indices, config.hiddenSize);
  const x = runtime.float32(last, [contexts.length, config.hiddenSize]);
  const session = await sessions.logits();
  const { logits } = await session.run({ ...weights.tensors(), x });
  return { k, v, logits: floatData(logits), length };
}

function wholeRow(index: number, context: Int32Array): PrefixRow {
  return singleRow(index, { tokens: context, shareable: 0 });
}

/** Pads rows to one length. `indices` has the flat index of the last token of each context, in context order. */
function padRows(
  rows: readonly PrefixRow[],
  length: number,
): PaddedTokens & { readonly indices: BigInt64Array } {
  const contexts = rows.reduce((sum, row) => sum + row.sequences.length, 0);
  const tokens = new BigInt64Array(rows.length * length);
  const indices = new BigInt64Array(contexts);
  rows.forEach((row, b) => {
    row.tokens.forEach((token, t) => {
      tokens[b * length + t] = BigInt(token);
    });
    row.sequences.forEach((index, i) => {
      indices[index] = BigInt(b * length + (row.positions[i].at(-1) as number));
    });
  });
  const tree = treeLayout(rows, length);
  return { rows: rows.length, length, tokens, indices, ...(tree ? { tree } : {}) };
}

/** Copies the states of rows [B, heads, T, d] to one row per context [contexts, heads, to, d]. */
function unpackStates(
  states: Float32Array,
  rows: readonly PrefixRow[],
  shape: { readonly length: number; readonly heads: number; readonly headDim: number; readonly to: number },
): Float32Array {
  const { length, heads, headDim: d, to } = shape;
  const contexts = rows.reduce((sum, row) => sum + row.sequences.length, 0);
  const unpacked = new Float32Array(contexts * heads * to * d);
  rows.forEach((row, b) => {
    row.sequences.forEach((index, i) => {
      for (let h = 0; h < heads; h++)
        row.positions[i].forEach((position, t) => {
          const from = ((b * heads + h) * length + position) * d;
          unpacked.set(states.subarray(from, from + d), ((index * heads + h) * to + t) * d);
        });
    });
  });
  return unpacked;
}
