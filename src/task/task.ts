/**
 * The interface of tasks: items with prompts, and verdicts on answers. A task consists of data and pure
 * functions. Random numbers come from streams that the caller passes. Files are read only when the task is
 * created.
 * @module
 */
import type { RandomStream } from '../core/rng.ts';

/**
 * Names of the disjoint splits. Losses use `train`, gates and acceptance tests `validation`, reports `test`.
 */
export type Split = 'train' | 'validation' | 'test';

export interface TaskItem {
  /** Identifier of the item, unique within the task and the same in every run. */
  readonly id: string;
  readonly prompt: string;
  /** Gold answer; absent if there are several correct answers. */
  readonly answer?: string;
  readonly difficulty?: string;
  /**
   * The problem alone, for contamination checks. Present if `prompt` adds text that all prompts of the task
   * share, or if it lacks a part of the problem, such as the secret of a guessing game.
   */
  readonly problem?: string;
  /** Further data for the verifier, e.g. the given numbers. */
  readonly data?: unknown;
}

export interface Verdict {
  readonly correct: boolean;
  /** Reward of the answer, within `Task.rewardRange`. */
  readonly reward: number;
  /** The extracted answer in normal form, on which votes are counted. Absent if the text has no answer. */
  readonly answer?: string;
  /** Reason for the verdict as one clause, shown to people. */
  readonly reason: string;
  /** Further measurements of the answer by name, for reports; training does not use them. */
  readonly scores?: Readonly<Record<string, number>>;
}

/** An episode that solves an item, for pretraining: one or more assistant messages. */
export interface Demonstration {
  readonly messages: readonly string[];
  /**
   * Observations of the environment, one after each message. They are not trained on. Absent if there are
   * none.
   */
  readonly observations?: readonly string[];
}

/**
 * State of an episode of an interactive task. It is immutable: `step` returns the next state, so that the
 * same messages and the same random draws always lead to the same state.
 */
export interface EnvironmentStep {
  /**
   * Response of the environment to the last message, which becomes part of later contexts. Absent if there is
   * none.
   */
  readonly observation?: string;
  /** Whether the episode is over. */
  readonly done: boolean;
  /**
   * Applies the team's next message.
   *
   * @param stream - random stream of this step
   * @returns the next state, or a pending step if a model has to answer a question first
   */
  step(text: string, stream: RandomStream): EnvironmentStep | PendingStep;
  /** Returns the verdict on the episode if it ends in this state. */
  verdict(): Verdict;
}

/** A step that continues when a model has answered a question, e.g. with the statement of a suspect. */
export interface PendingStep {
  readonly question: Question;
  /** Continues the step. @param answer - the text of the answerer model */
  resume(answer: string): EnvironmentStep | PendingStep;
}

/** A chat that ends with a user message, to which the answerer model responds. */
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

/**
 * Answers questions put to an environment; it is a model folder, an endpoint or a script. The rollout calls
 * it, never the task.
 */
export interface Answerer {
  /** Answers questions. @returns one text per question, in order */
  answer(questions: readonly QuestionWithStream[], signal?: AbortSignal): Promise<readonly string[]>;
}

/** The environment of an interactive task responds to every message of the team until the episode is over. */
export interface Environment {
  /** Maximum number of messages of an episode. */
  readonly maxTurns: number;
  /** Creates the first state of an episode. */
  reset(item: TaskItem): EnvironmentStep;
  /** Model that answers questions. Required if a step of this environment can be pending. */
  readonly answerer?: Answerer;
}

export interface Task {
  readonly name: string;
  /** [lowest, highest] reward of a verdict. */
  readonly rewardRange: readonly [number, number];
  /** Returns the number of items of a split; undefined if items are generated without end. */
  size(split: Split): number | undefined;
  /** Returns the index-th item of a split, from 0. The item depends only on options, split and index. */
  item(split: Split, index: number): TaskItem;
  /**
   * Whether a prompt of the train or validation split is never used, because it does not fit into an agent's
   * context. Indices of other prompts do not change. Absent: all prompts are used.
   */
  isSkipped?(split: Split, index: number): boolean;
  /**
   * Returns the verdict on a text as the answer to an item. In an interactive task the text is a single
   * message, whose answer is counted in votes on the next message; the verdict on an episode is that of its
   * last state.
   */
  verify(item: TaskItem, text: string): Verdict;
  /**
   * Returns the answer of a text in normal form without knowing the item. Served votes on prompts of users
   * count it. It equals `verify(item, text).answer` for every item. Absent if the answer cannot be read
   * without the item.
   */
  answerOf?(text: string): string | undefined;
  /** Environment of an interactive task; absent for other tasks. */
  readonly environment?: Environment;
  /**
   * Returns a demonstration of an item; absent if the task has none. Pretraining trains on demonstrations of
   * the train split and reports the loss on those of the validation split.
   */
  demonstrate?(item: TaskItem, stream: RandomStream): Demonstration;
  /** All characters of prompts and answers, from which a tokenizer is built; absent if unknown. */
  readonly alphabet?: string;
  /** Warnings about the data, one line each, e.g. that records were excluded. */
  readonly warnings?: readonly string[];
}
