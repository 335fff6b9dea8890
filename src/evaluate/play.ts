/**
 * Plays a benchmark in chunks of prompts, each a unit of work that is done whole or not at all. What a
 * message draws is named by prompt and sample alone, so chunks change nothing but when one can stop.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';
import { VoteStop, type VoteStopRule } from '../core/vote-stop.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import { type RolloutOptions, rollout } from '../team/rollout.ts';
import type { Team } from '../team/team.ts';
import { VerifierCache } from '../team/verifier-cache.ts';
import { type EpisodeRecord, episodeRecord } from './episode-record.ts';

/** Episodes that are sampled at once, about: enough to fill a decode batch, few enough to lose little. */
const EPISODES_AT_ONCE = 256;
/** First ballots under the probable rule: as many as refute everything when all agree, at the default error. */
const PROBABLE_FIRST = 8;

/** When to stop sampling a prompt; absent: never. */
export interface EarlyStop {
  readonly rule: VoteStopRule;
  /** For `probable`. */
  readonly error: number;
}

export interface PlayOptions {
  readonly split: Split;
  /** P: prompts 0..P-1 of the split, all of them there. */
  readonly prompts: number;
  /** K. */
  readonly samples: number;
  readonly stop?: EarlyStop;
  readonly temperature: number;
  readonly maxTokens: number;
  /** A message draws from its child (0, agent, prompt, sample, turn): the name `evaluateTeam` gives it. */
  readonly stream: RandomStream;
  /** Chunks that were played before; default 0. */
  readonly firstChunk?: number;
  readonly signal?: AbortSignal;
  /** Prompts done and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly onWarning?: (message: string) => void;
  /** A finished chunk: its records in order of prompt, then sample. */
  readonly onChunk: (chunk: number, records: readonly EpisodeRecord[]) => void;
}

/** Samples that every prompt gets, however early its vote is decided: what avg@K and pass@k are made of. */
export function samplesForSure(samples: number, stop: EarlyStop | undefined): number {
  if (stop === undefined) return samples;
  const majority = Math.floor(samples / 2) + 1;
  return stop.rule === 'exact' ? majority : Math.min(majority, PROBABLE_FIRST);
}

/** Prompts per chunk: a function of the request alone, so that a resumed evaluation has the same chunks. */
export function chunkSize({ samples, stop }: Pick<PlayOptions, 'samples' | 'stop'>): number {
  return Math.max(1, Math.ceil(EPISODES_AT_ONCE / samplesForSure(samples, stop)));
}

/** @throws whatever an engine throws; finished chunks were handed over before */
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
    const count = drawn === 0 ? samplesForSure(samples, stop) : nextSamples(samples, drawn);
    const wave: RolloutOptions = {
      items: open.map((position) => items[position]),
      groups: open.map((position) => indices[position]),
      samples: count,
      firstSample: drawn,
      temperature: options.temperature,
      maxTokens: options.maxTokens,
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

/** A sixteenth of the vote at a time: late decisions cost little more than they must, batches stay full. */
function nextSamples(samples: number, drawn: number): number {
  return Math.min(samples - drawn, Math.max(1, Math.floor(samples / 16)));
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
