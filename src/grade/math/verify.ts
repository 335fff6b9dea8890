/**
 * The verdict on an answer to a question of mathematics. Two modes:
 *
 * * `equivalent`: answers that mean the same are the same, see `docs/verifier.md`;
 * * `strict-deepscaler`: what the paper's grader says, its errors included, for comparison.
 *
 * Nothing is executed, nothing throws, and work is counted so that no text keeps the process.
 * @module
 */
import { canonicalText } from './canonical-text.ts';
import { choiceLetter, choiceOf } from './choice.ts';
import { equivalent } from './equivalent.ts';
import { type Extracted, extractAnswer, goldAnswer } from './extract.ts';
import { different, firstSame, type Outcome, same } from './outcome.ts';
import { readAnswer } from './read-answer.ts';
import { extractStrictly, gradeStrictly } from './strict/grade.ts';
import { sympyNormal } from './strict/normal.ts';
import { MAX_ANSWER_LENGTH } from './tokenizer.ts';
import { TooMuchWork, Work } from './work.ts';

export const MATH_MODES = ['equivalent', 'strict-deepscaler'] as const;
export type MathMode = (typeof MATH_MODES)[number];

export interface MathVerdict {
  readonly correct: boolean;
  /** The answer as it stands in the text; undefined when none was found. */
  readonly extracted?: Extracted;
  /** One clause. */
  readonly reason: string;
}

/**
 * Judges a text against a gold answer. Never throws.
 *
 * @param gold - the right answer, or a text that contains it
 * @param text - what the model wrote
 *
 * @example
 * verifyMath('\\frac{1}{2}', 'so it is \\boxed{0.5}').correct; // => true
 */
export function verifyMath(gold: string, text: string, mode: MathMode = 'equivalent'): MathVerdict {
  const isStrict = mode === 'strict-deepscaler';
  const extracted = isStrict ? extractStrictly(text) : extractAnswer(text);
  if (!extracted)
    return { correct: false, reason: isStrict ? 'no closed \\boxed{...} was found' : 'no answer was found' };
  const expected = (isStrict ? extractStrictly(gold)?.text : goldAnswer(gold)) ?? gold;
  const outcome = compareAnswers(expected, extracted.text, mode);
  return { correct: outcome.same, extracted, reason: outcome.reason };
}

/** Compares two answers that stand alone, as in a box. Never throws. */
export function compareAnswers(gold: string, prediction: string, mode: MathMode = 'equivalent'): Outcome {
  if (mode === 'strict-deepscaler') return gradeStrictly(gold, prediction);
  if (singleSpaced(gold) === singleSpaced(prediction)) return same('written alike');
  const isLong = Math.max(gold.length, prediction.length) > MAX_ANSWER_LENGTH;
  if (isLong) return different('the answer is too long');
  const choice = choiceOf(prediction);
  const letter = choiceLetter(gold);
  if (choice && letter !== undefined)
    return choice.letter === letter ? same('the same choice') : different('another choice');
  const work = new Work();
  try {
    const golds = readAnswer(gold, work);
    const predictions = [prediction, ...(choice ? [choice.value] : [])].flatMap((text) =>
      readAnswer(text, work),
    );
    return firstSame(
      (function* () {
        for (const g of golds) for (const p of predictions) yield equivalent(g, p, work);
      })(),
    );
  } catch (error) {
    if (error instanceof TooMuchWork) return different(error.message);
    throw error;
  }
}

/** Of an answer that cannot be put in normal form so much is kept. */
const MAX_RAW_ANSWER = 200;

function singleSpaced(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

/**
 * An answer in normal form, the same for answers that are equal; what votes are counted on. In strict mode
 * it is the string that the grader compares. Never throws.
 */
export function normalAnswer(answer: string, mode: MathMode = 'equivalent'): string {
  const work = new Work();
  try {
    if (mode === 'strict-deepscaler') return sympyNormal(answer.slice(0, MAX_RAW_ANSWER));
    const [first] = readAnswer(answer, work); // there is always one
    return canonicalText(first, work);
  } catch (error) {
    if (error instanceof TooMuchWork) return singleSpaced(answer).slice(0, MAX_RAW_ANSWER);
    throw error;
  }
}
