/**
 * Verdicts on answers to questions of mathematics, in two modes:
 *
 * * `equivalent`: answers with the same meaning are equal, see `docs/verifier.md`;
 * * `strict-deepscaler`: the paper's grader with its known errors, for comparison.
 *
 * No text is executed, no function throws, and a work budget limits the time of every verdict.
 * @module
 */
import { canonicalText } from './canonical-text.ts';
import { equivalent } from './equivalent.ts';
import { type ExtractedAnswer, extractAnswer, goldAnswer } from './extract.ts';
import { choiceLetter, choiceOf } from './multiple-choice.ts';
import { different, firstSame, type Outcome, same } from './outcome.ts';
import { readAnswer } from './read-answer.ts';
import { extractStrictly, gradeStrictly } from './strict/grade.ts';
import { sympyNormal } from './strict/sympy-normal.ts';
import { MAX_ANSWER_LENGTH } from './tokenizer.ts';
import { WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

/** Names of the modes of {@link verifyMath}. */
export const MATH_MODES = ['equivalent', 'strict-deepscaler'] as const;
export type MathMode = (typeof MATH_MODES)[number];

/** The verdict on a text. */
export interface MathVerdict {
  readonly correct: boolean;
  /** The answer as written in the text; undefined when none was found. */
  readonly extracted?: ExtractedAnswer;
  /** The reason why the answer is correct or incorrect, as one clause. */
  readonly reason: string;
}

/**
 * Grades a model's output against a gold answer. Never throws.
 *
 * @param gold - the gold answer, or a worked solution that contains it
 * @param text - the model's output; the text up to the last `</think>` is ignored
 * @param mode - default `equivalent`
 *
 * @example
 * verifyMath('\\frac{1}{2}', 'so it is \\boxed{0.5}').correct; // => true
 */
export function verifyMath(gold: string, text: string, mode: MathMode = 'equivalent'): MathVerdict {
  const isStrict = mode === 'strict-deepscaler';
  const extracted = answerIn(text, mode);
  if (!extracted)
    return { correct: false, reason: isStrict ? 'no closed \\boxed{...} was found' : 'no answer was found' };
  const expected = (isStrict ? extractStrictly(gold)?.text : goldAnswer(gold)) ?? gold;
  const outcome = compareAnswers(expected, extracted.text, mode);
  return { correct: outcome.same, extracted, reason: outcome.reason };
}

/** Extracts the answer from a text by the rules of a mode; undefined when there is none. Never throws. */
export function answerIn(text: string, mode: MathMode): ExtractedAnswer | undefined {
  return mode === 'strict-deepscaler' ? extractStrictly(text) : extractAnswer(text);
}

/**
 * Compares two answers that are not part of a longer text, such as the contents of two boxes. Never throws.
 *
 * @example
 * compareAnswers('1/2', '0.50').same; // => true
 */
export function compareAnswers(gold: string, prediction: string, mode: MathMode = 'equivalent'): Outcome {
  if (mode === 'strict-deepscaler') return gradeStrictly(gold, prediction);
  if (singleSpaced(gold) === singleSpaced(prediction)) return same('written alike');
  const isLong = Math.max(gold.length, prediction.length) > MAX_ANSWER_LENGTH;
  if (isLong) return different('the answer is too long');
  const choice = choiceOf(prediction);
  const letter = choiceLetter(gold);
  if (choice && letter !== undefined)
    return choice.letter === letter ? same('the same choice') : different('another choice');
  const work = new WorkBudget();
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
    if (error instanceof WorkBudgetExceeded) return different(error.message);
    throw error;
  }
}

/** Maximum number of characters that are kept of an answer that has no normal form. */
const MAX_RAW_ANSWER = 200;

function singleSpaced(text: string): string {
  return text.trim().replace(/\s+/g, ' ');
}

/**
 * Returns the normal form of an answer, on which votes are counted: equal answers have the same normal form.
 * In strict mode it is the string that the official grader compares. Never throws.
 *
 * @example
 * normalAnswer('\\frac{2}{4}'); // => '1/2'
 */
export function normalAnswer(answer: string, mode: MathMode = 'equivalent'): string {
  const work = new WorkBudget();
  try {
    if (mode === 'strict-deepscaler') return sympyNormal(answer.slice(0, MAX_RAW_ANSWER));
    const [first] = readAnswer(answer, work); // readAnswer returns at least one reading
    return canonicalText(first, work);
  } catch (error) {
    if (error instanceof WorkBudgetExceeded) return singleSpaced(answer).slice(0, MAX_RAW_ANSWER);
    throw error;
  }
}
