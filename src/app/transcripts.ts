/**
 * Finds and filters transcripts in one of three sources: the training episodes of a run, an evaluation
 * folder, or a transcript file of `troupe eval`.
 * @module
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { readRunConfigFile } from '../config/run-config.ts';
import type { FoundTranscript, Transcript, TranscriptFile } from '../evaluate/transcript-record.ts';
import { readJsonLines } from '../store/append-log.ts';
import { EVALUATION_FILE, readEvaluationRequest } from '../store/evaluation-folder.ts';
import { FORMAT } from '../store/format.ts';
import { CHECKPOINTS, COMPLETIONS, CONFIG_FILE } from '../store/layout.ts';
import { assertRunFolder } from '../store/run-folder.ts';
import { ConfigError } from '../support/errors.ts';
import { hasRemovedSplit } from '../support/renamed-names.ts';

/**
 * Returns the transcript files under a path. For a run, those of its training stages come before those of its
 * evaluations.
 *
 * @throws ConfigError if the path is no run folder, evaluation folder or file
 * @throws StoreError if the run or an evaluation has another format
 */
function filesUnder(path: string): TranscriptFile[] {
  if (isFile(path)) {
    assertFormatAround(path);
    return [{ name: basename(path, '.jsonl'), kind: 'evaluation', path }];
  }
  if (existsSync(join(path, EVALUATION_FILE))) {
    readEvaluationRequest(path); // checks the format
    return jsonlIn(join(path, 'episodes'), 'evaluation');
  }
  if (!existsSync(join(path, CONFIG_FILE)))
    throw new ConfigError(
      `${path}: expected a run, the folder of an evaluation or a file of transcripts, got ${existsSync(path) ? 'a folder that is neither' : 'nothing there'}`,
    );
  assertRunFolder(path);
  const evaluations = join(path, 'evaluations');
  const folders = existsSync(evaluations)
    ? readdirSync(evaluations).filter((name) => existsSync(join(evaluations, name, EVALUATION_FILE)))
    : [];
  for (const name of folders) readEvaluationRequest(join(evaluations, name)); // checks the format
  return [
    ...jsonlIn(join(path, COMPLETIONS), 'training'),
    ...jsonlIn(evaluations, 'evaluation'),
    ...folders.flatMap((name) => jsonlIn(join(evaluations, name, 'episodes'), 'evaluation')),
  ];
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * Checks the format of the run and of the evaluation that contain a transcript file. The file itself has no format.
 *
 * @throws StoreError if one of them has another format
 */
function assertFormatAround(file: string): void {
  const depth = 4; // RUN/evaluations/NAME/episodes/BENCHMARK.jsonl
  let folder = resolve(file);
  for (let level = 0; level < depth; level++) {
    folder = dirname(folder);
    if (existsSync(join(folder, EVALUATION_FILE))) readEvaluationRequest(folder);
    if (existsSync(join(folder, CONFIG_FILE)) && existsSync(join(folder, CHECKPOINTS)))
      assertRunFolder(folder);
  }
}

/** @throws ConfigError if the name of a transcript file, or one of its items, has a split of format 1 */
function assertCurrentSplits(path: string, transcripts: readonly FoundTranscript[]): void {
  const old = transcripts.find(
    ({ transcript: { item, split } }) => split === 'heldout' || hasRemovedSplit(item),
  );
  const isOldName = /(?:^|[^a-z])heldout(?:[^a-z]|$)/i.test(basename(path));
  if (old === undefined && !isOldName) return;
  const got =
    old === undefined ? 'the name of a file of format 1' : `item ${old.transcript.item} of format 1`;
  throw new ConfigError(
    `${path}: expected transcripts of format ${FORMAT}, got ${got}; its split "test" is called "validation" now and its split "heldout" is called "test"`,
  );
}

function jsonlIn(folder: string, kind: TranscriptFile['kind']): TranscriptFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .sort()
    .map((name) => {
      const stage = kind === 'training' ? /^stage-(\d+)\.jsonl$/.exec(name)?.[1] : undefined;
      return {
        name: stage === undefined ? basename(name, '.jsonl') : `stage ${Number(stage)}`,
        kind,
        path: join(folder, name),
      };
    });
}

/** Conditions on transcripts; a transcript must meet all of them. */
export interface TranscriptFilter {
  /** Position of the prompt (see {@link findTranscripts}), or id of its item. */
  readonly prompt?: string;
  /** Stage of training. */
  readonly stage?: number;
  /** Name of the split. An item's id begins with it (`test:17`, `train-3`). */
  readonly split?: string;
  /** Name of a benchmark, or name of a transcript file. */
  readonly benchmark?: string;
  /** Number of a sample. */
  readonly sample?: number;
  /** Whether to select only transcripts in which the team's answer is wrong. */
  readonly wrong?: boolean;
  /**
   * Name or id of an agent. Selects evaluation transcripts with a message of this agent, and training
   * transcripts that were sampled to update this agent.
   */
  readonly agent?: string;
}

/**
 * Returns the transcripts that match, in the order in which they were written. In an evaluation, the position
 * of a prompt is its index in the split. In training, it is its rank among the prompts of the transcript
 * file.
 *
 * @throws ConfigError if nothing matches; its message lists what exists instead
 * @throws StoreError or ConfigError if the transcripts have another format, whose splits have other names
 */
export function findTranscripts(path: string, filter: TranscriptFilter = {}): FoundTranscript[] {
  const files = filesUnder(path).filter(
    ({ name, kind, path: file }) =>
      (filter.stage === undefined || (kind === 'training' && name === `stage ${filter.stage}`)) &&
      (filter.benchmark === undefined || name === filter.benchmark || file === filter.benchmark),
  );
  if (files.length === 0) throw new ConfigError(`${path}: ${noFile(path, filter)}`);
  const all = files.flatMap(readTranscripts);
  if (isFile(path)) assertCurrentSplits(path, all);
  const matching = all.filter((found) => matches(found, filter));
  if (matching.length > 0) return matching;
  throw new ConfigError(`${path}: ${noTranscript(all, filter)}`);
}

/**
 * Returns the problem of a run's damaged `config.yaml`, as one line; undefined if it is intact or the path is no run. The
 * transcripts of such a run can still be read.
 */
export function runConfigProblem(path: string): string | undefined {
  const config = join(path, CONFIG_FILE);
  if (!existsSync(config) || !existsSync(join(path, CHECKPOINTS))) return undefined;
  try {
    readRunConfigFile(config);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

/** Reads all transcripts of a file, each with the position of its prompt. */
function readTranscripts(file: TranscriptFile): FoundTranscript[] {
  const positions = new Map<string, number>();
  return (readJsonLines(file.path) as Transcript[]).map((transcript) => {
    const position = transcript.index ?? positions.get(transcript.item) ?? positions.size;
    positions.set(transcript.item, position);
    return { file, position, transcript };
  });
}

function matches({ position, transcript }: FoundTranscript, filter: TranscriptFilter): boolean {
  return (
    isPrompt({ position, item: transcript.item }, filter.prompt) &&
    (filter.split === undefined || new RegExp(`^${filter.split}[:-]`).test(transcript.item)) &&
    (filter.sample === undefined || transcript.sample === filter.sample) &&
    (filter.wrong !== true || !transcript.correct) &&
    hasAgent(transcript, filter.agent)
  );
}

function isPrompt(
  { position, item }: { position: number; item: string },
  prompt: string | undefined,
): boolean {
  if (prompt === undefined || item === prompt) return true;
  return /^\d+$/.test(prompt) && position === Number(prompt);
}

function hasAgent({ agent, messages }: Transcript, requested: string | undefined): boolean {
  if (requested === undefined) return true;
  const isIt = (name: string | number): boolean =>
    String(name) === requested || `agent_${name}` === requested;
  return agent === undefined ? messages.some((message) => isIt(message.agent)) : isIt(agent);
}

function noFile(path: string, { stage, benchmark }: TranscriptFilter): string {
  const names = filesUnder(path).map(({ name }) => name);
  const got = names.length === 0 ? 'no transcripts at all' : `those of ${listed(names)}`;
  return `expected transcripts${stage === undefined ? '' : ` of stage ${stage}`}${benchmark === undefined ? '' : ` of ${benchmark}`}, got ${got}`;
}

/** Explains why no transcript matched: the prompt does not exist, or the other conditions exclude it. */
function noTranscript(all: readonly FoundTranscript[], filter: TranscriptFilter): string {
  const here = all.filter((found) =>
    matches(found, { ...(filter.prompt === undefined ? {} : { prompt: filter.prompt }) }),
  );
  const prompts = [...new Set(all.map(({ transcript }) => transcript.item))];
  if (here.length === 0)
    return `expected prompt ${filter.prompt}, got ${prompts.length} others: ${listed(prompts)} (a number from 0 on, or an id)`;
  const filters = Object.entries(filter).flatMap(([name, value]) =>
    name === 'prompt' || value === undefined || value === false
      ? []
      : [`--${name}${value === true ? '' : ` ${value}`}`],
  );
  return `expected transcripts with ${filters.join(' ')}, got ${here.length} without; leave one of these out`;
}

function listed(names: readonly string[]): string {
  const most = 8;
  return names.length <= most ? names.join(', ') : `${names.slice(0, most).join(', ')}, ... ${names.at(-1)}`;
}
