/**
 * Countdown puzzles that are solvable by construction: the numbers are drawn first, then combined two at
 * a time until one is left, and that one is the target.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { BinaryOperator } from './expression.ts';

export interface PuzzleShape {
  /** Given numbers per puzzle, 2..6. */
  readonly numbers: number;
  /** Given numbers are drawn uniformly from 1..maxNumber. */
  readonly maxNumber: number;
  /** Targets lie in 1..maxTarget. */
  readonly maxTarget: number;
  readonly operations: readonly BinaryOperator[];
  /** Whether an answer must use every given number, or may leave some out. */
  readonly useAll: boolean;
}

export interface Puzzle {
  /** In the order of the prompt. */
  readonly numbers: readonly number[];
  readonly target: number;
  /** The construction: one equation per step, e.g. `9*5=45`. */
  readonly steps: readonly string[];
  /** The construction as one expression, e.g. `9*5-2`. */
  readonly expression: string;
}

/** Puzzles that differ only in the order of the given numbers share it: sorted numbers, then the target. */
export function puzzleKey({ numbers, target }: Puzzle): string {
  return `${[...numbers].sort((a, b) => a - b).join(' ')}>${target}`;
}

const MAX_TRIES = 10_000;

/**
 * A puzzle with a solution whose intermediate results are positive integers, as in the television game.
 * (An answer may still go through fractions and negative numbers.)
 *
 * @returns undefined when no puzzle of this shape turns up, as when the operations cannot stay below
 *   the largest target
 */
export function drawPuzzle(shape: PuzzleShape, stream: RandomStream): Puzzle | undefined {
  for (let attempt = 0; attempt < MAX_TRIES; attempt++) {
    const numbers = Array.from({ length: shape.numbers }, () => 1 + stream.int(shape.maxNumber));
    const used = shape.useAll ? shape.numbers : 2 + stream.int(shape.numbers - 1);
    const last = combineAll(numbers.slice(0, used), shape.operations, stream);
    if (last === undefined || last.value > shape.maxTarget) continue;
    // with numbers left out, a target among the given ones would need no work
    if (!shape.useAll && numbers.includes(last.value)) continue;
    shuffle(numbers, stream);
    return { numbers, target: last.value, steps: last.steps, expression: last.text };
  }
  return undefined;
}

/** A number made so far, with the work behind it. */
interface Made {
  readonly value: number;
  readonly text: string;
  /** How tightly `text` binds: 3 a number, 2 a product, 1 a sum. */
  readonly binding: number;
  readonly steps: readonly string[];
}

function combineAll(
  numbers: readonly number[],
  operations: readonly BinaryOperator[],
  stream: RandomStream,
): Made | undefined {
  const pool: Made[] = numbers.map((value) => ({ value, text: `${value}`, binding: 3, steps: [] }));
  const steps: string[] = [];
  while (pool.length > 1) {
    const [left] = pool.splice(stream.int(pool.length), 1);
    const [right] = pool.splice(stream.int(pool.length), 1);
    const made = combine(left, operations[stream.int(operations.length)], right);
    if (made === undefined) return undefined;
    steps.push(...made.steps);
    pool.push(made);
  }
  return { ...pool[0], steps };
}

/** One step; undefined where the result is not a positive integer. */
function combine(left: Made, operator: BinaryOperator, right: Made): Made | undefined {
  const value = result(left.value, operator, right.value);
  if (!Number.isSafeInteger(value) || value < 1) return undefined;
  const binding = operator === '+' || operator === '-' ? 1 : 2;
  // a - (b + c) and a / (b * c) need their brackets, a + b + c and a * b * c do not
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

function bracketed(made: Made, binding: number): string {
  return made.binding < binding ? `(${made.text})` : made.text;
}

/** Fisher-Yates, in place. */
function shuffle(values: number[], stream: RandomStream): void {
  for (let k = values.length - 1; k > 0; k--) {
    const j = stream.int(k + 1);
    [values[k], values[j]] = [values[j], values[k]];
  }
}
