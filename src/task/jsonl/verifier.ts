/**
 * How a text is judged against a gold answer: what is read from it, in normal form. Two texts with the
 * same normal form are the same answer, for verdicts and for votes.
 * @module
 */
import type { Verdict } from '../task.ts';
import { excerpt, noAnswer, right, wrong } from '../verdict.ts';
import { extractNumber } from './numeric.ts';

export const VERIFIER_NAMES = ['exact', 'numeric'] as const;
export type VerifierName = (typeof VERIFIER_NAMES)[number];

export interface AnswerVerifier {
  /** What an answer must contain, for messages, e.g. `a number`. */
  readonly expects: string;
  /** The answer of a text in normal form; undefined when it has none. Never throws. */
  read(text: string): string | undefined;
}

/**
 * @param name - `exact`: the whole text, its runs of whitespace made single blanks; `numeric`: the number
 *   that {@link extractNumber} finds
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
  }
}

/** The verdict on a text whose gold answer is given in normal form. */
export function judge(verifier: AnswerVerifier, gold: string, text: string): Verdict {
  const answer = verifier.read(text);
  if (answer === undefined) return noAnswer(`expected ${verifier.expects}, got ${excerpt(text)}`);
  if (answer === gold) return right(answer, `${excerpt(answer)} is right`);
  return wrong(answer, `got ${excerpt(answer)}, expected ${excerpt(gold)}`);
}

/** Answers stand at the end, so only the end of a very long text is read. */
const JUDGED_LENGTH = 65_536;
const END_OF_THOUGHT = '</think>';

/** What follows the last end-of-thought mark, if there is one. */
function judgedPart(text: string): string {
  const thought = text.lastIndexOf(END_OF_THOUGHT);
  const answer = thought < 0 ? text : text.slice(thought + END_OF_THOUGHT.length);
  return answer.slice(-JUDGED_LENGTH);
}

function exactText(text: string, ignoreCase: boolean): string | undefined {
  const single = text.normalize('NFC').trim().replace(/\s+/g, ' ');
  if (single === '') return undefined;
  return ignoreCase ? single.toLowerCase() : single;
}
