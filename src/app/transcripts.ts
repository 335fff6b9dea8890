/**
 * Transcripts wherever troupe keeps them: a run's training completions, the folder of an evaluation, a file
 * of `troupe eval`; found, and narrowed down to what one wants to see.
 * @module
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readJsonLines } from '../store/append-log.ts';
import { EVALUATION_FILE } from '../store/evaluation-folder.ts';
import { COMPLETIONS, CONFIG_FILE } from '../store/layout.ts';
import { ConfigError } from '../support/errors.ts';

/** One transcript; training keeps less than an evaluation. */
export interface Transcript {
  /** Training: stage and the agent the episode was for. */
  readonly stage?: number;
  readonly agent?: number;
  /** Evaluation: position of the prompt. */
  readonly index?: number;
  readonly item: string;
  readonly sample: number;
  readonly difficulty?: string;
  readonly prompt: string;
  readonly messages: readonly {
    readonly turn: number;
    readonly agent: string | number;
    readonly text: string;
    readonly tokens?: number;
    readonly finish?: string;
  }[];
  readonly answer?: string;
  readonly gold?: string;
  readonly correct: boolean;
  readonly reason: string;
  readonly reward: number;
  readonly agents?: readonly {
    readonly agent: string;
    readonly answer?: string;
    readonly correct: boolean;
    readonly reason: string;
  }[];
}

/** A place with transcripts: a stage of training, a benchmark, a file. */
export interface Shelf {
  /** `stage 3`, `math500`, `quickstart-test`. */
  readonly name: string;
  readonly kind: 'training' | 'evaluation';
  readonly path: string;
}

/**
 * Where a path has transcripts: of a run, its stages and then its evaluations.
 *
 * @throws ConfigError if it has none
 */
export function shelvesOf(path: string): Shelf[] {
  if (statSync(path, { throwIfNoEntry: false })?.isFile())
    return [{ name: basename(path, '.jsonl'), kind: 'evaluation', path }];
  if (existsSync(join(path, EVALUATION_FILE))) return jsonlIn(join(path, 'episodes'), 'evaluation');
  if (!existsSync(join(path, CONFIG_FILE)))
    throw new ConfigError(
      `${path}: expected a run, the folder of an evaluation or a file of transcripts, got ${existsSync(path) ? 'a folder that is neither' : 'nothing there'}`,
    );
  const evaluations = join(path, 'evaluations');
  const folders = existsSync(evaluations)
    ? readdirSync(evaluations).filter((name) => existsSync(join(evaluations, name, EVALUATION_FILE)))
    : [];
  return [
    ...jsonlIn(join(path, COMPLETIONS), 'training'),
    ...jsonlIn(evaluations, 'evaluation'),
    ...folders.flatMap((name) => jsonlIn(join(evaluations, name, 'episodes'), 'evaluation')),
  ];
}

function jsonlIn(folder: string, kind: Shelf['kind']): Shelf[] {
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

/** What to look for. */
export interface Wanted {
  /** Number of the prompt, or id of its item. */
  readonly prompt?: string;
  /** Training alone: this stage. */
  readonly stage?: number;
  /** Split that items are named after (`test:17`, `train-3`). */
  readonly split?: string;
  /** Name of a benchmark or of a file. */
  readonly benchmark?: string;
  /** Number of a sample. */
  readonly sample?: number;
  /** Only those the team got wrong. */
  readonly wrong?: boolean;
  /** Name or number of an agent that spoke; training: of the agent the episode was for. */
  readonly agent?: string;
}

export interface Found {
  readonly shelf: Shelf;
  /** Position in the file's own order of prompts. */
  readonly position: number;
  readonly transcript: Transcript;
}

/**
 * The transcripts that are wanted, in the order they were written. A number names the prompt by its position:
 * in an evaluation that of its split, in training that among the prompts its files keep.
 *
 * @throws ConfigError saying what there is instead, if nothing matches
 */
export function findTranscripts(path: string, wanted: Wanted): Found[] {
  const shelves = shelvesOf(path).filter(
    ({ name, kind, path: file }) =>
      (wanted.stage === undefined || (kind === 'training' && name === `stage ${wanted.stage}`)) &&
      (wanted.benchmark === undefined || name === wanted.benchmark || file === wanted.benchmark),
  );
  if (shelves.length === 0) throw new ConfigError(`${path}: ${nothingOn(path, wanted)}`);
  const all = shelves.flatMap(placed);
  const asked = all.filter((found) => matches(found, wanted));
  if (asked.length > 0) return asked;
  throw new ConfigError(`${path}: ${absence(all, wanted)}`);
}

/** Every transcript of a file with the position of its prompt. */
function placed(shelf: Shelf): Found[] {
  const positions = new Map<string, number>();
  return (readJsonLines(shelf.path) as Transcript[]).map((transcript) => {
    const known = transcript.index ?? positions.get(transcript.item) ?? positions.size;
    positions.set(transcript.item, known);
    return { shelf, position: known, transcript };
  });
}

function matches({ position, transcript }: Found, wanted: Wanted): boolean {
  return (
    isPrompt({ position, item: transcript.item }, wanted.prompt) &&
    (wanted.split === undefined || new RegExp(`^${wanted.split}[:-]`).test(transcript.item)) &&
    (wanted.sample === undefined || transcript.sample === wanted.sample) &&
    (wanted.wrong !== true || !transcript.correct) &&
    hasAgent(transcript, wanted.agent)
  );
}

function isPrompt(
  { position, item }: { position: number; item: string },
  prompt: string | undefined,
): boolean {
  if (prompt === undefined || item === prompt) return true;
  return /^\d+$/.test(prompt) && position === Number(prompt);
}

function hasAgent({ agent, messages }: Transcript, wanted: string | undefined): boolean {
  if (wanted === undefined) return true;
  const isIt = (name: string | number): boolean => String(name) === wanted || `agent_${name}` === wanted;
  return agent === undefined ? messages.some((message) => isIt(message.agent)) : isIt(agent);
}

function nothingOn(path: string, { stage, benchmark }: Wanted): string {
  const names = shelvesOf(path).map(({ name }) => name);
  const got = names.length === 0 ? 'no transcripts at all' : `those of ${listed(names)}`;
  return `expected transcripts${stage === undefined ? '' : ` of stage ${stage}`}${benchmark === undefined ? '' : ` of ${benchmark}`}, got ${got}`;
}

/** Why nothing matched: first the prompt, then the rest of what was wanted. */
function absence(all: readonly Found[], wanted: Wanted): string {
  const here = all.filter((found) =>
    matches(found, { ...(wanted.prompt === undefined ? {} : { prompt: wanted.prompt }) }),
  );
  const prompts = [...new Set(all.map(({ transcript }) => transcript.item))];
  if (here.length === 0)
    return `expected prompt ${wanted.prompt}, got ${prompts.length} others: ${listed(prompts)} (a number from 0 on, or an id)`;
  const filters = Object.entries(wanted).flatMap(([name, value]) =>
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
