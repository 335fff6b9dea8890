/**
 * Finds the answer in what a model wrote. In this order: the last `\boxed{...}`; what follows the last
 * "answer is" or "Answer:"; what follows the last `####`; the whole text, if it is nothing but an answer; the
 * last mathematics between dollars; the last number.
 * @module
 */

import { judgedPart } from '../judged-part.ts';
import { boxesIn, lastJoined, mathIn } from './boxed.ts';
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
  const box = lastJoined(read, boxesIn(read));
  if (box !== undefined && box.trim() !== '') return { text: box, by: 'box' };
  const phrase = afterPhrase(read);
  if (phrase !== undefined) return { text: phrase, by: 'phrase' };
  const marked = afterMarker(read);
  if (marked !== undefined) return { text: marked, by: 'marker' };
  return fromText(read);
}

/** The answer of a gold text, which may be an answer alone or a worked solution; undefined when it is blank. */
export function goldAnswer(text: string): string | undefined {
  const answer = (extractAnswer(text)?.text ?? text).trim();
  return answer === '' ? undefined : answer;
}

function fromText(text: string): Extracted | undefined {
  const whole = wholeAnswer(text);
  if (whole !== undefined) return { text: whole, by: 'whole text' };
  const formula = lastJoined(text, mathIn(text));
  if (formula !== undefined) return { text: formula, by: 'last formula' };
  const number = lastNumber(text);
  return number === undefined ? undefined : { text: number, by: 'last number' };
}

const PHRASE = /\banswers?\b["'*_)\s]*(?:is|are|:|=)(?![a-z])[:*_\s]*/gi;

/** What follows the last "answer is", up to the end of the sentence. */
function afterPhrase(text: string): string | undefined {
  const last = [...text.matchAll(PHRASE)].at(-1);
  return last && sentenceAnswer(text.slice(last.index + last[0].length));
}

function afterMarker(text: string): string | undefined {
  const at = text.lastIndexOf('####');
  return at < 0 ? undefined : sentenceAnswer(text.slice(at + 4));
}

/** The answer in a sentence that begins with it or leads to it. */
function sentenceAnswer(text: string): string | undefined {
  const line = text.trimStart().split('\n', 1)[0]?.slice(0, MAX_ANSWER_LENGTH) ?? '';
  const sentence = line.slice(0, sentenceEnd(line)).trim();
  if (sentence === '') return undefined;
  return fromText(sentence)?.text ?? sentence;
}

/** Where the first sentence ends; a full stop in mathematics or between digits ends none. */
function sentenceEnd(line: string): number {
  let inMath = false;
  for (let at = 0; at < line.length; at++) {
    const character = line[at] as string;
    if (character === '\\') at++;
    else if (character === '$') inMath = !inMath;
    else if (!inMath && '.!?'.includes(character) && /^["')\]*\s]*(\s|$)/.test(line.slice(at + 1, at + 6)))
      return at;
  }
  return line.length;
}

/** Words of sentences; no answer in symbols has one. */
const PROSE =
  /\b(?:is|are|was|the|so|we|that|of|to|be|by|it|this|which|therefore|hence|thus|since|because|get|have|has|answer|let|then|for|with|must|can|because)\b/i;

/** The text without dollars and stars if it is an answer and nothing else. */
function wholeAnswer(text: string): string | undefined {
  if (text.length > MAX_WHOLE_LENGTH) return undefined;
  const answer = text
    .replace(/\\[()[\]]|\$\$|(?<!\\)\$|\*\*/g, ' ')
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
  return words.some((word) => !isUnitWord(word) && !/^(?:and|or|text|quad|mbox)$/.test(word));
}

/** Only so much of the end is searched for a number. */
const NUMBER_WINDOW = 1000;

/** The last number, with its sign, thousands separators, decimals, and the denominator of a fraction. */
function lastNumber(text: string): string | undefined {
  const tail = text.slice(-NUMBER_WINDOW);
  const numbers = tail.match(
    /(?<![\w)])-?\s?\d[\d,]*(?:\.\d+)?(?:\/\d+)?|(?<![\w)])-?\.\d+|\d[\d,]*(?:\.\d+)?(?:\/\d+)?/g,
  );
  return numbers?.at(-1)?.replace(/,+$/, '').replace(/\s/g, '');
}
