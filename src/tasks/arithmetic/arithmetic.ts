/**
 * Multi-step arithmetic: `17+25+38=` is answered by `17+25=42;42+38=80#80`, or directly by `#80`. A tiny
 * model finds the direct answer hard and each worked step easy: the better habit is a choice it already
 * knows, which is what reinforcement needs to have something to find.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { BINARY_REWARD, excerpt, noAnswer, right, wrong } from '../../grade/verdict.ts';
import { readOptions } from '../../support/options.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, readGenerated } from '../shared/generated.ts';
import { ANSWER_MARKER, demonstrationText, markedAnswer } from '../shared/habit.ts';
import { readOperations } from '../shared/operations.ts';
import {
  CHAIN_OPERATIONS,
  type Chain,
  type ChainShape,
  chainKey,
  chainText,
  drawChain,
  reduceChain,
} from './chain.ts';

export interface ArithmeticOptions extends ChainShape, GeneratedOptions {
  /** Every result is taken modulo this, which keeps numbers short; undefined (default): plain integers. */
  readonly modulus: number | undefined;
}

/** Three numbers up to 99, added: at most 9 characters of prompt and 24 of message. */
export const DEFAULT_ARITHMETIC: ArithmeticOptions = {
  operands: 3,
  maxOperand: 99,
  operations: ['+'],
  modulus: undefined,
  ...DEFAULT_GENERATED,
};

/**
 * Reads YAML options: `operands` (2..6), `max_operand` (1..9999), `operations` (characters of `+-*`),
 * `modulus` (2..9999), `seed`, `worked_share`, `demo_noise`.
 *
 * @throws ConfigError listing everything that is wrong
 */
export function readArithmeticOptions(record: Readonly<Record<string, unknown>>): ArithmeticOptions {
  const options = readOptions('task arithmetic', record);
  const d = DEFAULT_ARITHMETIC;
  const read: ArithmeticOptions = {
    operands: options.integer('operands', { default: d.operands, min: 2, max: 6 }),
    maxOperand: options.integer('max_operand', { default: d.maxOperand, min: 1, max: 9999 }),
    operations: readOperations(options, CHAIN_OPERATIONS, d.operations),
    modulus: options.optionalInteger('modulus', { min: 2, max: 9999 }),
    ...readGenerated(options),
  };
  options.finish();
  return read;
}

export function createArithmetic(partial: Partial<ArithmeticOptions> = {}): Task {
  return new ArithmeticTask({ ...DEFAULT_ARITHMETIC, ...partial });
}

/** The longest answer that is read at all: far more digits than six numbers up to 9999 can produce. */
const MAX_ANSWER_LENGTH = 40;

class ArithmeticTask implements Task {
  readonly name = 'arithmetic';
  readonly rewardRange = BINARY_REWARD;
  readonly alphabet: string;
  readonly #options: ArithmeticOptions;

  constructor(options: ArithmeticOptions) {
    this.#options = options;
    this.alphabet = `0123456789${options.operations.join('')}=;${ANSWER_MARKER}`;
  }

  size(): undefined {
    return undefined;
  }

  item(split: Split, index: number): TaskItem {
    const { seed, modulus } = this.#options;
    const { chain } = drawFromSplit('task arithmetic', (stream) => this.#draw(stream), {
      seed,
      split,
      index,
    });
    return {
      id: `${split}-${index}`,
      prompt: `${chainText(chain)}=`,
      answer: `${reduceChain(chain, modulus).value}`,
      data: chain,
    };
  }

  verify(item: TaskItem, text: string): Verdict {
    const written = markedAnswer(text);
    if (written === undefined) return noAnswer(`the text has no "${ANSWER_MARKER}"`);
    if (written.length > MAX_ANSWER_LENGTH || !/^-?[0-9]+$/.test(written))
      return noAnswer(`expected an integer after "${ANSWER_MARKER}", got ${excerpt(written)}`);
    const answer = `${BigInt(written)}`;
    return answer === item.answer
      ? right(answer, `${answer} is right`)
      : wrong(answer, `got ${answer}, expected ${item.answer}`);
  }

  answerOf(text: string): string | undefined {
    return this.verify({ id: '', prompt: '' }, text).answer;
  }

  demonstrate(item: TaskItem, stream: RandomStream): Demonstration {
    const { steps, value } = reduceChain(item.data as Chain, this.#options.modulus);
    return { messages: [demonstrationText({ steps, answer: `${value}` }, this.#options, stream)] };
  }

  #draw(stream: RandomStream): { key: string; chain: Chain } {
    const chain = drawChain(this.#options, stream);
    return { key: chainKey(chain), chain };
  }
}
