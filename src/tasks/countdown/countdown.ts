/**
 * The task `countdown`: reach a target from given numbers with + - * /. `2 5 9>43:` is answered by
 * `9*5=45;45-2=43#9*5-2`, or directly by `#9*5-2`. The text after the marker is parsed and evaluated exactly; the steps
 * before it are not verified.
 * @module
 */
import { z } from 'zod';
import type { RandomStream } from '../../core/rng.ts';
import { equal, formatRational, integer } from '../../grade/rational.ts';
import { BINARY_REWARD, correct, incorrect, noAnswer } from '../../grade/verdict.ts';
import { flag, integer as integerField } from '../../schema/fields.ts';
import { ConfigError } from '../../support/errors.ts';
import { defineTask } from '../../task/definition.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, generatedOptions } from '../shared/generated.ts';
import { operationsField } from '../shared/operations.ts';
import { ANSWER_MARKER, demonstrationText, markedAnswer } from '../shared/response-style.ts';
import { canonicalText } from './canonical.ts';
import { BINARY_OPERATORS, evaluate, integersOf, parseExpression } from './expression.ts';
import { drawPuzzle, type Puzzle, type PuzzleShape, puzzleKey } from './puzzle.ts';

export interface CountdownOptions extends PuzzleShape, GeneratedOptions {}

/**
 * Default options: three numbers up to 20, all four operations, targets up to 99, and every number must be
 * used exactly once.
 */
export const DEFAULT_COUNTDOWN: CountdownOptions = {
  numbers: 3,
  maxNumber: 20,
  maxTarget: 99,
  operations: BINARY_OPERATORS,
  useAll: true,
  ...DEFAULT_GENERATED,
};

/** The task `countdown` of a team file. */
export const countdown = defineTask({
  name: 'countdown',
  about: 'reach a target from given numbers with + - * /, endless',
  options: z.strictObject({
    numbers: integerField({ min: 2, max: 6 }).default(3).describe('Given numbers of a puzzle.'),
    max_number: integerField({ min: 2, max: 999 })
      .default(20)
      .describe('Given numbers are drawn uniformly from 1 to this.'),
    max_target: integerField({ min: 1, max: 9999 }).default(99).describe('Largest target.'),
    operations: operationsField(BINARY_OPERATORS, {
      fallback: BINARY_OPERATORS,
      description: 'Operators from which puzzles are built; answers may use all four.',
    }),
    use_all: flag()
      .default(true)
      .describe('true: an answer must use every given number exactly once; false: at most once.'),
    ...generatedOptions,
  }),
  create: (options) => createCountdown(options),
});

export function createCountdown(partial: Partial<CountdownOptions> = {}): Task {
  return new CountdownTask({ ...DEFAULT_COUNTDOWN, ...partial });
}

class CountdownTask implements Task {
  readonly name = 'countdown';
  readonly rewardRange = BINARY_REWARD;
  readonly alphabet = `0123456789${BINARY_OPERATORS.join('')}()=; >:${ANSWER_MARKER}`;
  readonly #options: CountdownOptions;

  constructor(options: CountdownOptions) {
    this.#options = options;
  }

  size(): undefined {
    return undefined;
  }

  item(split: Split, index: number): TaskItem {
    const at = { seed: this.#options.seed, split, index };
    const { puzzle } = drawFromSplit('task countdown', (stream) => this.#draw(stream), at);
    return {
      id: `${split}-${index}`,
      prompt: `${puzzle.numbers.join(' ')}>${puzzle.target}:`,
      data: puzzle,
    };
  }

  /**
   * Grades a text. The answer of the verdict is the canonical text of the expression (see `canonical.ts`).
   */
  verify(item: TaskItem, text: string): Verdict {
    const written = markedAnswer(text);
    if (written === undefined) return noAnswer(`the text has no "${ANSWER_MARKER}"`);
    const parsed = parseExpression(written);
    if (!parsed.ok) return noAnswer(parsed.reason);
    const value = evaluate(parsed.expression);
    if (value === undefined) return noAnswer('the expression divides by zero');
    const answer = canonicalText(parsed.expression);
    const puzzle = item.data as Puzzle;
    const misuse = this.#misuse(puzzle.numbers, integersOf(parsed.expression));
    if (misuse !== undefined) return incorrect(answer, misuse);
    if (!equal(value, integer(puzzle.target)))
      return incorrect(answer, `gives ${formatRational(value)}, expected ${puzzle.target}`);
    return correct(answer, `reaches ${puzzle.target}`);
  }

  answerOf(text: string): string | undefined {
    const written = markedAnswer(text);
    const parsed = written === undefined ? undefined : parseExpression(written);
    if (!parsed?.ok || evaluate(parsed.expression) === undefined) return undefined;
    return canonicalText(parsed.expression);
  }

  demonstrate(item: TaskItem, stream: RandomStream): Demonstration {
    const { steps, expression } = item.data as Puzzle;
    return { messages: [demonstrationText({ steps, answer: expression }, this.#options, stream)] };
  }

  /** Returns the reason why an expression must not use these integers; undefined if it may. */
  #misuse(given: readonly number[], used: readonly bigint[]): string | undefined {
    const left = given.map(BigInt);
    for (const value of used) {
      const at = left.indexOf(value);
      if (at < 0)
        return given.map(BigInt).includes(value)
          ? `uses ${value} more often than it is given`
          : `uses ${value}, which is not given`;
      left.splice(at, 1);
    }
    return this.#options.useAll && left.length > 0 ? `leaves out ${left.join(' and ')}` : undefined;
  }

  #draw(stream: RandomStream): { key: string; puzzle: Puzzle } {
    const puzzle = drawPuzzle(this.#options, stream);
    if (puzzle === undefined)
      throw new ConfigError(
        `task countdown: expected options that allow a puzzle, got none with targets up to ` +
          `${this.#options.maxTarget}; raise max_target or lower numbers`,
      );
    return { key: puzzleKey(puzzle), puzzle };
  }
}
