/**
 * Countdown: reach a target from given numbers with + - * /. `2 5 9>43:` is answered by
 * `9*5=45;45-2=43#9*5-2`, or directly by `#9*5-2`. Whatever follows the marker is parsed and evaluated
 * exactly; how the answer was found does not matter.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { equal, formatRational, integer } from '../../grade/rational.ts';
import { BINARY_REWARD, noAnswer, right, wrong } from '../../grade/verdict.ts';
import { ConfigError } from '../../support/errors.ts';
import { readOptions } from '../../support/options.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, readGenerated } from '../shared/generated.ts';
import { ANSWER_MARKER, demonstrationText, markedAnswer } from '../shared/habit.ts';
import { readOperations } from '../shared/operations.ts';
import { canonicalText } from './canonical.ts';
import { BINARY_OPERATORS, evaluate, integersOf, parseExpression } from './expression.ts';
import { drawPuzzle, type Puzzle, type PuzzleShape, puzzleKey } from './puzzle.ts';

export interface CountdownOptions extends PuzzleShape, GeneratedOptions {}

/** Three numbers up to 20, all four operations, targets up to 99, every number used exactly once. */
export const DEFAULT_COUNTDOWN: CountdownOptions = {
  numbers: 3,
  maxNumber: 20,
  maxTarget: 99,
  operations: BINARY_OPERATORS,
  useAll: true,
  ...DEFAULT_GENERATED,
};

/**
 * Reads YAML options: `numbers` (2..6), `max_number` (2..999), `max_target` (1..9999), `operations`
 * (characters of `+-*` and `/`), `use_all`, `seed`, `worked_share`, `demo_noise`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readCountdownOptions(record: Readonly<Record<string, unknown>>): CountdownOptions {
  const options = readOptions('task countdown', record);
  const d = DEFAULT_COUNTDOWN;
  const read: CountdownOptions = {
    numbers: options.integer('numbers', { default: d.numbers, min: 2, max: 6 }),
    maxNumber: options.integer('max_number', { default: d.maxNumber, min: 2, max: 999 }),
    maxTarget: options.integer('max_target', { default: d.maxTarget, min: 1, max: 9999 }),
    operations: readOperations(options, BINARY_OPERATORS, d.operations),
    useAll: options.boolean('use_all', d.useAll),
    ...readGenerated(options),
  };
  options.finish();
  return read;
}

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

  /** The answer of a verdict is the canonical expression: see `canonical.ts` for what counts as equal. */
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
    if (misuse !== undefined) return wrong(answer, misuse);
    if (!equal(value, integer(puzzle.target)))
      return wrong(answer, `gives ${formatRational(value)}, expected ${puzzle.target}`);
    return right(answer, `reaches ${puzzle.target}`);
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

  /** Why these integers may not be used; undefined when they may. */
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
