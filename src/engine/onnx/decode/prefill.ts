/**
 * Prefills the contexts of queued messages in batches under a token budget. Each distinct context is
 * prefilled once, and its keys, values and logits are kept until the last message with this context has
 * started.
 * @module
 */

import { attentionPairCost } from '../execution.ts';
import { floatData } from '../graph/runtime.ts';
import { gatherStates, LayerRunner, type PaddedTokens } from '../score/layer-runner.ts';
import {
  type PrefixRow,
  packPrefixRows,
  paddedTokens,
  rowBatches,
  singleRow,
  treeLayout,
} from '../score/prefix-rows.ts';
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
  parts: PrefillParts,
  contexts: readonly Int32Array[],
  { length, share }: { readonly length: number; readonly share: boolean },
): Promise<Omit<PrefilledStates, 'row'>> {
  const { config } = parts.sessions;
  const single = contexts.map((context, index) => wholeRow(index, context));
  const budget = contexts.length * length;
  const packed = share
    ? packPrefixRows(
        contexts.map((tokens) => ({ tokens, shareable: tokens.length })),
        { maxLength: budget, pairCost: attentionPairCost(config) },
      )
    : single;
  if (packed.length === contexts.length) return { ...(await runRows(parts, single, length)), length };
  const sizes = { length, heads: config.kvHeads, headDim: config.headDim };
  const size = contexts.length * config.kvHeads * length * config.headDim;
  const buffers = (): Float32Array[] => Array.from({ length: config.layers }, () => new Float32Array(size));
  const [k, v] = [buffers(), buffers()];
  const logits = new Float32Array(contexts.length * config.vocabSize);
  for (const rows of rowBatches(packed, budget)) {
    const padded = rows[0].tokens.length;
    const states = await runRows(parts, rows, padded);
    for (let l = 0; l < config.layers; l++) {
      unpackStates(states.k[l], rows, { ...sizes, padded, into: k[l] });
      unpackStates(states.v[l], rows, { ...sizes, padded, into: v[l] });
    }
    rows
      .flatMap((row) => row.sequences)
      .forEach((index, at) => {
        const own = states.logits.subarray(at * config.vocabSize, (at + 1) * config.vocabSize);
        logits.set(own, index * config.vocabSize);
      });
  }
  return { k, v, logits, length };
}

/** Returns keys and values of every row position, and the logits after each context in the order of the rows. */
async function runRows(
  { sessions, weights }: PrefillParts,
  rows: readonly PrefixRow[],
  length: number,
): Promise<Pick<PrefilledStates, 'k' | 'v' | 'logits'>> {
  const { runtime, config } = sessions;
  const batch = padRows(rows, length);
  const [k, v]: [Float32Array[], Float32Array[]] = [[], []];
  const hidden = await new LayerRunner(sessions, weights, 0).hidden(batch, {
    onKeys: (layer, keys, values) => {
      k[layer] = keys;
      v[layer] = values;
    },
  });
  const last = gatherStates(hidden, batch.indices, config.hiddenSize);
  const x = runtime.float32(last, [batch.indices.length, config.hiddenSize]);
  const session = await sessions.logits();
  const { logits } = await session.run({ ...weights.tensors(), x });
  return { k, v, logits: floatData(logits) };
}

function wholeRow(index: number, context: Int32Array): PrefixRow {
  return singleRow(index, { tokens: context, shareable: 0 });
}

/**
 * Pads rows to one length. `indices` has the flat index of the last token of each context, in the order of the
 * rows.
 */
function padRows(
  rows: readonly PrefixRow[],
  length: number,
): PaddedTokens & { readonly indices: BigInt64Array } {
  const indices: number[] = [];
  rows.forEach((row, b) => {
    for (const positions of row.positions) indices.push(b * length + (positions.at(-1) as number));
  });
  const tree = treeLayout(rows, length);
  return {
    ...{ rows: rows.length, length, tokens: paddedTokens(rows, length) },
    indices: BigInt64Array.from(indices, BigInt),
    ...(tree ? { tree } : {}),
  };
}

/** Copies the states of rows [B, heads, padded, d] to one row per context [contexts, heads, length, d]. */
function unpackStates(
  states: Float32Array,
  rows: readonly PrefixRow[],
  to: {
    readonly padded: number;
    readonly length: number;
    readonly heads: number;
    readonly headDim: number;
    readonly into: Float32Array;
  },
): void {
  const { padded, length, heads, headDim: d, into } = to;
  rows.forEach((row, b) => {
    row.sequences.forEach((index, i) => {
      for (const { start, end, position } of runsOf(row.positions[i]))
        for (let h = 0; h < heads; h++) {
          const from = ((b * heads + h) * padded + position) * d;
          const run = states.subarray(from, from + (end - start) * d);
          into.set(run, ((index * heads + h) * length + start) * d);
        }
    });
  });
}

/** Divides a sequence into runs of consecutive row positions; `position` is that of the first token of a run. */
function runsOf(
  positions: Int32Array,
): { readonly start: number; readonly end: number; readonly position: number }[] {
  const runs: { start: number; end: number; position: number }[] = [];
  positions.forEach((position, t) => {
    const run = runs.at(-1);
    if (run && position === run.position + t - run.start) run.end = t + 1;
    else runs.push({ start: t, end: t + 1, position });
  });
  return runs;
}
