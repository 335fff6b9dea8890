/**
 * DeepScaleR's grader, which the paper's results use: answers are equal if their strings are equal
 * ({@link sameByMathd}) or their symbolic difference is 0. The known errors are included: unreduced fractions are
 * wrong, an integer must be answered by an integer, lists are ordered, `x+\frac{2}{7}` equals `\frac{x+2}{7}`.
 *
 * Differs from the official code: expressions are compared by exact arithmetic and at random complex points
 * instead of sympy's `simplify`.
 * @see agentica-project/deepscaler, rewards/math_reward.py and math_utils (MIT)
 * @module
 */

import { afterThinking } from '../../after-thinking.ts';
import { equal, type Rational, rational } from '../../rational.ts';
import { agreeAsComplex } from '../agreement.ts';
import { fractionOf } from '../algebra.ts';
import type { Node } from '../ast.ts';
import type { ExtractedAnswer } from '../extract.ts';
import { rationalValue, sameFraction } from '../fraction.ts';
import { decimalValue } from '../numeral.ts';
import type { Outcome } from '../outcome.ts';
import { different, same } from '../outcome.ts';
import { WorkBudget, WorkBudgetExceeded, withinLimits } from '../work-budget.ts';
import { sameByMathd } from './mathd.ts';
import { parsePython } from './python-expression.ts';
import { isIntegerText, splitTuple, sympyNormal } from './sympy-normal.ts';

/**
 * Maximum number of characters of an answer. Longer answers are graded as wrong. The official code has no
 * limit.
 */
const MAX_LENGTH = 4000;

/**
 * Returns the content of the last `\boxed{...}`; undefined if its braces do not close, if it has no braces,
 * or if the text has only an `\fbox`. The text up to `</think>` is ignored.
 *
 * Differs from the official code: a text without `<think>` is graded too, as in its variant for verl.
 */
export function extractStrictly(text: string): ExtractedAnswer | undefined {
  const answer = afterThinking(text);
  const start = Math.max(answer.lastIndexOf('\\boxed'), -1);
  const box = start >= 0 ? start : answer.lastIndexOf('\\fbox');
  if (box < 0 || !answer.startsWith('\\boxed{', box)) return undefined;
  let depth = 0;
  for (let at = box; at < answer.length; at++) {
    if (answer[at] === '{') depth++;
    else if (answer[at] === '}' && --depth === 0) return { text: answer.slice(box + 7, at), by: 'box' };
  }
  return undefined;
}

/** Compares two answers as written in their boxes. Never throws. */
export function gradeStrictly(gold: string, prediction: string): Outcome {
  if (gold.length > MAX_LENGTH || prediction.length > MAX_LENGTH) return different('the answer is too long');
  try {
    if (sameByMathd(gold, prediction)) return same('the same string after normalisation (mathd)');
    return sameBySympy(sympyNormal(gold), sympyNormal(prediction));
  } catch (error) {
    if (error instanceof WorkBudgetExceeded) return different(error.message);
    throw error;
  }
}

function sameBySympy(gold: string, prediction: string): Outcome {
  if (gold === prediction) return same('the same string after normalisation (sympy)');
  if (prediction === '') return different('nothing is left after normalisation');
  const [golds, predictions] = [splitTuple(gold), splitTuple(prediction)];
  const hasOtherBrackets = gold[0] !== prediction[0] || gold.at(-1) !== prediction.at(-1);
  if (golds.length > 1 && hasOtherBrackets) return different('the brackets are not the same');
  if (golds.length !== predictions.length || golds.length === 0)
    return different(`expected ${golds.length} items, got ${predictions.length}`);
  const work = new WorkBudget();
  for (const [i, item] of golds.entries()) {
    const outcome = sameItem(item, predictions[i], work); // `predictions` has as many items as `golds`
    if (!outcome.same) return outcome;
  }
  return same('the symbolic difference is 0');
}

const FRACTION = /^-?[0-9]+.?\/0*[1-9][0-9]*.?$/;

function sameItem(gold: string, prediction: string, work: WorkBudget): Outcome {
  if (FRACTION.test(gold) && FRACTION.test(prediction))
    return gold === prediction ? same('the same fraction') : different('the fractions are not written alike');
  if (isIntegerText(gold) !== isIntegerText(prediction)) return different('only one of them is an integer');
  if (!mayBeEvaluated(`(${gold})-(${prediction})`))
    return different('not the same string, and not evaluated');
  return isZeroDifference(gold, prediction, work)
    ? same('the symbolic difference is 0')
    : different('the symbolic difference is not 0');
}

/**
 * Whether the official grader evaluates an expression: at most two different letters, and only simple
 * exponents.
 */
function mayBeEvaluated(expression: string): boolean {
  const letters = expression.replaceAll('sqrt', '').replaceAll('frac', '').match(/\p{L}/gu) ?? [];
  if (new Set(letters).size > 2 || expression.includes('^{') || expression.includes('^(')) return false;
  return !/\^[0-9]+\^/.test(expression) && !/\^[0-9][0-9]+/.test(expression);
}

function isZeroDifference(gold: string, prediction: string, work: WorkBudget): boolean {
  const [a, b] = [parsePython(gold), parsePython(prediction)];
  if (!a || !b) return false;
  const exact = withinLimits(() => {
    const [x, y] = [fractionOf(a, work), fractionOf(b, work)];
    return x && y && sameFraction(x, y, work);
  });
  if (exact === false) return isSameFloat(gold, b, work) || isSameFloat(prediction, a, work);
  return exact ?? agreeAsComplex(a, b, work) ?? false;
}

/**
 * Whether a decimal equals a rational number as floats of sympy. sympy gives a float the precision of its
 * written digits, but at least 15 digits, and rounds the other side to the same precision.
 */
function isSameFloat(decimal: string, other: Node, work: WorkBudget): boolean {
  const value = rationalValue(fractionOf(other, work));
  if (!value || !/^-?\d*\.\d*$/.test(decimal) || decimal.length < 3) return false;
  const digits = decimal.replace(/^-?[0.]*|\./g, '').length;
  const bits = Math.round((Math.max(15, digits) + 1) * Math.log2(10));
  const sign = decimal.startsWith('-') ? -1n : 1n;
  const literal = decimalValue(decimal.replace('-', ''));
  return equal(rounded({ ...literal, numerator: sign * literal.numerator }, bits), rounded(value, bits));
}

/** Returns the nearest number whose mantissa has at most `bits` bits. */
function rounded({ numerator, denominator }: Rational, bits: number): Rational {
  if (numerator === 0n) return { numerator, denominator };
  let shift = bits - bitsOf(numerator) + bitsOf(denominator);
  for (;;) {
    const above = numerator * 2n ** BigInt(Math.max(0, shift));
    const below = denominator * 2n ** BigInt(Math.max(0, -shift));
    const doubled = (2n * above) / below;
    const mantissa = (doubled + (doubled < 0n ? -1n : 1n)) / 2n;
    if (bitsOf(mantissa) <= bits) {
      const [up, down] = [BigInt(Math.max(0, -shift)), BigInt(Math.max(0, shift))];
      return rational(mantissa * 2n ** up, 2n ** down) as Rational; // a power of 2 is not 0
    }
    shift--;
  }
}

function bitsOf(value: bigint): number {
  return (value < 0n ? -value : value).toString(2).length;
}
