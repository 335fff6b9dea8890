/**
 * The port of everything with a checkable answer: prompts in, verdicts out. A task is pure data and
 * pure functions; randomness comes in as named streams, files are read when the task is created.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';

/** Disjoint by construction: `train` feeds losses, `validation` the acceptance tests, `test` the reports. */
export type Split = 'train' | 'validation' | 'test';

export interface TaskItem {
  /** Stable name of the item, unique within the task. */
  readonly id: string;
  readonly prompt: string;
  /** Gold answer where there is a single one. */
  readonly answer?: string;
  readonly difficulty?: string;
  /**
   * The problem alone, where `prompt` puts words around it that all prompts of the task share, or does not say
   * it: of a guessing game the secret.
   */
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
  /** What else was measured of the answer, by name; for reports, never for training. */
  readonly scores?: Readonly<Record<string, number>>;
}

/** A transcript that solves an item, for pretraining: one or more assistant messages in order. */
export interface Demonstration {
  readonly messages: readonly string[];
  /** What the environment says after each message, in the same order; absent: nothing. Never learned. */
  readonly observations?: readonly string[];
}

/**
 * An episode of an interactive task as it stands. Immutable: a step gives the next scene, so the same
 * messages (and draws) always lead to the same scene.
 */
export interface EnvironmentStep {
  /** What the environment said to the last message; every later view shows it. Absent: nothing. */
  readonly observation?: string;
  /** No further message is taken. */
  readonly done: boolean;
  /**
   * What follows from the team's next message, or what has to be asked first.
   *
   * @param stream - draws of this step alone
   */
  step(text: string, stream: RandomStream): EnvironmentStep | Inquiry;
  /** Verdict on the episode, should it end here. */
  verdict(): Verdict;
}

/** A question that an environment cannot answer by itself, e.g. what a suspect says. */
export interface Inquiry {
  readonly question: Question;
  /** Goes on with what the answerer said. */
  answered(text: string): EnvironmentStep | Inquiry;
}

/** What an answerer is given: a chat that its answer continues. */
export interface Question {
  readonly messages: readonly {
    readonly role: 'system' | 'user' | 'assistant';
    readonly content: string;
  }[];
}

/** A question and the draws of its answer. */
export interface AskedQuestion extends Question {
  readonly stream: RandomStream;
}

/** Who answers an environment's questions: a model, an endpoint, or a script. A task never calls it. */
export interface Answerer {
  /** One text per question, in order. */
  answer(questions: readonly AskedQuestion[], signal?: AbortSignal): Promise<readonly string[]>;
}

/** What makes a task interactive: it answers every message of the team until the episode is over. */
export interface Environment {
  /** Most messages of one episode. */
  readonly maxTurns: number;
  reset(item: TaskItem): EnvironmentStep;
  /** Answers the questions of this environment; absent: it asks none. */
  readonly answerer?: Answerer;
}

export interface Task {
  readonly name: string;
  /** [lowest, highest] reward a verdict can carry. */
  readonly rewardRange: readonly [number, number];
  /** Number of items of a split; undefined when a generator never runs out. */
  size(split: Split): number | undefined;
  /** The index-th item of a split; the same for the same (options, split, index). */
  item(split: Split, index: number): TaskItem;
  /**
   * Verdict on a text as the answer. Of an interactive task: on one message by itself, which is what a vote on
   * the next message counts; the verdict on an episode is its last scene's.
   */
  verify(item: TaskItem, text: string): Verdict;
  /**
   * The answer of a text in normal form, read without the item: what a vote on somebody's own question is
   * counted on. The same as `verify(item, text).answer` of any item. Absent: answers cannot be read alone.
   */
  answerOf?(text: string): string | undefined;
  /** Present: the task is interactive. */
  readonly environment?: Environment;
  /**
   * One demonstration of an item; absent when the task has none. Pretraining learns from those of the train split
   * and measures on those of the test split.
   */
  demonstrate?(item: TaskItem, stream: RandomStream): Demonstration;
  /** Characters that prompts and answers can contain, for building a tokenizer; absent if unknown. */
  readonly alphabet?: string;
  /** What a user should know about the data before a run, e.g. records left out; one line each. */
  readonly warnings?: readonly string[];
}
