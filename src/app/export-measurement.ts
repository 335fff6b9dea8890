/**
 * Measures the part of a trained policy that an exported model with rounded weights keeps: exact KL over the
 * vocabulary at the token states of messages that the run stored.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import { stateDivergence } from '../core/divergence.ts';
import { inverseCdfQuantile } from '../core/quantile.ts';
import { randomStream } from '../core/rng.ts';
import type { Model, Sequence } from '../engine/engine.ts';
import type { KlSummary, RoundingLoss } from '../report/rounding-loss.ts';
import { readCompletions } from '../store/read-run.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';
import { type StoredDialogue, type StoredMessage, storedSequence } from '../swap/stored-sequence.ts';
import { withExamples } from '../team/examples.ts';
import type { Protocol } from '../team/team.ts';
import { chatSettings } from './compose/agent-text.ts';
import { createEmbeddedEngine } from './compose/engine.ts';
import { loadedBytes } from './compose/model-size.ts';
import { composeProtocol, composeTask } from './compose/task.ts';

/** Largest number of messages that are scored. */
const MESSAGES = 32;
/** Number of messages that are sampled if the run has stored none. */
const SAMPLED_MESSAGES = 8;
/** Largest size of the trained model's log-probabilities that are kept for the comparison, bytes. */
const LOGP_BYTES = 256 * 2 ** 20;

/** The models to compare; each is a model folder or a GGUF file. */
export interface MeasuredModels {
  readonly trained: string;
  readonly exported: string;
  /** Absent if the base is not on this machine. */
  readonly base?: string | undefined;
}

export interface MeasuredRun {
  readonly resolved: ResolvedConfig;
  /** Run folder. */
  readonly run: string;
  readonly agent: number;
}

/**
 * Loads the models one after the other, so that memory never contains two of them.
 *
 * @returns the divergences, or the reason why they were not measured
 */
export async function measureRounding(
  measured: MeasuredRun,
  models: MeasuredModels,
): Promise<Pick<RoundingLoss, 'messages' | 'sampled' | 'states' | 'lost' | 'learned'> | string> {
  const messages = storedMessages(measured);
  const bytes = loadedBytes(models.exported);
  if (bytes + LOGP_BYTES > process.availableMemory())
    return `expected ${(bytes / 2 ** 30).toFixed(1)} GiB of free memory for the model, got ${(process.availableMemory() / 2 ** 30).toFixed(1)} GiB`;
  try {
    const protocol = await composeProtocol(measured.resolved);
    const reference = await withModel(measured, models.trained, (model) =>
      scoreTrained(model, { protocol, messages, measured }),
    );
    const against = (dir: string): Promise<KlSummary> =>
      withModel(measured, dir, (model) => divergence(model, reference));
    const lost = await against(models.exported);
    return {
      messages: reference.sequences.length,
      sampled: messages.length === 0,
      states: reference.sequences.reduce((sum, { tokens }) => sum + tokens.length, 0),
      lost,
      ...(models.base === undefined ? {} : { learned: await against(models.base) }),
    };
  } catch (error) {
    // a model that only another engine can run does not prevent its export
    if (error instanceof TroupeError) return error.message;
    throw error;
  }
}

interface Reference {
  readonly sequences: readonly Sequence[];
  /** Log-probabilities of the trained model per sequence [T, V], nats. */
  readonly logp: readonly Float32Array[];
  readonly temperature: number;
}

type Stored = readonly (readonly [StoredDialogue, StoredMessage])[];

/** Returns the newest different messages of an agent that training stored, with their episodes. */
function storedMessages({ run, agent }: MeasuredRun): Stored {
  const rows = readCompletions(run) as (StoredDialogue & { readonly split?: string })[]; // written by train/transcripts.ts
  const found = new Map<string, readonly [StoredDialogue, StoredMessage]>();
  for (const row of rows.toReversed()) {
    // replies of an environment have no agent id; contexts after a reply are those of the environment's prompts
    const isInteractive = row.messages.some((message) => typeof message.agent !== 'number');
    for (const message of row.messages) {
      if (message.agent !== agent || (isInteractive && message.turn > 0)) continue;
      found.set(JSON.stringify([row.item, message.turn, message.text]), [row, message]);
      if (found.size === MESSAGES) return [...found.values()];
    }
  }
  return [...found.values()];
}

async function withModel<T>(
  { resolved, agent }: MeasuredRun,
  dir: string,
  use: (model: Model) => Promise<T>,
): Promise<T> {
  const { config } = resolved;
  // without an adapter's rank the engine adds no new adapter to a complete model
  const engine = await createEmbeddedEngine({ ...config, engine: { ...config.engine, lora_rank: 0 } });
  try {
    const model = await engine.load({ dir, ...chatSettings(config, agent) });
    try {
      return await use(model);
    } finally {
      await model.close();
    }
  } finally {
    await engine.close();
  }
}

async function scoreTrained(
  model: Model,
  {
    protocol,
    messages,
    measured,
  }: { readonly protocol: Protocol; readonly messages: Stored; readonly measured: MeasuredRun },
): Promise<Reference> {
  const { resolved, agent } = measured;
  const { train, agents } = resolved.config;
  const { tokenizer, capabilities } = model;
  const reader = {
    ...{ protocol, tokenizer, maxTokens: train.max_completion_length },
    instruction: agents[agent]?.instruction,
    examples: agents[agent]?.examples,
  };
  const found =
    messages.length > 0
      ? messages.map(([episode, message]) => storedSequence(reader, episode, message))
      : await sampledSequences(model, protocol, measured);
  const sequences: Sequence[] = [];
  let states = Math.floor(LOGP_BYTES / (4 * tokenizer.vocabSize));
  for (const { context, tokens } of found) {
    const kept = tokens.subarray(0, Math.max(0, Math.min(states, capabilities.maxContext - context.length)));
    if (kept.length > 0) sequences.push({ context, tokens: kept });
    states -= kept.length;
  }
  if (sequences.length === 0) throw new ConfigError('no stored message fits into the context window');
  const { temperature } = train;
  const logp: Float32Array[] = new Array(sequences.length);
  await distributionsOf(model, { sequences, temperature }, (index, logp_TV) => {
    logp[index] = logp_TV.slice();
  });
  return { sequences, logp, temperature };
}

/** Samples first messages of the agent on prompts of its task; a swapped team, for instance, has stored none yet. */
async function sampledSequences(
  model: Model,
  protocol: Protocol,
  { resolved, agent }: MeasuredRun,
): Promise<Sequence[]> {
  const { train, agents, seed } = resolved.config;
  const task = await composeTask(resolved);
  const stream = randomStream(seed);
  const count = Math.min(SAMPLED_MESSAGES, task.size('train') ?? SAMPLED_MESSAGES);
  const requests = Array.from({ length: count }, (_, index) => {
    const { instruction, examples } = agents[agent] ?? {};
    const view = withExamples(protocol.view(task.item('train', index), agent, [], instruction), examples);
    return { context: model.tokenizer.encodeChat(view), stream: stream.child(index) };
  });
  const { temperature, max_completion_length: maxTokens } = train;
  const completions = await model.sample(requests, { temperature, maxTokens });
  return completions.map(({ tokens }, index) => ({ context: requests[index].context, tokens }));
}

async function divergence(model: Model, reference: Reference): Promise<KlSummary> {
  const kl: number[] = [];
  await distributionsOf(model, reference, (index, logp_TV) => {
    const trained = reference.logp[index] as Float32Array;
    const T = reference.sequences[index]?.tokens.length ?? 0;
    const V = trained.length / T;
    for (let t = 0; t < T; t++) {
      const [p, q] = [trained.subarray(t * V, (t + 1) * V), logp_TV.subarray(t * V, (t + 1) * V)];
      kl.push(stateDivergence(p, q).klNewOld);
    }
  });
  const mean = kl.reduce((sum, value) => sum + value, 0) / kl.length;
  return { mean, q99: inverseCdfQuantile(kl, 0.99) };
}

function distributionsOf(
  model: Model,
  { sequences, temperature }: Pick<Reference, 'sequences' | 'temperature'>,
  visit: (index: number, logp_TV: Float32Array) => void,
): Promise<void> {
  if (model.distributions === undefined) throw new ConfigError('the engine computes no distributions');
  return model.distributions(sequences, { temperature }, visit);
}
