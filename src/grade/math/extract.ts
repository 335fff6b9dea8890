/**
 * Extracts the answer from a model's output. The answer is the first of these that exists: the last
 * `\boxed{...}`, unless "the final answer is" follows it; the text after the last "answer is" or "Answer:";
 * the text after the last `####`; the whole text, if it consists only of an answer; the last formula, or the
 * last number if it comes after that formula.
 * @module
 */

import { afterThinking } from '../after-thinking.ts';
import { boxesIn, isConnection, isConnectionOfBoxes, lastJoined, mathIn } from './boxed.ts';
import { parse } from './parser.ts';
import { MAX_ANSWER_LENGTH } from './tokenizer.ts';
import { isUnitWord } from './unit.ts';
import { WorkBudget, withinLimits } from './work-budget.ts';

/** The rule by which an answer was found. */
export type ExtractionRule = 'box' | 'phrase' | 'marker' | 'whole text' | 'last formula' | 'last number';

/** An answer and the rule by which it was found. */
export interface ExtractedAnswer {
  readonly text: string;
  readonly by: ExtractionRule;
}

/** Maximum number of characters of a text that may be an answer as a whole. */
const MAX_WHOLE_LENGTH = 400;

/**
 * Extracts the answer from a model's output by the rules of the mode `equivalent`; undefined when there is
 * none. The text up to the last `</think>` is ignored. Never throws.
 *
 * @example
 * extractAnswer('Thus \\boxed{12}.'); // => { text: '12', by: 'box' }
 */
export function extractAnswer(text: string): ExtractedAnswer | undefined {
  const read = afterThinking(text);
  const boxes = boxesIn(read);
  const box = lastJoined(read, boxes, isConnectionOfBoxes)?.trim();
  const phrase = afterPhrase(read);
  const isLater = phrase?.isFinal && phrase.at > (boxes.at(-1)?.end ?? 0) && /[\d$\\]/.test(phrase.text);
  if (box && !isLater) return { text: box, by: 'box' };
  if (phrase) return { text: phrase.text, by: 'phrase' };
  const marked = afterMarker(read);
  if (marked !== undefined) return { text: marked, by: 'marker' };
  return fromText(read);
}

/**
 * Returns the answer in a gold text, which is either an answer alone or a worked solution; undefined when the
 * text is blank.
 */
export function goldAnswer(text: string): string | undefined {
  const answer = (extractAnswer(text)?.text ?? text).trim();
  return answer === '' ? undefined : answer;
}

/**
 * Returns the whole text if it consists only of an answer, else the last number if it comes after the last
 * formula, else the last formula.
 */
function fromText(text: string): ExtractedAnswer | undefined {
  const whole = wholeAnswer(text);
  if (whole !== undefined) return { text: whole, by: 'whole text' };
  const formulas = mathIn(text);
  const number = lastNumber(text.slice(formulas.at(-1)?.end ?? 0));
  if (number !== undefined) return { text: number, by: 'last number' };
  const formula = lastJoined(text, formulas, isConnection);
  return formula === undefined ? undefined : { text: formula, by: 'last formula' };
}

const PHRASE = /\b(final\s+)?answers?\b["'*_)\s]*(?:is|are|:|=)(?![a-z])(?!\s+not\b)[:*_\s]*/gi;

interface Phrase {
  readonly text: string;
  readonly at: number;
  /** Whether the phrase before the answer is "final answer". */
  readonly isFinal: boolean;
}

/** Returns the text from the last "answer is" up to the end of the sentence. */
function afterPhrase(text: string): Phrase | undefined {
  const last = [...text.matchAll(PHRASE)].at(-1);
  const answer = last && sentenceAnswer(text.slice(last.index + last[0].length));
  return answer === undefined
    ? undefined
    : { text: answer, at: last?.index ?? 0, isFinal: last?.[1] !== undefined };
}

function afterMarker(text: string): string | undefined {
  const at = text.lastIndexOf('####');
  return at < 0 ? undefined : sentenceAnswer(text.slice(at + 4));
}

/** Returns the answer in a sentence that starts or ends with an answer, as in "the largest $n$ is 34". */
function sentenceAnswer(text: string): string | undefined {
  const line = text.trimStart().split('\n', 1)[0]?.slice(0, MAX_ANSWER_LENGTH) ?? '';
  const sentence = line.slice(0, sentenceEnd(line)).trim();
  if (sentence === '') return undefined;
  const stated = /^.*\b(?:is|are|equals|be)\b(.*)$/.exec(sentence)?.[1];
  return (stated && wholeAnswer(stated)) || (fromText(sentence)?.text ?? sentence);
}

/**
 * Returns the offset of the end of the first sentence. A full stop in a formula or between digits does not
 * end a sentence.
 */
function sentenceEnd(line: string): number {
  let inMath = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at];
    if (character === '\\') at++;
    else if (character === '$') inMath = !inMath;
    else if (!inMath && '.!?'.includes(character) && /^["')\]*\s]*(\s|$)/.test(line.slice(at + 1, at + 6)))
      return at;
  }
  return line.length;
}

/** Words that occur in sentences, but not in answers that consist of mathematical notation. */
const PROSE =
  /\b(?:is|are|was|the|so|we|that|of|to|be|by|it|this|which|therefore|hence|thus|since|because|get|have|has|answer|let|then|for|with|must|can)\b/i;

/**
 * If the text consists only of an answer, returns it without formula delimiters and Markdown marks; undefined
 * otherwise.
 */
function wholeAnswer(text: string): string | undefined {
  if (text.length > MAX_WHOLE_LENGTH) return undefined;
  const answer = text
    .replace(/\\[()[\]]|\$\$|(?<!\\)\$|\*\*|```[a-z]*|`/g, ' ')
    .trim()
    .replace(/(?<=[^.])\.$/, '');
  if (answer === '' || hasWordsOutside(text)) return undefined;
  const plain = answer.replace(/\\(?:text|mbox|textbf|mathrm)\s*\{[^{}]*\}/g, ' ');
  const parsed = withinLimits(() => parse(answer, 'thousands', new WorkBudget()));
  if (parsed && parsed.unknownWords === 0 && !PROSE.test(plain)) return answer;
  const isWords = /^[^0-9\\$=<>]*$/.test(answer) && answer.split(/\s+/).length <= MAX_WORDS;
  if (isWords) return answer;
  // notation that does not parse is accepted as an answer if it contains no English word
  return parsed === undefined && !/[A-Za-z]{3,}/.test(plain.replace(/\\[A-Za-z]+/g, ' '))
    ? answer
    : undefined;
}

/** Maximum number of words of an answer that is a name or phrase. */
const MAX_WORDS = 5;

/** Whether a text has words outside of its formulas, other than units and connectors such as `and`. */
function hasWordsOutside(text: string): boolean {
  const spans = mathIn(text);
  if (spans.length === 0) return false;
  let outside = '';
  let at = 0;
  for (const { start, end } of spans) {
    outside += ` ${text.slice(at, start)}`;
    at = end;
  }
  const words = `${outside} ${text.slice(at)}`.match(/[A-Za-z]{2,}/g) ?? [];
  // the connector between two formulas may be written as a text command, as in `\text{and}`
  return words.some((word) => !isUnitWord(word) && !/^(?:and|or|text|mbox|quad)$/.test(word));
}

/**
 * Matches a number with its minus sign. A minus sign directly after a letter, digit or closing bracket is an
 * operator and not matched. A number after "not" or "never" is not matched.
 */
const NUMBER =
  /(?<!\b(?:not|isn't|never)\s)(?:(?<![\w)])-\s?)?(?:\d[\d,]*(?:\.\d+)?(?:\/\d+)?|\.\d+)(?:\s?\\?%)?/g;

/** The last number is searched for in this many characters at the end of a text. */
const NUMBER_WINDOW = 1000;

/**
 * Returns the last number of a text, with its sign, thousands separators, decimals, and the denominator of a
 * fraction.
 */
function lastNumber(text: string): string | undefined {
  const tail = text.slice(-NUMBER_WINDOW);
  const numbers = tail.match(NUMBER);
  return numbers
    ?.at(-1)
    ?.replace(/,+(?=%|$)/, '')
    .replace(/\s/g, '');
}
