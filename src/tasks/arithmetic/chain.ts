/**
 * Chains of integers joined by + - *, e.g. `12+7*3-4`: draws a chain, writes its canonical key, and evaluates
 * it step by step.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';

export const CHAIN_OPERATIONS = ['+', '-', '*'] as const;
export type ChainOperation = (typeof CHAIN_OPERATIONS)[number];

/** A chain `operands[0] operations[0] operands[1] operations[1] ...` */
export interface Chain {
  readonly operands: readonly number[];
  readonly operations: readonly ChainOperation[];
}

export interface ChainShape {
  /** Number of operands of a chain, >= 2. */
  readonly operands: number;
  /** Largest operand. Operands are drawn uniformly from 1..maxOperand. */
  readonly maxOperand: number;
  readonly operations: readonly ChainOperation[];
}

export function drawChain(shape: ChainShape, stream: RandomStream): Chain {
  const operands = Array.from({ length: shape.operands }, () => 1 + stream.int(shape.maxOperand));
  const operations = Array.from(
    { length: shape.operands - 1 },
    () => shape.operations[stream.int(shape.operations.length)],
  );
  return { operands, operations };
}

/** Writes a chain as text, e.g. `12+7*3-4`. */
export function chainText({ operands, operations }: Chain): string {
  return operands.map((operand, i) => `${operand}${operations[i] ?? ''}`).join('');
}

/**
 * Returns the canonical key: sorted signed products of sorted factors. Two chains have the same key if and
 * only if they differ only in the order of their terms and factors, as `7*3-4+12` and `12+3*7-4` do.
 *
 * @example
 * chainKey({ operands: [12, 7, 3, 4], operations: ['+', '*', '-'] }); // => '+12 +3*7 -4'
 */
export function chainKey({ operands, operations }: Chain): string {
  const terms: { sign: '+' | '-'; factors: number[] }[] = [{ sign: '+', factors: [operands[0]] }];
  operations.forEach((operation, i) => {
    const operand = operands[i + 1];
    if (operation === '*') terms[terms.length - 1].factors.push(operand);
    else terms.push({ sign: operation, factors: [operand] });
  });
  return terms
    .map(({ sign, factors }) => `${sign}${factors.sort((a, b) => a - b).join('*')}`)
    .sort()
    .join(' ');
}

export interface Reduction {
  /** One equation per operation in the order of evaluation, e.g. `7*3=21`. */
  readonly steps: readonly string[];
  readonly value: bigint;
}

/**
 * Evaluates a chain one operation at a time: products first, then sums, each from left to right.
 *
 * @param modulus - every result is reduced to 0..modulus-1; undefined: results are not reduced
 *
 * @example
 * reduceChain({ operands: [12, 7, 3, 4], operations: ['+', '*', '-'] }).steps;
 * // => ['7*3=21', '12+21=33', '33-4=29']
 */
export function reduceChain(chain: Chain, modulus?: number): Reduction {
  const values = chain.operands.map(BigInt);
  const operations = [...chain.operations];
  const steps: string[] = [];
  while (operations.length > 0) {
    const at = Math.max(0, operations.indexOf('*'));
    const [left, right] = [values[at], values[at + 1]];
    const result = residue(apply(left, operations[at], right), modulus);
    steps.push(`${left}${operations[at]}${right}=${result}`);
    values.splice(at, 2, result);
    operations.splice(at, 1);
  }
  return { steps, value: values[0] };
}

function apply(left: bigint, operation: ChainOperation, right: bigint): bigint {
  switch (operation) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
  }
}

function residue(value: bigint, modulus: number | undefined): bigint {
  if (modulus === undefined) return value;
  const m = BigInt(modulus);
  return ((value % m) + m) % m;
}
