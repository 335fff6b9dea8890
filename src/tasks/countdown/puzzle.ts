/**
 * Generates Countdown puzzles with a known solution. The numbers are drawn first. Then two numbers at a time
 * are combined until one number is left, which is the target.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { BinaryOperator } from './expression.ts';

export interface PuzzleShape {
  /** Number of given numbers of a puzzle, 2..6. */
  readonly numbers: number;
  /** Largest given number. The numbers are drawn uniformly from 1..maxNumber. */
  readonly maxNumber: number;
  /** Largest target; the smallest is 1. */
  readonly maxTarget: number;
  readonly operations: readonly BinaryOperator[];
  /** Whether an answer must use every given number. */
  readonly useAll: boolean;
}

export interface Puzzle {
  /** Given numbers in the order of the prompt. */
  readonly numbers: readonly number[];
  readonly target: number;
  /** Steps of the known solution, one equation each, e.g. `9*5=45`. */
  readonly steps: readonly string[];
  /** The known solution as one expression, e.g. `9*5-2`. */
  readonly expression: string;
}

/** Returns the canonical key of a puzzle: its sorted numbers and its target. */
export function puzzleKey({ numbers, target }: Puzzle): string {
  return `${[...numbers].sort((a, b) => a - b).join(' ')}>${target}`;
}

const MAX_TRIES = 10_000;

/**
 * Draws a puzzle. All intermediate results of its known solution are positive integers, as in the television
 * game. An answer may still use fractions and negative numbers.
 *
 * @returns undefined if no draw gave a puzzle, for example because all results exceed the largest target
 */
export function drawPuzzle(shape: PuzzleShape, stream: RandomStream): Puzzle | undefined {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const numbers = Array.from({ length: shape.numbers }, () => 1 + stream.int(shape.maxNumber));
    const used = shape.useAll ? shape.numbers : 2 + stream.int(shape.numbers - 1);
    const last = combineAll(numbers.slice(0, used), shape.operations, stream);
    if (last === undefined || last.value > shape.maxTarget) continue;
    // if numbers may be left out, a target that is one of the given numbers would be trivial
    if (!shape.useAll && numbers.includes(last.value)) continue;
    shuffle(numbers, stream);
    return { numbers, target: last.value, steps: last.steps, expression: last.text };
  }
  return undefined;
}

/** An intermediate result, with the expression and the steps that give it. */
interface IntermediateResult {
  readonly value: number;
  readonly text: string;
  /** Precedence of the outermost operator of `text`: 3 for a number, 2 for a product, 1 for a sum. */
  readonly binding: number;
  readonly steps: readonly string[];
}

function combineAll(
  numbers: readonly number[],
  operations: readonly BinaryOperator[],
  stream: RandomStream,
): IntermediateResult | undefined {
  const pool: IntermediateResult[] = numbers.map((value) => ({
    value,
    text: `${value}`,
    binding: 3,
    steps: [],
  }));
  const steps: string[] = [];
  while (pool.length > 1) {
    const [left] = pool.splice(stream.int(pool.length), 1);
    const [right] = pool.splice(stream.int(pool.length), 1);
    const combined = combine(left, operations[stream.int(operations.length)], right);
    if (combined === undefined) return undefined;
    steps.push(...combined.steps);
    pool.push(combined);
  }
  return { ...pool[0], steps };
}

/** Combines two results by an operator. Returns undefined if the result is not a positive integer. */
function combine(
  left: IntermediateResult,
  operator: BinaryOperator,
  right: IntermediateResult,
): IntermediateResult | undefined {
  const value = result(left.value, operator, right.value);
  if (!Number.isSafeInteger(value) || value < 1) return undefined;
  const binding = operator === '+' || operator === '-' ? 1 : 2;
  // a - (b + c) and a / (b * c) need brackets; a + b + c and a * b * c do not
  const rightBinding = operator === '-' || operator === '/' ? binding + 1 : binding;
  const text = `${bracketed(left, binding)}${operator}${bracketed(right, rightBinding)}`;
  return { value, text, binding, steps: [`${left.value}${operator}${right.value}=${value}`] };
}

function result(left: number, operator: BinaryOperator, right: number): number {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
  }
}

function bracketed(combined: IntermediateResult, binding: number): string {
  return combined.binding < binding ? `(${combined.text})` : combined.text;
}

/** Fisher-Yates, in place. */
function shuffle(values: number[], stream: RandomStream): void {
  for (let k = values.length - 1; k > 0; k--) {
    const j = stream.int(k + 1);
    [values[k], values[j]] = [values[j], values[k]];
  }
}
