/**
 * The exports of a task module. All are types, so a task's folder needs this package only for type checks.
 *
 * A module exports `verify`, and either `items` (a finite list of problems) or `generate` (endless problems). For other
 * tasks it exports a default function that creates a whole `Task`.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { Split, Task, TaskItem } from '../../task/task.ts';

/** One problem. */
export interface ModuleItem {
  readonly prompt: string;
  /** Gold answer; absent if there are several correct answers. */
  readonly answer?: string | number;
  /** Unique within the task. Default: split and index. */
  readonly id?: string;
  /** Default: determined by the hash of `key`; 70% train, 15% validation, 15% test. */
  readonly split?: Split;
  /** Canonical key: equal for problems that differ only in order or spelling. Default: the prompt. */
  readonly key?: string;
  /** Reports are broken down by it. */
  readonly difficulty?: string | number;
  /** Further data for `verify` and `demonstrate`. */
  readonly data?: unknown;
}

/** The verdict of `verify` on a text. */
export interface ModuleVerdict {
  readonly correct: boolean;
  /** The answer in normal form, on which votes are counted. Absent if the text has none. */
  readonly answer?: string;
  /** Default: the highest reward of `rewardRange` if correct, else the lowest. */
  readonly reward?: number;
  /** One clause for people that explains the verdict. */
  readonly reason?: string;
}

/** The argument `context` of all exported functions. */
export interface ModuleContext {
  /** Absolute path of the module's folder. */
  readonly folder: string;
  /** The module's `options` with the values of the team file. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Reads the objects of a JSON-lines file; the path is relative to `folder`. */
  readonly readJsonLines: (path: string) => readonly Readonly<Record<string, unknown>>[];
  /** The verifier of a name (`exact`, `numeric`, `math`, `math-strict`): a function of gold answer and text. */
  readonly verifier: (name: string) => (gold: string, text: string) => ModuleVerdict;
}

/** The exports of a task module. */
export interface TaskModule {
  /** Description of the task in one line. */
  readonly about?: string;
  /** Options of the section `task` of a team file, with their defaults: numbers, texts, true or false. */
  readonly options?: Readonly<Record<string, number | string | boolean>>;
  /** All problems; called once. */
  readonly items?: (context: ModuleContext) => Iterable<ModuleItem>;
  /** Draws a problem from the stream alone; called until a problem belongs to the requested split. */
  readonly generate?: (stream: RandomStream, context: ModuleContext) => ModuleItem;
  readonly verify?: (item: TaskItem, text: string, context: ModuleContext) => ModuleVerdict;
  /** The answer that `verify` would find, read without the item: for votes on served requests. */
  readonly answerOf?: (text: string, context: ModuleContext) => string | undefined;
  /** A text that solves an item, or several messages, for `troupe pretrain`. */
  readonly demonstrate?: (
    item: TaskItem,
    stream: RandomStream,
    context: ModuleContext,
  ) => string | readonly string[];
  /** [lowest, highest] reward. Default [0, 1]. */
  readonly rewardRange?: readonly [number, number];
  /** Characters of prompts and answers, from which a tokenizer is built. */
  readonly alphabet?: string;
  /** Instead of all of the above: creates the task. */
  readonly default?: (context: ModuleContext) => Task;
}
