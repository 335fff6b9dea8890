/**
 * The port of everything with a checkable answer: prompts in, verdicts out. A task is pure data and
 * pure functions; randomness comes in as named streams, files are read when the task is created.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';

/** Disjoint by construction: `train` feeds losses, `test` the acceptance tests, `heldout` the reports. */
export type Split = 'train' | 'test' | 'heldout';

export interface TaskItem {
  /** Stable name of the item, unique within the task. */
  readonly id: string;
  readonly prompt: string;
  /** Gold answer where there is a single one. */
  readonly answer?: string;
  readonly difficulty?: string;
  /** The problem alone, where `prompt` puts words around it that all prompts of the task share. */
  readonly problem?: string;
  /** What the verifier needs beyond the above (e.g. the given numbers). */
  readonly data?: unknown;
}

export interface Verdict {
  readonly correct: boolean;
  /** Reward of the answer, in reward units, within `Task.rewardRange`. */
  readonly reward: number;
  /** The extracted answer in normal form; what votes are counted on. Absent when none was found. */
  readonly answer?: string;
  /** One clause a person understands: why correct, or why not. */
  readonly reason: string;
}

/** A transcript that solves an item, for pretraining: one or more assistant messages in order. */
export interface Demonstration {
  readonly messages: readonly string[];
}

export interface Task {
  readonly name: string;
  /** [lowest, highest] reward a verdict can carry. */
  readonly rewardRange: readonly [number, number];
  /** Number of items of a split; undefined when a generator never runs out. */
  size(split: Split): number | undefined;
  /** The index-th item of a split; the same for the same (options, split, index). */
  item(split: Split, index: number): TaskItem;
  verify(item: TaskItem, text: string): Verdict;
  /**
   * The answer of a text in normal form, read without the item: what a vote on somebody's own question is
   * counted on. The same as `verify(item, text).answer` of any item. Absent: answers cannot be read alone.
   */
  answerOf?(text: string): string | undefined;
  /** One demonstration of an item of the train split; absent when the task has none. */
  demonstrate?(item: TaskItem, stream: RandomStream): Demonstration;
  /** Characters that prompts and answers can contain, for building a tokenizer; absent if unknown. */
  readonly alphabet?: string;
  /** What a user should know about the data before a run, e.g. records left out; one line each. */
  readonly warnings?: readonly string[];
}
