/**
 * Verifiers grade a text against a gold answer by name: `exact`, `numeric`, `math` and `math-strict`. A verifier
 * extracts the answer of a text and writes it in normal form. Answers with the same normal form count as the same
 * answer in a vote.
 * @module
 */

import type { Verdict } from '../task/task.ts';
import { afterThinking } from './after-thinking.ts';
import { goldAnswer } from './math/extract.ts';
import { answerIn, type MathMode, normalAnswer, verifyMath } from './math/verify.ts';
import { extractNumber } from './numeric.ts';
import { correct, excerpt, incorrect, noAnswer } from './verdict.ts';

/** Names of the verifiers. */
export const VERIFIER_NAMES = ['exact', 'numeric', 'math', 'math-strict'] as const;
/** Name of a verifier. */
export type VerifierName = (typeof VERIFIER_NAMES)[number];

/** One-line descriptions of the verifiers, which `troupe tasks` prints. */
export const VERIFIER_ABOUT: Readonly<Record<VerifierName, string>> = {
  exact: 'the whole text is the answer, up to whitespace',
  numeric: 'the number after ####, in \\boxed{} or last in the text, compared as an exact fraction',
  math: 'the mathematical answer, compared by meaning: fractions, units, sets, intervals, algebra',
  'math-strict': "the paper's grader (DeepScaleR), its known errors included, for comparison",
};

/** Grades texts against gold answers. */
export interface AnswerVerifier {
  /** Description of the answers that a text can contain, for error messages, e.g. `a number`. */
  readonly expects: string;
  /**
   * Extracts the gold answer from a gold text, in the form that {@link AnswerVerifier.verify} expects;
   * undefined when the text has none. Never throws.
   */
  readGold(text: string): string | undefined;
  /**
   * Extracts the answer from a text, in the normal form on which votes are counted; undefined when the text
   * has none. Never throws.
   */
  answerOf(text: string): string | undefined;
  /**
   * Grades a text with a verdict of reward 0 or 1. Never throws.
   *
   * @param gold - gold answer, as returned by {@link AnswerVerifier.readGold}
   * @param text - the model's output; the text up to the last `</think>` is ignored
   */
  verify(gold: string, text: string): Verdict;
}

/** Options of {@link createVerifier}. */
export interface VerifierOptions {
  /** For the verifier `exact` only: whether to ignore the case of letters. Default false. */
  readonly ignoreCase?: boolean;
}

/**
 * Creates the verifier with the given name.
 *
 * @param name - `exact`: the whole text is the answer, with runs of whitespace as single spaces; `numeric`:
 *   the answer is the number that {@link extractNumber} finds; `math` and `math-strict`: the modes
 *   `equivalent` and `strict-deepscaler` of {@link verifyMath}
 *
 * @example
 * createVerifier('math').verify('\\frac{1}{2}', 'so it is \\boxed{0.5}').correct; // => true
 */
export function createVerifier(
  name: VerifierName,
  { ignoreCase = false }: VerifierOptions = {},
): AnswerVerifier {
  switch (name) {
    case 'exact':
      return normalFormVerifier('a text', (text) => exactText(afterThinking(text), ignoreCase));
    case 'numeric':
      return normalFormVerifier('a number', (text) => extractNumber(afterThinking(text)));
    case 'math':
      return mathVerifier('equivalent', 'an answer');
    case 'math-strict':
      return mathVerifier('strict-deepscaler', 'a closed \\boxed{...}');
  }
}

/** Creates a verifier for which two answers are equal if and only if their normal forms are equal. */
function normalFormVerifier(expects: string, answerOf: (text: string) => string | undefined): AnswerVerifier {
  return {
    expects,
    readGold: answerOf,
    answerOf,
    verify(gold, text) {
      const answer = answerOf(text);
      if (answer === undefined) return noAnswer(`expected ${expects}, got ${excerpt(text)}`);
      if (answer === gold) return correct(answer, `${excerpt(answer)} is right`);
      return incorrect(answer, `got ${excerpt(answer)}, expected ${excerpt(gold)}`);
    },
  };
}

/**
 * Creates a verifier of mathematical answers. Gold answers are used as written; votes are counted on normal
 * forms.
 */
function mathVerifier(mode: MathMode, expects: string): AnswerVerifier {
  return {
    expects,
    readGold: goldAnswer,
    answerOf(text) {
      const answer = answerIn(text, mode);
      return answer && normalAnswer(answer.text, mode);
    },
    verify(gold, text) {
      const { correct: isCorrect, extracted, reason } = verifyMath(gold, text, mode);
      if (!extracted) return noAnswer(`expected ${expects}, got ${excerpt(text.slice(-40))}`);
      const answer = normalAnswer(extracted.text, mode);
      const got = excerpt(extracted.text);
      if (isCorrect) return correct(answer, `${got} is ${excerpt(gold)}: ${reason}`);
      return incorrect(answer, `got ${got}, expected ${excerpt(gold)}: ${reason}`);
    },
  };
}

function exactText(text: string, ignoreCase: boolean): string | undefined {
  const single = text.normalize('NFC').trim().replace(/\s+/g, ' ');
  if (single === '') return undefined;
  return ignoreCase ? single.toLowerCase() : single;
}
