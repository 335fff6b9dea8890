/**
 * The interface of tasks: items with prompts, and verdicts on answers. A task consists of data and pure functions.
 * Randomness comes from random streams that the caller passes; files are read when the task is created.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';

/** Disjoint splits: losses use `train`, gates and acceptance tests `validation`, reports `test`. */
export type Split = 'train' | 'validation' | 'test';

export interface TaskItem {
  /** Unique within the task, and the same in every run. */
  readonly id: string;
  readonly prompt: string;
  /** Gold answer; absent if there are several correct answers. */
  readonly answer?: string;
  readonly difficulty?: string;
  /**
   * The problem alone, for contamination checks. Present if `prompt` adds text that all prompts of the task share, or
   * does not contain the problem, such as the secret of a guessing game.
   */
  readonly problem?: string;
  /** Further data for the verifier, e.g. the given numbers. */
  readonly data?: unknown;
}

export interface Verdict {
  readonly correct: boolean;
  /** Reward of the answer, in reward units, within `Task.rewardRange`. */
  readonly reward: number;
  /** The extracted answer in normal form, on which votes are counted. Absent if the text has no answer. */
  readonly answer?: string;
  /** One clause for people that explains the verdict. */
  readonly reason: string;
  /** Further measurements of the answer by name, for reports; training does not use them. */
  readonly scores?: Readonly<Record<string, number>>;
}

/** A transcript that solves an item, for pretraining: one or more assistant messages. */
export interface Demonstration {
  readonly messages: readonly string[];
  /** Observation of the environment after each message; absent: none. No loss trains on them. */
  readonly observations?: readonly string[];
}

/**
 * State of an episode of an interactive task. Immutable: `step` returns the next state, so the same messages and the same
 * draws always lead to the same state.
 */
export interface EnvironmentStep {
  /** Response of the environment to the last message; later contexts contain it. Absent: none. */
  readonly observation?: string;
  /** Whether the episode is over. */
  readonly done: boolean;
  /**
   * Applies the team's next message.
   *
   * @param stream - random stream of this step
   * @returns the next state, or a pending step if the environment needs an answer of a model first
   */
  step(text: string, stream: RandomStream): EnvironmentStep | PendingStep;
  /** Verdict on the episode if it ends in this state. */
  verdict(): Verdict;
}

/** A step that needs an answer of a model, e.g. the statement of a suspect. */
export interface PendingStep {
  readonly question: Question;
  /** Continues the step. @param answer - text of the answerer */
  resume(answer: string): EnvironmentStep | PendingStep;
}

/** A chat that ends with a user message, to which the answerer responds. */
export interface Question {
  readonly messages: readonly {
    readonly role: 'system' | 'user' | 'assistant';
    readonly content: string;
  }[];
}

/** A question with the random stream from which its answer is sampled. */
export interface QuestionWithStream extends Question {
  readonly stream: RandomStream;
}

/** Answers the questions of an environment: a model, an endpoint or a script. The rollout calls it, never the task. */
export interface Answerer {
  /** @returns one text per question, in order */
  answer(questions: readonly QuestionWithStream[], signal?: AbortSignal): Promise<readonly string[]>;
}

/** The environment of an interactive task responds to every message of the team until the episode is over. */
export interface Environment {
  /** Maximum number of messages of an episode. */
  readonly maxTurns: number;
  /** First state of an episode. */
  reset(item: TaskItem): EnvironmentStep;
  /** Required if a step of this environment can be pending. */
  readonly answerer?: Answerer;
}

export interface Task {
  readonly name: string;
  /** [lowest, highest] reward of a verdict. */
  readonly rewardRange: readonly [number, number];
  /** Number of items of a split; undefined if items are generated without end. */
  size(split: Split): number | undefined;
  /** The index-th item of a split, from 0; it depends on options, split and index alone. */
  item(split: Split, index: number): TaskItem;
  /**
   * Verdict on a text as the answer. For an interactive task: on a single message, for votes on the next message; the
   * verdict on an episode is that of its last state.
   */
  verify(item: TaskItem, text: string): Verdict;
  /**
   * The answer of a text in normal form, read without an item; served votes on prompts of users are counted on it.
   * Equals `verify(item, text).answer` for every item. Absent if the answer cannot be read without the item.
   */
  answerOf?(text: string): string | undefined;
  /** Present if the task is interactive. */
  readonly environment?: Environment;
  /**
   * A demonstration of an item; absent if the task has none. Pretraining trains on those of the train split and reports
   * the loss on those of the test split.
   */
  demonstrate?(item: TaskItem, stream: RandomStream): Demonstration;
  /** Characters of prompts and answers, from which a tokenizer is built; absent if unknown. */
  readonly alphabet?: string;
  /** Warnings about the data, e.g. that records were left out; one line each. */
  readonly warnings?: readonly string[];
}
