/**
 * Measures the passes of training and of sampling of one model on small batches, and fits the affine costs of
 * `rates.ts`. Sequences are synthetic, and no two of them begin with the same token, so that an engine that
 * computes common prefixes once computes every token. The passes change gradients
 * and optimizer state.
 * @module
 */
import { randomStream } from '../core/rng.ts';
import type { Model, Sequence } from '../engine/engine.ts';
import type { BatchSize } from './memory.ts';
import type { AgentRates, PassCost, SamplingCost } from './rates.ts';

/** A clock, s. Benchmarks on a busy machine pass the CPU time of the process. */
export type Clock = () => number;

/** Size of a model as far as costs depend on it. */
export interface CostShape {
  /** Cost of attention per pair of tokens, divided by the cost of the weights per token. */
  readonly pairShare: number;
  /** Bytes of the KV cache per token, divided by the bytes of all weights. */
  readonly cacheShare: number;
}

export interface MeasureOptions {
  /** Tokens that the contexts of the run consist of, at least one; used again and again. */
  readonly vocabulary: Int32Array;
  /** Number of tokens of the model's tokenizer. */
  readonly vocabSize: number;
  /** Mean tokens of a context and of a message in the run. */
  readonly contextTokens: number;
  readonly messageTokens: number;
  readonly temperature: number;
  /** Maximum number of tokens of a micro-batch. */
  readonly budget: number;
  readonly shape: CostShape;
  /** Whether the run has backward passes with a KL term. */
  readonly needsFull: boolean;
  /** Time that the measurement may take, s, without the compilation of the graphs. */
  readonly seconds: number;
  /**
   * A pass is repeated until it took this long in total, s. The first run of a larger batch is slower, because
   * it allocates memory.
   */
  readonly enoughSeconds: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal | undefined;
  /** Called before each part of the measurement. */
  readonly onPart?: (() => void) | undefined;
}

/** Costs of one model. */
export type PassRates = Pick<
  AgentRates,
  'forward' | 'backward' | 'fullBackward' | 'divergence' | 'step' | 'snapshot'
> & {
  /** The largest measured batch. */
  readonly batch: BatchSize;
};

const NO_STEP = { learningRate: 0, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradNorm: 1 };

/** Number of parts of {@link measurePasses}, for progress. */
export const PASS_PARTS = 6;

/** Smallest number of tokens of a measured batch, where a pass reads weights longer than it computes. */
const SMALLEST = 16;
const MAX_REPEATS = 5;
/** Mean number of runs of a pass, to choose the sizes of the measured batches. */
const REPEATS = 2;

/**
 * Time of a forward, backward, full backward and divergence pass in units of a forward pass; used only to
 * choose the sizes of the measured batches. A divergence is measured after a forward pass.
 */
const UNITS = { forward: 1, backward: 3.5, fullBackward: 5, divergence: 2.5 };

/**
 * Measures forward and backward passes on three batches: a small one; one of three times as many rows; and one
 * of as many tokens in longer sequences. Divergences and passes with a KL term are measured on the first two.
 * The size of the batches follows from the speed of the first pass.
 */
export async function measurePasses(model: Model, options: MeasureOptions): Promise<PassRates> {
  const { clock, signal, onPart, temperature, seconds } = options;
  const params = { temperature, ...(signal && { signal }) };
  const part = async <T>(work: () => Promise<T>): Promise<T> => {
    signal?.throwIfAborted();
    onPart?.();
    return work();
  };
  const time = (work: () => Promise<unknown>) => quickest(work, options);
  const cotangents = (sequences: readonly Sequence[]) =>
    sequences.map(({ tokens }) => new Float32Array(tokens.length).fill(-1e-6));
  const forward = (batch: MeasuredBatch) => time(() => model.forward(batch.sequences, params));
  const backward = (batch: MeasuredBatch) =>
    time(() => model.backward(batch.sequences, cotangents(batch.sequences), params));

  // these first calls compile the graphs; the last of them gives the speed
  const tiny = measuredBatch(options, { rows: 1, length: SMALLEST });
  const { reference, speed, snapshot } = await part(async () => {
    await model.forward(tiny.sequences, params);
    await model.backward(tiny.sequences, cotangents(tiny.sequences), params);
    const started = clock();
    const id = await model.snapshot();
    const copied = clock() - started;
    await model.divergence(tiny.sequences, id, params);
    return { reference: id, snapshot: copied, speed: (await forward(tiny)) / tiny.tokens };
  });
  const { small, wide, long } = measuredBatches(options, { seconds, speed });
  const all = long ? [small, wide, long] : [small, wide];
  const forwardTimes = await part(() => inOrder(all, forward));
  const backwardTimes = await part(() => inOrder(all, backward));
  const costs = {
    forward: fitPass(all, forwardTimes, options.shape.pairShare),
    backward: fitPass(all, backwardTimes, options.shape.pairShare),
  };
  const two = [small, wide];
  const divergence = async (batch: MeasuredBatch) => {
    // as in a run, which scores the messages before the update: engines can keep what the divergence needs of it
    await model.forward(batch.sequences, params);
    return time(() => model.divergence(batch.sequences, reference, params));
  };
  const divergenceTimes = await part(() => inOrder(two, divergence));
  const kl = { reference, weight: 1e-6 };
  const full = (batch: MeasuredBatch) =>
    time(() => model.backward(batch.sequences, cotangents(batch.sequences), { ...params, kl }));
  const fullTimes = await part(async () => (options.needsFull ? inOrder(two, full) : undefined));
  const step = await part(async () => {
    const started = clock();
    await model.step(NO_STEP);
    return clock() - started;
  });
  model.release(reference);
  return {
    ...costs,
    fullBackward: fullTimes
      ? fitPass(two, fullTimes, costs.backward.pair / costs.backward.token)
      : addCosts(costs.backward, costs.forward),
    divergence: fitPass(two, divergenceTimes, costs.forward.pair / costs.forward.token),
    step,
    snapshot,
    batch: { tokens: wide.tokens, length: wide.length, cachedTokens: 0 },
  };
}

/** Number of parts of {@link measureSampling}, for progress. */
export const SAMPLING_PARTS = 4;

/** Longest context of the measurement of decode steps, tokens. */
const SHORT_CONTEXT = 48;
const DECODED = 5;
const DECODED_ROWS = 16;

/** Measures the prefill of contexts, and decode steps of one and of several messages. */
export async function measureSampling(model: Model, options: MeasureOptions): Promise<SamplingCost> {
  const { signal, onPart, temperature, shape } = options;
  const length = Math.max(1, Math.min(SHORT_CONTEXT, Math.round(options.contextTokens)));
  let seed = 0;
  /** @returns the time, and the numbers of decode steps and of rows summed over the steps */
  const sample = async (contexts: number, messages: number, maxTokens: number) => {
    signal?.throwIfAborted();
    onPart?.();
    const distinct = Array.from({ length: contexts }, (_, k) => contextOfRow(options, length, k));
    let work = { steps: 0, rows: 0 };
    const seconds = await quickest(async () => {
      const requests = Array.from({ length: messages }, (_, k) => ({
        context: distinct[k % contexts] as Int32Array,
        stream: randomStream(seed++),
      }));
      const params = { temperature, maxTokens, ...(signal && { signal }) };
      const completions = await model.sample(requests, params);
      work = observedSteps(completions.map(({ tokens }) => tokens.length));
    }, options);
    return { seconds, ...work };
  };
  const one = await sample(1, 1, 1);
  const three = await sample(3, 3, 1);
  const single = await sample(1, 1, DECODED);
  const several = await sample(1, DECODED_ROWS, DECODED);
  const token = Math.max((three.seconds - one.seconds) / (2 * length), one.seconds / (3 * length));
  const call = Math.max(0, one.seconds - token * length);
  const { step, row } = decodeCost(
    { ...single, seconds: single.seconds - one.seconds },
    { ...several, seconds: several.seconds - one.seconds },
  );
  const pair = (token * shape.pairShare) / (1 + shape.pairShare * length);
  return {
    message: 0,
    prefill: { call, token: token - pair * length, pair },
    step,
    row,
    cached: shape.cacheShare * step,
  };
}

/** Numbers of decode steps, and of rows summed over the steps, of messages that were all decoded together. */
function observedSteps(lengths: readonly number[]): { readonly steps: number; readonly rows: number } {
  const steps = Math.max(...lengths) - 1;
  let [rows, width] = [0, lengths.length];
  for (let t = 1; t <= steps; t++) {
    const live = lengths.filter((length) => length > t).length;
    if (live <= width / 2) width = live;
    rows += width;
  }
  return { steps, rows };
}

interface MeasuredSteps {
  readonly seconds: number;
  readonly steps: number;
  readonly rows: number;
}

/** Solves seconds = step x steps + row x rows for two measurements; neither cost is negative. */
function decodeCost(a: MeasuredSteps, b: MeasuredSteps): { readonly step: number; readonly row: number } {
  const most = b.steps > 0 ? b : a;
  if (most.steps === 0) return { step: 0, row: 0 }; // all messages ended with their first token
  const perStep = ({ seconds, steps }: MeasuredSteps): number => Math.max(0, seconds) / steps;
  const width = ({ rows, steps }: MeasuredSteps): number => rows / steps;
  if (a.steps === 0 || b.steps === 0 || width(b) - width(a) < 1)
    return { step: perStep(most) / 2, row: perStep(most) / 2 / width(most) };
  const slope = (perStep(b) - perStep(a)) / (width(b) - width(a));
  const row = Math.min(Math.max(slope, 0), perStep(b) / width(b));
  return { step: Math.max(0, perStep(b) - row * width(b)), row };
}

interface MeasuredBatch {
  readonly sequences: readonly Sequence[];
  readonly rows: number;
  readonly length: number;
  readonly tokens: number;
}

/**
 * Chooses the batches such that all passes over them take about `seconds`, and that no batch is larger than a
 * micro-batch of the run.
 *
 * @param at.speed - time of a forward pass per token, s
 */
function measuredBatches(
  options: MeasureOptions,
  { seconds, speed }: { readonly seconds: number; readonly speed: number },
): { readonly small: MeasuredBatch; readonly wide: MeasuredBatch; readonly long?: MeasuredBatch } {
  const length = Math.max(2, Math.round(options.contextTokens + options.messageTokens) - 1);
  const { forward, backward, divergence, fullBackward } = UNITS;
  const units = 7 * (forward + backward) + 4 * divergence + (options.needsFull ? 4 * fullBackward : 0);
  const affordable = Math.floor(seconds / (REPEATS * speed * units));
  const largest = Math.floor(options.budget / 3);
  const tokens = Math.max(Math.min(SMALLEST, largest), Math.min(affordable, largest));
  const short = Math.min(length, tokens);
  const rows = Math.max(1, Math.floor(tokens / short));
  const small = measuredBatch(options, { rows, length: short });
  const wide = measuredBatch(options, { rows: 3 * rows, length: short });
  if (length < 2 * short) return { small, wide };
  return { small, wide, long: measuredBatch(options, { rows, length: Math.min(length, 3 * short) }) };
}

/** Creates sequences of `length` input tokens with the run's share of message tokens. */
function measuredBatch(
  { vocabulary, vocabSize, contextTokens, messageTokens }: MeasureOptions,
  { rows, length }: { readonly rows: number; readonly length: number },
): MeasuredBatch {
  const share = messageTokens / (contextTokens + messageTokens);
  const message = Math.min(length, Math.max(1, Math.round((length + 1) * share))); // the last token is no input
  const sequences = Array.from({ length: rows }, (_, row) => ({
    context: contextOfRow({ vocabulary, vocabSize }, length + 1 - message, row),
    tokens: fill(vocabulary, message, row + 1),
  }));
  return { sequences, rows, length, tokens: rows * length };
}

/**
 * Returns a context of `length` tokens, whose first token differs from that of other rows, as long as there are fewer
 * rows than tokens.
 */
function contextOfRow(
  { vocabulary, vocabSize }: Pick<MeasureOptions, 'vocabulary' | 'vocabSize'>,
  length: number,
  row: number,
): Int32Array {
  const context = fill(vocabulary, length, row);
  const ids = new Set(vocabulary);
  for (let id = 0; ids.size <= row && id < vocabSize; id++) ids.add(id);
  context[0] = [...ids][row % ids.size] as number;
  return context;
}

/** Returns `length` tokens of the vocabulary, from position `from` on. */
function fill(vocabulary: Int32Array, length: number, from: number): Int32Array {
  return Int32Array.from({ length }, (_, k) => vocabulary[(from + k) % vocabulary.length] as number);
}

/**
 * Fits call, token and pair to the times of two or three batches. Without a batch of longer sequences the
 * number of operations gives the share of attention. With one it is at least this number, because attention
 * is never faster per operation than the weights.
 */
function fitPass(
  [small, wide, long]: readonly MeasuredBatch[],
  [smallTime, wideTime, longTime]: readonly number[],
  pairShare: number,
): PassCost {
  if (!small || !wide || smallTime === undefined || wideTime === undefined)
    throw new RangeError('fitPass: expected the times of at least two batches');
  const { length } = wide;
  // the cost of a token grows with the number of tokens at most in proportion, and by at least half of it
  const perToken = Math.max(
    Math.min((wideTime - smallTime) / (wide.tokens - small.tokens), wideTime / wide.tokens),
    wideTime / wide.tokens / 2,
  );
  const call = Math.max(0, wideTime - perToken * wide.tokens);
  const least = (perToken * pairShare) / (1 + pairShare * length);
  if (!long || longTime === undefined) return { call, token: perToken - least * length, pair: least };
  const excess = (longTime - call) / long.tokens - perToken;
  const pair = Math.min(Math.max(excess / (long.length - length), least), perToken / (2 * length));
  return { call, token: perToken - pair * length, pair };
}

function addCosts(a: PassCost, b: PassCost): PassCost {
  return { call: a.call + b.call, token: a.token + b.token, pair: a.pair + b.pair };
}

async function inOrder<A, B>(items: readonly A[], work: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Returns the shortest time of several runs, s. Short work is repeated more often than long work. */
async function quickest(
  work: () => Promise<unknown>,
  { clock, enoughSeconds }: Pick<MeasureOptions, 'clock' | 'enoughSeconds'>,
): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  const started = clock();
  for (let run = 0; run < MAX_REPEATS && (run === 0 || clock() - started < enoughSeconds); run++) {
    const before = clock();
    await work();
    best = Math.min(best, clock() - before);
  }
  return best;
}
