/**
 * What generated planning tasks have in common: problems drawn into splits, prompts in two styles, answers read
 * and judged, demonstrations.
 * @module
 */
import { type RandomStream, randomStream } from '../../core/rng.ts';
import { BINARY_REWARD, noAnswer } from '../../grade/verdict.ts';
import { ConfigError } from '../../support/errors.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { markedAnswer } from '../shared/habit.ts';
import type { GeneratorOptions } from './generator.ts';
import { judgePlan, planAnswer } from './judge.ts';
import { type PlanReading, planbenchPrompt, type Stated, statement } from './planbench-words.ts';
import { relayMessages, type Telling } from './relay-messages.ts';
import type { Domain, Problem, Step } from './strips.ts';

/** A problem with its plan. */
export interface Solved {
  readonly plan: readonly Step[];
}

/** A kind of problem with its notations; `D` is a problem as drawn, `P` one with a plan. */
export interface ProblemKind<D, P extends D & Solved> {
  readonly domain: Domain;
  /** A problem; undefined if the options seem to allow none. */
  draw(stream: RandomStream): D | undefined;
  /** Options to change when they allow none. */
  readonly help: string;
  /** The same for problems that may not be in two splits. */
  key(drawn: D): string;
  /** Finds the plan, which most drawn problems, being of another split, never need. */
  solve(drawn: D): P;
  /** The problem with the names that plans in this style have. */
  problem(puzzle: P): Problem;
  compactPrompt(puzzle: P): string;
  readCompact(text: string): PlanReading;
  readonly introduction: string;
  stated(puzzle: P): Stated;
  readWords(text: string): PlanReading;
  telling(puzzle: P): Telling;
  readonly alphabet: string;
}

/** Key of example streams after the seed. */
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
      // in words in either style, so that a problem of PlanBench is recognised
      problem: statement(this.#kind.stated(puzzle)),
      difficulty: `${puzzle.plan.length}`,
      data: puzzle,
    };
  }

  /** In compact style the plan is what follows the last `#`; in PlanBench's, the official judge reads all. */
  verify(item: TaskItem, text: string): Verdict {
    const puzzle = item.data as P;
    const read = this.#read(text);
    if ('problem' in read) return noAnswer(read.problem);
    const how = { ...this.#options, fewest: () => puzzle.plan.length };
    return judgePlan(this.#kind.domain, { problem: this.#kind.problem(puzzle), plan: read.plan }, how);
  }

  answerOf(text: string): string | undefined {
    return planAnswer(this.#read(text));
  }

  demonstrate(item: TaskItem, stream: RandomStream): Demonstration {
    return { messages: relayMessages(this.#kind.telling(item.data as P), this.#options, stream) };
  }

  #read(text: string): PlanReading {
    if (this.#options.style === 'planbench') return this.#kind.readWords(text);
    const written = markedAnswer(text);
    return written === undefined ? { problem: 'the text has no "#"' } : this.#kind.readCompact(written);
  }

  #planbenchPrompt(puzzle: P, index: number): string {
    const example = this.#options.shots === 0 ? undefined : this.#kind.stated(this.#example(puzzle, index));
    return planbenchPrompt(this.#kind.introduction, this.#kind.stated(puzzle), example);
  }

  /** Another problem, of the train split, so that a prompt gives no tested problem away. */
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

/** The characters of PlanBench's prompts and of plans, given those that a kind of problem adds. */
export function planbenchAlphabet(...texts: readonly string[]): string {
  const frames = [undefined, { initial: '', goal: '', plan: [''] }].map((example) =>
    planbenchPrompt('', { initial: ',', goal: '' }, example),
  );
  return [...new Set([...frames, ...texts].join('and'))].sort().join('');
}
