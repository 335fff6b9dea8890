/**
 * Rates of a machine: how fast it runs the models of a team, and how long the team's messages are. Times are
 * affine in the amount of work, so that rates from short messages and small batches extrapolate to a run.
 * `calibrate.ts` measures them; `gpu.ts` derives them from data sheets.
 * @module
 */
import { packedRows } from './packed-rows.ts';

/**
 * Cost of a pass over padded micro-batches. A micro-batch of R rows and T tokens per row takes
 * call + token R T + pair R T^2 seconds.
 */
export interface PassCost {
  /** Time per micro-batch, s: launches of the graphs, and reading the weights. */
  readonly call: number;
  /** Time per token, s. */
  readonly token: number;
  /** Time of attention per pair of tokens, s. */
  readonly pair: number;
}

/** Cost of sampling. */
export interface SamplingCost {
  /** Time per message, s. 0 if measured; rates from data sheets have no other term. */
  readonly message: number;
  /** Cost of the forward pass over contexts. */
  readonly prefill: PassCost;
  /** Part of the time of a decode step that does not depend on the number of messages, s: reading the weights. */
  readonly step: number;
  /** Time per decode step and message, s. */
  readonly row: number;
  /** Time per decode step, message and token in its KV cache, s. */
  readonly cached: number;
}

/** Rates of one agent. */
export interface AgentRates {
  readonly sampling: SamplingCost;
  readonly forward: PassCost;
  /** Backward pass before the first optimizer step of an update, without a KL term. */
  readonly backward: PassCost;
  /** Backward pass with a KL term, which also runs the reference model. */
  readonly fullBackward: PassCost;
  /** Comparison of two policies; it runs both models. */
  readonly divergence: PassCost;
  /** Time of one optimizer step, s. */
  readonly step: number;
  /** Time of one snapshot of weights and optimizer state, s. */
  readonly snapshot: number;
  /** Mean length of the contexts of the agent's first, second, ... message in an episode, tokens; not empty. */
  readonly contextTokens: readonly number[];
  /** Mean number of leading tokens that such a context has in common with another context of a batch. */
  readonly commonTokens: readonly number[];
  /** Equally likely lengths of a message, tokens; not empty. */
  readonly messageLengths: readonly number[];
  /** Number of messages of the agent in an episode. */
  readonly messagesPerEpisode: number;
}

export interface MachineRates {
  /** Rates by agent id; not empty. */
  readonly agents: readonly AgentRates[];
  /**
   * Share of episodes in groups (samples of one prompt) whose rewards are not all equal; only these have a
   * gradient.
   */
  readonly activeShare: number;
  /** Time to load the models of the team, s. */
  readonly loadSeconds: number;
  /** Resident memory of the process after it loaded the models, without their weights, bytes. */
  readonly processBytes: number;
  /** Sentences about values that were not measured. */
  readonly assumptions: readonly string[];
}

/** Rates of agent `id`. Agents beyond the measured ones have the rates of the last one. */
export function ratesOf({ agents }: Pick<MachineRates, 'agents'>, id: number): AgentRates {
  return agents[Math.min(id, agents.length - 1)];
}

/** Mean number of tokens of an agent's messages. */
export function meanMessage({ messageLengths }: Pick<AgentRates, 'messageLengths'>): number {
  return messageLengths.reduce((sum, length) => sum + length, 0) / messageLengths.length;
}

/** Mean number of tokens of the context of an agent's message number `round`, counted from 0. */
export function contextOf({ contextTokens }: Pick<AgentRates, 'contextTokens'>, round: number): number {
  return contextTokens[Math.min(round, contextTokens.length - 1)];
}

/**
 * Time of one pass over sequences of equal length, s.
 *
 * @param work.length - tokens of a sequence
 * @param work.budget - maximum number of tokens of a micro-batch
 */
export function passSeconds(
  { call, token, pair }: PassCost,
  work: { readonly sequences: number; readonly length: number; readonly budget: number },
): number {
  const { sequences, length, budget } = work;
  if (sequences <= 0) return 0;
  const rows = Math.max(1, Math.floor(budget / length));
  return Math.ceil(sequences / rows) * call + sequences * length * (token + pair * length);
}

/** Mean number of leading tokens that the contexts of message number `round` have in common, counted from 0. */
export function commonOf({ commonTokens }: Pick<AgentRates, 'commonTokens'>, round: number): number {
  return commonTokens[Math.min(round, commonTokens.length - 1)];
}

/** Rows of the prefill of distinct contexts. */
function prefilledRows(work: SamplingWork): { readonly sequences: number; readonly length: number } {
  const { contexts, contextTokens, commonTokens, budget } = work;
  // contexts are prefilled in batches, which are chosen by their length without common prefixes
  const batch = Math.min(contexts, Math.max(1, Math.floor(budget / contextTokens)));
  const sizes = { sequences: batch, contexts: batch, contextTokens, commonTokens, messageTokens: 1 };
  const { rows, length } = packedRows(sizes, work);
  return { sequences: batch === 0 ? 0 : (rows * contexts) / batch, length };
}

/** Messages that one call samples. */
export interface SamplingWork {
  /** Number of distinct contexts; each is prefilled once. */
  readonly contexts: number;
  readonly messages: number;
  /** Mean tokens of a context. */
  readonly contextTokens: number;
  /** Mean number of leading tokens that a context has in common with another one. */
  readonly commonTokens: number;
  /** See `PackingRule.pairCost`. */
  readonly pairCost?: number | undefined;
  /** Maximum number of messages that are decoded together. */
  readonly slots: number;
  /** Maximum number of tokens of a prefilled batch. */
  readonly budget: number;
}

/** Time of one sampling call, s. */
export function samplingSeconds(
  { sampling }: Pick<AgentRates, 'sampling'>,
  lengths: readonly number[],
  work: SamplingWork,
): number {
  const { message, prefill, step, row, cached } = sampling;
  const { messages, budget } = work;
  const { steps, rows, cachedTokens } = decodeSteps(lengths, work);
  return (
    messages * message +
    passSeconds(prefill, { ...prefilledRows(work), budget }) +
    step * steps +
    row * rows +
    cached * cachedTokens
  );
}

/**
 * Expected work of decoding. The first token of a message comes from the prefill, so a message of n tokens
 * takes n - 1 steps. A finished message is replaced by the next one. When none is left, the batch shrinks as
 * soon as half of its slots are free.
 *
 * @returns numbers of steps, of rows summed over the steps, and of cached tokens summed over these rows
 */
export function decodeSteps(
  lengths: readonly number[],
  { messages, slots: most, contextTokens }: Pick<SamplingWork, 'messages' | 'slots' | 'contextTokens'>,
): { readonly steps: number; readonly rows: number; readonly cachedTokens: number } {
  const slots = Math.min(most, messages);
  const mean = lengths.reduce((sum, length) => sum + length - 1, 0) / lengths.length;
  const queued = messages - slots; // these messages are decoded while all slots are in use
  let steps = (queued / slots) * mean;
  let rows = queued * mean;
  let cachedTokens = rows * (contextTokens + mean / 2);
  const sorted = [...lengths].sort((a, b) => a - b);
  let width = slots;
  let [from, finished] = [1, 0];
  while (finished < sorted.length) {
    // between two of the lengths, the share of unfinished messages is constant
    const length = sorted[finished];
    const share = 1 - finished / sorted.length;
    const live = slots * share;
    if (live <= width / 2) width = Math.max(1, live);
    const isRunning = 1 - (1 - share) ** slots; // probability that at least one message is unfinished
    const span = length - from;
    steps += span * isRunning;
    rows += span * isRunning * width;
    cachedTokens += span * isRunning * width * (contextTokens + (from + length) / 2);
    from = length;
    while (finished < sorted.length && sorted[finished] === length) finished++;
  }
  return { steps, rows, cachedTokens };
}
