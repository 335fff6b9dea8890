/**
 * How a text is judged against a gold answer: what is read from it, in normal form. Two texts with the
 * same normal form are the same answer, for verdicts and for votes.
 * @module
 */

import type { Verdict } from '../task/task.ts';
import { judgedPart } from './judged-part.ts';
import { goldAnswer } from './math/extract.ts';
import { type MathMode, normalAnswer, verifyMath } from './math/verify.ts';
import { extractNumber } from './numeric.ts';
import { excerpt, noAnswer, right, wrong } from './verdict.ts';

export const VERIFIER_NAMES = ['exact', 'numeric', 'math', 'math-strict'] as const;
export type VerifierName = (typeof VERIFIER_NAMES)[number];

/** What each verifier does, in one line: `troupe tasks` shows it. */
export const VERIFIER_ABOUT: Readonly<Record<VerifierName, string>> = {
  exact: 'the whole text is the answer, up to whitespace',
  numeric: 'the number behind ####, in \\boxed{} or last in the text, compared as an exact fraction',
  math: 'the mathematical answer, compared by meaning: fractions, units, sets, intervals, algebra',
  'math-strict': "the paper's grader (DeepScaleR), its known errors included, for comparison",
};

export interface AnswerVerifier {
  /** What an answer must contain, for messages, e.g. `a number`. */
  readonly expects: string;
  /** The answer of a text in normal form; undefined when it has none. Never throws. */
  read(text: string): string | undefined;
  /**
   * The verdict on a text whose gold answer was read by `read`, for verifiers to whom more than equal normal
   * forms is equal. Never throws.
   */
  judge?(gold: string, text: string): Verdict;
}

/**
 * @param name - `exact`: the whole text, its runs of whitespace made single blanks; `numeric`: the number
 *   that {@link extractNumber} finds; `math` and `math-strict`: the two modes of {@link verifyMath}
 * @param options.ignoreCase - `exact` alone: letters are compared in lower case
 */
export function createVerifier(
  name: VerifierName,
  options: { readonly ignoreCase: boolean },
): AnswerVerifier {
  switch (name) {
    case 'exact':
      return { expects: 'a text', read: (text) => exactText(judgedPart(text), options.ignoreCase) };
    case 'numeric':
      return { expects: 'a number', read: (text) => extractNumber(judgedPart(text)) };
    case 'math':
      return mathVerifier('equivalent', 'an answer');
    case 'math-strict':
      return mathVerifier('strict-deepscaler', 'a closed \\boxed{...}');
  }
}

/** Gold answers are kept as they are written; votes are counted on the normal form. */
function mathVerifier(mode: MathMode, expects: string): AnswerVerifier {
  return {
    expects,
    read: goldAnswer,
    judge(gold, text) {
      const { correct, extracted, reason } = verifyMath(gold, text, mode);
      if (!extracted) return noAnswer(`expected ${expects}, got ${excerpt(text.slice(-40))}`);
      const answer = normalAnswer(extracted.text, mode);
      const got = excerpt(extracted.text);
      if (correct) return right(answer, `${got} is ${excerpt(gold)}: ${reason}`);
      return wrong(answer, `got ${got}, expected ${excerpt(gold)}: ${reason}`);
    },
  };
}

/** The verdict on a text whose gold answer is given in normal form. */
export function judge(verifier: AnswerVerifier, gold: string, text: string): Verdict {
  if (verifier.judge) return verifier.judge(gold, text);
  const answer = verifier.read(text);
  if (answer === undefined) return noAnswer(`expected ${verifier.expects}, got ${excerpt(text)}`);
  if (answer === gold) return right(answer, `${excerpt(answer)} is right`);
  return wrong(answer, `got ${excerpt(answer)}, expected ${excerpt(gold)}`);
}

function exactText(text: string, ignoreCase: boolean): string | undefined {
  const single = text.normalize('NFC').trim().replace(/\s+/g, ' ');
  if (single === '') return undefined;
  return ignoreCase ? single.toLowerCase() : single;
}
