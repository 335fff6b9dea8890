/**
 * Finds the answer in what a model wrote. In this order: the last `\boxed{...}`, unless "the final answer is"
 * follows it; what follows the last "answer is" or "Answer:"; what follows the last `####`; the whole text, if
 * it is nothing but an answer; the last mathematics between dollars, or the last number if that comes later.
 * @module
 */

import { judgedPart } from '../judged-part.ts';
import { boxesIn, isConnection, isConnectionOfBoxes, lastJoined, mathIn } from './boxed.ts';
import { parse } from './parser.ts';
import { MAX_ANSWER_LENGTH } from './tokenizer.ts';
import { isUnitWord } from './unit.ts';
import { Work, withinLimits } from './work.ts';

export type Found = 'box' | 'phrase' | 'marker' | 'whole text' | 'last formula' | 'last number';

export interface Extracted {
  readonly text: string;
  readonly by: Found;
}

/** A whole text longer than this is no answer. */
const MAX_WHOLE_LENGTH = 400;

/** The answer of a text; undefined when there is none. Never throws. */
export function extractAnswer(text: string): Extracted | undefined {
  const read = judgedPart(text);
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

/** The answer of a gold text, which may be an answer alone or a worked solution; undefined when it is blank. */
export function goldAnswer(text: string): string | undefined {
  const answer = (extractAnswer(text)?.text ?? text).trim();
  return answer === '' ? undefined : answer;
}

/** The whole text, else its last formula or the number behind that. */
function fromText(text: string): Extracted | undefined {
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
  /** Whether it says "final answer". */
  readonly isFinal: boolean;
}

/** What follows the last "answer is", up to the end of the sentence. */
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

/** The answer in a sentence that begins with it or leads to it, as in "the largest $n$ is 34". */
function sentenceAnswer(text: string): string | undefined {
  const line = text.trimStart().split('\n', 1)[0]?.slice(0, MAX_ANSWER_LENGTH) ?? '';
  const sentence = line.slice(0, sentenceEnd(line)).trim();
  if (sentence === '') return undefined;
  const stated = /^.*\b(?:is|are|equals|be)\b(.*)$/.exec(sentence)?.[1];
  return (stated && wholeAnswer(stated)) || (fromText(sentence)?.text ?? sentence);
}

/** Where the first sentence ends; a full stop in mathematics or between digits ends none. */
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

/** Words of sentences; no answer in symbols has one. */
const PROSE =
  /\b(?:is|are|was|the|so|we|that|of|to|be|by|it|this|which|therefore|hence|thus|since|because|get|have|has|answer|let|then|for|with|must|can)\b/i;

/** The text without dollars and stars if it is an answer and nothing else. */
function wholeAnswer(text: string): string | undefined {
  if (text.length > MAX_WHOLE_LENGTH) return undefined;
  const answer = text
    .replace(/\\[()[\]]|\$\$|(?<!\\)\$|\*\*|```[a-z]*|`/g, ' ')
    .trim()
    .replace(/(?<=[^.])\.$/, '');
  if (answer === '' || hasWordsOutside(text)) return undefined;
  const plain = answer.replace(/\\(?:text|mbox|textbf|mathrm)\s*\{[^{}]*\}/g, ' ');
  const parsed = withinLimits(() => parse(answer, 'thousands', new Work()));
  if (parsed && parsed.unknownWords === 0 && !PROSE.test(plain)) return answer;
  const isWords = /^[^0-9\\$=<>]*$/.test(answer) && answer.split(/\s+/).length <= MAX_WORDS;
  if (isWords) return answer;
  // notation that is not understood is still an answer if nothing in it is a word
  return parsed === undefined && !/[A-Za-z]{3,}/.test(plain.replace(/\\[A-Za-z]+/g, ' '))
    ? answer
    : undefined;
}

/** A name or phrase that answers a question has at most so many words. */
const MAX_WORDS = 5;

/** Whether words other than units and connectors stand beside mathematics in dollars. */
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
  // a connector may be in a text command between two formulas
  return words.some((word) => !isUnitWord(word) && !/^(?:and|or|text|mbox|quad)$/.test(word));
}

/** A sign directly behind a letter, digit or bracket is an operator; what is not the answer is none. */
const NUMBER =
  /(?<!\b(?:not|isn't|never)\s)(?:(?<![\w)])-\s?)?(?:\d[\d,]*(?:\.\d+)?(?:\/\d+)?|\.\d+)(?:\s?\\?%)?/g;

/** Only so much of the end is searched for a number. */
const NUMBER_WINDOW = 1000;

/** The last number, with its sign, thousands separators, decimals, and the denominator of a fraction. */
function lastNumber(text: string): string | undefined {
  const tail = text.slice(-NUMBER_WINDOW);
  const numbers = tail.match(NUMBER);
  return numbers
    ?.at(-1)
    ?.replace(/,+(?=%|$)/, '')
    .replace(/\s/g, '');
}
