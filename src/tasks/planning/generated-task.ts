/**
 * The common part of generated planning tasks: draws problems for each split, writes prompts in two styles,
 * parses and verifies answers, and writes demonstrations.
 * @module
 */
import { type RandomStream, randomStream } from '../../core/rng.ts';
import { BINARY_REWARD, noAnswer } from '../../grade/verdict.ts';
import { ConfigError } from '../../support/errors.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { markedAnswer } from '../shared/response-style.ts';
import type { GeneratorOptions } from './generator.ts';
import { type PlanReading, type ProblemInWords, planbenchPrompt, statement } from './planbench-prompt.ts';
import { type DemonstrationParts, relayMessages } from './relay-messages.ts';
import type { Domain, Problem, Step } from './strips.ts';
import { planAnswer, verifyPlan } from './verify-plan.ts';

/** A problem with its plan. */
export interface Solved {
  readonly plan: readonly Step[];
}

/**
 * A planning domain with its notations. `D` is the type of a drawn problem, `P` that of a problem with its
 * plan.
 */
export interface ProblemKind<D, P extends D & Solved> {
  readonly domain: Domain;
  /** Draws a problem; undefined if many draws gave none, so that the options probably allow none. */
  draw(stream: RandomStream): D | undefined;
  /** The options that the error message for options without problems tells the user to change. */
  readonly help: string;
  /** Returns the key that determines the split. Problems with the same key are in the same split. */
  key(drawn: D): string;
  /**
   * Computes the plan. It is separate from `draw`, because most drawn problems belong to another split and
   * are discarded.
   */
  solve(drawn: D): P;
  /** Converts a problem to facts (STRIPS), with the object names that plans of the configured style use. */
  problem(puzzle: P): Problem;
  compactPrompt(puzzle: P): string;
  readCompact(text: string): PlanReading;
  readonly introduction: string;
  inWords(puzzle: P): ProblemInWords;
  readPlanbench(text: string): PlanReading;
  demonstrationParts(puzzle: P): DemonstrationParts;
  readonly alphabet: string;
}

/**
 * Second part of the key (seed, 3, attempt) of the random streams that draw the example problems of prompts.
 */
const EXAMPLES = 3;

export function createGeneratedTask<D, P extends D & Solved>(
  kind: ProblemKind<D, P>,
  options: GeneratorOptions,
): Task {
  return new GeneratedTask(kind, options);
}

class GeneratedTask<D, P extends D & Solved> implements Task {
  readonly name: string;
  readonly rewardRange = BINARY_REWARD;
  readonly alphabet: string;
  readonly #kind: ProblemKind<D, P>;
  readonly #options: GeneratorOptions;

  constructor(kind: ProblemKind<D, P>, options: GeneratorOptions) {
    this.name = kind.domain.name;
    this.alphabet = kind.alphabet;
    this.#kind = kind;
    this.#options = options;
  }

  size(): undefined {
    return undefined;
  }

  item(split: Split, index: number): TaskItem {
    const puzzle = this.#puzzle({ seed: this.#options.seed, split, index });
    return {
      id: `${split}-${index}`,
      prompt:
        this.#options.style === 'compact'
          ? this.#kind.compactPrompt(puzzle)
          : this.#planbenchPrompt(puzzle, index),
      // PlanBench's wording in both styles, so that the contamination check recognizes problems of PlanBench
      problem: statement(this.#kind.inWords(puzzle)),
      difficulty: `${puzzle.plan.length}`,
      data: puzzle,
    };
  }

  /**
   * Verifies the plan in a text. In compact style the plan is the text after the last `#`; in PlanBench style
   * it is read from the whole text.
   */
  verify(item: TaskItem, text: string): Verdict {
    const puzzle = item.data as P;
    const read = this.#read(text);
    if ('problem' in read) return noAnswer(read.problem);
    const how = { ...this.#options, fewest: () => puzzle.plan.length };
    return verifyPlan(this.#kind.domain, { problem: this.#kind.problem(puzzle), plan: read.plan }, how);
  }

  answerOf(text: string): string | undefined {
    return planAnswer(this.#read(text));
  }

  demonstrate(item: TaskItem, stream: RandomStream): Demonstration {
    return { messages: relayMessages(this.#kind.demonstrationParts(item.data as P), this.#options, stream) };
  }

  #read(text: string): PlanReading {
    if (this.#options.style === 'planbench') return this.#kind.readPlanbench(text);
    const written = markedAnswer(text);
    return written === undefined ? { problem: 'the text has no "#"' } : this.#kind.readCompact(written);
  }

  #planbenchPrompt(puzzle: P, index: number): string {
    const example = this.#options.shots === 0 ? undefined : this.#kind.inWords(this.#example(puzzle, index));
    return planbenchPrompt(this.#kind.introduction, this.#kind.inWords(puzzle), example);
  }

  /**
   * Draws the example problem of a prompt. It is another problem of the train split, so that the example
   * never reveals a problem of the test split.
   */
  #example(puzzle: P, index: number): P {
    for (let attempt = 0; ; attempt++) {
      const seed = randomStream(this.#options.seed, EXAMPLES, attempt).int(2 ** 32);
      const example = this.#puzzle({ seed, split: 'train', index });
      if (this.#kind.key(example) !== this.#kind.key(puzzle)) return example;
    }
  }

  #puzzle(at: { readonly seed: number; readonly split: Split; readonly index: number }): P {
    return this.#kind.solve(drawFromSplit(`task ${this.name}`, (stream) => this.#draw(stream), at).drawn);
  }

  #draw(stream: RandomStream): { key: string; drawn: D } {
    const drawn = this.#kind.draw(stream);
    if (drawn === undefined)
      throw new ConfigError(
        `task ${this.name}: expected options that allow a problem, got none; change ${this.#kind.help}`,
      );
    return { key: this.#kind.key(drawn), drawn };
  }
}

/** Returns all characters of PlanBench's prompts and plans, including those of `texts`. */
export function planbenchAlphabet(...texts: readonly string[]): string {
  const frames = [undefined, { initial: '', goal: '', plan: [''] }].map((example) =>
    planbenchPrompt('', { initial: ',', goal: '' }, example),
  );
  return [...new Set([...frames, ...texts].join('and'))].sort().join('');
}
