/**
 * Plays the episodes of a benchmark in chunks of prompts. An interrupted chunk is played again as a whole.
 * The random stream of a message depends only on its prompt, sample, turn and agent, so the division into
 * chunks does not influence the results.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import { VoteStop, type VoteStopRule } from '../core/vote-stop.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import type { TruncatedRule } from '../team/cut-off.ts';
import { type RolloutOptions, rollout } from '../team/rollout.ts';
import type { Team } from '../team/team.ts';
import { VerifierCache } from '../team/verifier-cache.ts';
import { type EpisodeRecord, episodeRecord } from './episode-record.ts';

/**
 * Approximate number of episodes per chunk: large enough to fill a decode batch, small enough that an
 * interruption loses little work.
 */
const EPISODES_PER_CHUNK = 256;
/**
 * Number of ballots that are sampled first with the rule `probable`, which stops a vote when its winner is
 * likely enough. If all of these ballots agree, they decide the vote at the default error probability.
 */
const PROBABLE_FIRST = 8;

/** Rule for stopping the samples of a prompt early. */
export interface EarlyStop {
  readonly rule: VoteStopRule;
  /** Error probability of the rule `probable`. */
  readonly error: number;
}

export interface PlayOptions {
  readonly split: Split;
  /** Number of prompts (P): the first P prompts of the split, which must have as many. */
  readonly prompts: number;
  /** Number of samples per prompt (K). */
  readonly samples: number;
  /** Rule for stopping votes early; absent: every prompt has K samples. */
  readonly stop?: EarlyStop;
  readonly temperature: number;
  readonly maxTokens: number;
  /** Treatment of messages that were cut off; default `judge`. */
  readonly truncated?: TruncatedRule;
  /**
   * Random stream of all draws. A message draws from the child (0, agent, prompt, sample, turn), as in
   * `evaluateTeam`.
   */
  readonly stream: RandomStream;
  /** Number of chunks that are already complete; default 0. */
  readonly firstChunk?: number;
  readonly signal?: AbortSignal;
  /** Called with the numbers of finished prompts and of all prompts. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly onWarning?: (message: string) => void;
  /** Called after each chunk with its records in order of prompt, then sample. */
  readonly onChunk: (chunk: number, records: readonly EpisodeRecord[]) => void;
}

/**
 * Returns the number of samples that every prompt has, even if its vote is decided early; avg@K and pass@k
 * use these samples.
 */
export function guaranteedSamples(samples: number, stop: EarlyStop | undefined): number {
  if (stop === undefined) return samples;
  const majority = Math.floor(samples / 2) + 1;
  return stop.rule === 'exact' ? majority : Math.min(majority, PROBABLE_FIRST);
}

/**
 * Returns the number of prompts per chunk. It depends on the options only, so that a resumed evaluation has
 * the same chunks.
 */
export function chunkSize({ samples, stop }: Pick<PlayOptions, 'samples' | 'stop'>): number {
  return Math.max(1, Math.ceil(EPISODES_PER_CHUNK / guaranteedSamples(samples, stop)));
}

/**
 * Plays the prompts of a benchmark chunk by chunk.
 *
 * @throws errors of engines; `onChunk` was already called for all complete chunks
 */
export async function playBenchmark(team: Team, task: Task, options: PlayOptions): Promise<void> {
  const { prompts, firstChunk = 0, split } = options;
  const size = chunkSize(options);
  for (let chunk = firstChunk; chunk * size < prompts; chunk++) {
    options.signal?.throwIfAborted();
    const indices = range(chunk * size, Math.min(prompts, (chunk + 1) * size));
    const items = indices.map((index) => task.item(split, index));
    const records = await playChunk(team, task, { indices, items, options });
    options.onChunk(chunk, records);
    options.onProgress?.(Math.min(prompts, (chunk + 1) * size), prompts);
  }
}

interface Chunk {
  readonly indices: readonly number[];
  readonly items: readonly TaskItem[];
  readonly options: PlayOptions;
}

async function playChunk(
  team: Team,
  task: Task,
  { indices, items, options }: Chunk,
): Promise<EpisodeRecord[]> {
  const { samples, stop, onWarning } = options;
  const verifier = new VerifierCache(task, onWarning);
  const votes = indices.map(() => new VoteStop({ ballots: samples, ...(stop ?? { rule: 'exact' }) }));
  const records: EpisodeRecord[][] = indices.map(() => []);
  let open = indices.map((_, position) => position);
  let drawn = 0;
  while (open.length > 0) {
    const count = drawn === 0 ? guaranteedSamples(samples, stop) : nextSamples(samples, drawn);
    const wave: RolloutOptions = {
      items: open.map((position) => items[position]),
      groups: open.map((position) => indices[position]),
      samples: count,
      firstSample: drawn,
      temperature: options.temperature,
      maxTokens: options.maxTokens,
      ...(options.truncated && { truncated: options.truncated }),
      stream: options.stream.child(0),
      verifier,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    };
    for (const trajectory of await rollout(team, task, wave)) {
      const position = trajectory.group - indices[0];
      records[position].push(episodeRecord(team, trajectory));
      votes[position].add(trajectory.verdict.answer);
    }
    drawn += count;
    open = open.filter((position) => drawn < samples && !votes[position].isDecided);
  }
  return records.flat();
}

/**
 * Returns the number of samples per prompt to draw next: a sixteenth of the full vote. More would sample
 * ballots that are not needed; fewer would leave batches small.
 */
function nextSamples(samples: number, drawn: number): number {
  return Math.min(samples - drawn, Math.max(1, Math.floor(samples / 16)));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
