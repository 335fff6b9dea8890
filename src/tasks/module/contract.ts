/**
 * What a task in one TypeScript module exports. `import type` these; nothing here is needed at run time, so
 * a task's folder can be moved anywhere.
 *
 * A module exports `verify`, and `items` (so many problems) or `generate` (endless ones). Or it exports a
 * default function that makes a whole `Task`, for what does not fit.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { Split, Task, TaskItem } from '../../task/task.ts';

/** One problem. */
export interface ModuleItem {
  readonly prompt: string;
  /** Gold answer, where there is a single one. */
  readonly answer?: string | number;
  /** Unique within the task. Default: split and position. */
  readonly id?: string;
  /** Default: by the hash of `key`; 70% train, 15% validation, 15% test. */
  readonly split?: Split;
  /** The same for problems that are the same in another order or spelling. Default: the prompt. */
  readonly key?: string;
  /** Reports are broken down by it. */
  readonly difficulty?: string | number;
  /** Whatever `verify` and `demonstrate` need. */
  readonly data?: unknown;
}

/** What `verify` says of a text. */
export interface ModuleVerdict {
  readonly correct: boolean;
  /** The answer found, in normal form: votes are counted on it. Absent: none was found. */
  readonly answer?: string;
  /** Default: the highest reward of `rewardRange` if correct, else the lowest. */
  readonly reward?: number;
  /** One clause a person understands. */
  readonly reason?: string;
}

/** What every export is given. */
export interface ModuleContext {
  /** The module's own folder, absolute. */
  readonly folder: string;
  /** The module's `options`, with what the team file sets. */
  readonly options: Readonly<Record<string, unknown>>;
  /** The objects of a JSON-lines file, relative to `folder`. */
  readonly readJsonLines: (path: string) => readonly Readonly<Record<string, unknown>>[];
  /** A verifier by name (`exact`, `numeric`, `math`, `math-strict`), to call with gold answer and text. */
  readonly verifier: (name: string) => (gold: string, text: string) => ModuleVerdict;
}

/** The exports of a task module. */
export interface TaskModule {
  /** What the task is, in one line. */
  readonly about?: string;
  /** Options of the team file's `task` section, with their defaults: numbers, texts, true or false. */
  readonly options?: Readonly<Record<string, number | string | boolean>>;
  /** All problems; read once. */
  readonly items?: (context: ModuleContext) => Iterable<ModuleItem>;
  /** One problem, drawn from the stream alone; called until one belongs to the split that is wanted. */
  readonly generate?: (stream: RandomStream, context: ModuleContext) => ModuleItem;
  readonly verify?: (item: TaskItem, text: string, context: ModuleContext) => ModuleVerdict;
  /** The answer of a text as `verify` finds it, read without the item: for votes on questions from outside. */
  readonly answerOf?: (text: string, context: ModuleContext) => string | undefined;
  /** A text that solves an item, or one per message, for `troupe pretrain`. */
  readonly demonstrate?: (
    item: TaskItem,
    stream: RandomStream,
    context: ModuleContext,
  ) => string | readonly string[];
  /** [lowest, highest] reward. Default [0, 1]. */
  readonly rewardRange?: readonly [number, number];
  /** Characters that prompts and answers can contain, for building a tokenizer. */
  readonly alphabet?: string;
  /** Instead of all of the above: makes the task. */
  readonly default?: (context: ModuleContext) => Task;
}
