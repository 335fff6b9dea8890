/**
 * The exports of a task module. All of them are types, so the folder of a task needs this package only for
 * type checks.
 *
 * A module exports `verify`, and either `items` (a finite list of problems) or `generate` (endless problems).
 * If a task does not fit this form, its module exports a default function that creates a whole `Task`.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { Split, Task, TaskItem } from '../../task/task.ts';

/** One problem. */
export interface ModuleItem {
  readonly prompt: string;
  /** Gold answer; absent if there are several correct answers. */
  readonly answer?: string | number;
  /** Unique identifier within the task. Default: split and index. */
  readonly id?: string;
  /**
   * Split of the problem. Default: determined by the hash of `key`, with shares 70% train, 15% validation,
   * 15% test.
   */
  readonly split?: Split;
  /**
   * Canonical key, which is equal for problems that differ only in order or spelling. Default: the prompt.
   */
  readonly key?: string;
  /** Difficulty of the problem. Reports show results for each difficulty. */
  readonly difficulty?: string | number;
  /** Further data for `verify` and `demonstrate`. */
  readonly data?: unknown;
}

/** The verdict of `verify` on a text. */
export interface ModuleVerdict {
  readonly correct: boolean;
  /** The answer in normal form, on which votes are counted. Absent if the text has none. */
  readonly answer?: string;
  /** Reward within `rewardRange`. Default: its upper end if correct, else its lower end. */
  readonly reward?: number;
  /** Reason for the verdict as one clause, shown to people. */
  readonly reason?: string;
}

/** The argument `context` of all exported functions. */
export interface ModuleContext {
  /** Absolute path of the module's folder. */
  readonly folder: string;
  /** Values of the options that the module declares: those of the team file, else the defaults. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Reads the objects of a JSON-lines file; the path is relative to `folder`. */
  readonly readJsonLines: (path: string) => readonly Readonly<Record<string, unknown>>[];
  /**
   * Returns the verifier of this name (`exact`, `numeric`, `math`, `math-strict`): a function of gold answer
   * and text.
   */
  readonly verifier: (name: string) => (gold: string, text: string) => ModuleVerdict;
}

/** The exports of a task module. */
export interface TaskModule {
  /** Description of the task in one line. */
  readonly about?: string;
  /**
   * Names and defaults of the task's options, which a team file sets in its section `task`: numbers, texts,
   * true or false.
   */
  readonly options?: Readonly<Record<string, number | string | boolean>>;
  /** Returns all problems. It is called once. */
  readonly items?: (context: ModuleContext) => Iterable<ModuleItem>;
  /**
   * Draws a problem, with all randomness from the stream. It is called until a problem belongs to the
   * requested split.
   */
  readonly generate?: (stream: RandomStream, context: ModuleContext) => ModuleItem;
  readonly verify?: (item: TaskItem, text: string, context: ModuleContext) => ModuleVerdict;
  /**
   * Returns the answer that `verify` would find in a text, without the item. Votes on served requests need
   * it.
   */
  readonly answerOf?: (text: string, context: ModuleContext) => string | undefined;
  /** Returns one or several messages that solve an item, for `troupe pretrain`. */
  readonly demonstrate?: (
    item: TaskItem,
    stream: RandomStream,
    context: ModuleContext,
  ) => string | readonly string[];
  /** [lowest, highest] reward. Default [0, 1]. */
  readonly rewardRange?: readonly [number, number];
  /** All characters of prompts and answers, from which a tokenizer is built. */
  readonly alphabet?: string;
  /** Creates the whole task. It replaces all other exports. */
  readonly default?: (context: ModuleContext) => Task;
}
