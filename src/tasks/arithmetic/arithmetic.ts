/**
 * The task `arithmetic`: evaluate chains of integers. `17+25+38=` is answered by `17+25=42;42+38=80#80` with
 * worked steps, or directly by `#80`. For a small model the direct answer is hard and each worked step is
 * easy. A base model that was pretrained on both response styles can produce either, so reinforcement
 * learning has a better style to select.
 * @module
 */
import { z } from 'zod';
import type { RandomStream } from '../../core/rng.ts';
import { BINARY_REWARD, correct, excerpt, incorrect, noAnswer } from '../../grade/verdict.ts';
import { integer } from '../../schema/fields.ts';
import { defineTask } from '../../task/definition.ts';
import { drawFromSplit } from '../../task/split.ts';
import type { Demonstration, Split, Task, TaskItem, Verdict } from '../../task/task.ts';
import { DEFAULT_GENERATED, type GeneratedOptions, generatedOptions } from '../shared/generated.ts';
import { operationsField } from '../shared/operations.ts';
import { ANSWER_MARKER, demonstrationText, markedAnswer } from '../shared/response-style.ts';
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
  /**
   * If defined, every result is reduced to 0..modulus-1, which keeps numbers short. Undefined: results are
   * not reduced.
   */
  readonly modulus: number | undefined;
}

/**
 * Default options: sums of three numbers up to 99. Prompts have at most 9 characters, messages at most 24.
 */
export const DEFAULT_ARITHMETIC: ArithmeticOptions = {
  operands: 3,
  maxOperand: 99,
  operations: ['+'],
  modulus: undefined,
  ...DEFAULT_GENERATED,
};

/** The task `arithmetic` of a team file. */
export const arithmetic = defineTask({
  name: 'arithmetic',
  about: 'chains of integers to evaluate step by step, endless',
  options: z.strictObject({
    operands: integer({ min: 2, max: 6 }).default(3).describe('Numbers in a chain.'),
    max_operand: integer({ min: 1, max: 9999 })
      .default(99)
      .describe('Numbers are drawn uniformly from 1 to this.'),
    operations: operationsField(CHAIN_OPERATIONS, {
      fallback: ['+'],
      description: 'Operators, drawn uniformly; products are evaluated first.',
    }),
    modulus: integer({ min: 2, max: 9999 })
      .optional()
      .describe(
        'Reduces every result, also of the steps, to 0..modulus-1, which keeps numbers short. Default: plain integers.',
      ),
    ...generatedOptions,
  }),
  create: (options) => createArithmetic(options),
});

export function createArithmetic(partial: Partial<ArithmeticOptions> = {}): Task {
  return new ArithmeticTask({ ...DEFAULT_ARITHMETIC, ...partial });
}

/** Maximum number of characters of an answer. The result for six numbers up to 9999 has far fewer digits. */
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
      ? correct(answer, `${answer} is right`)
      : incorrect(answer, `got ${answer}, expected ${item.answer}`);
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
