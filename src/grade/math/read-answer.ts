/**
 * The possible readings of an answer. Most answers have one. `1,234` is a number or a pair; `\pm` stands for two
 * or four answers; a text that does not parse is read as words.
 * @module
 */
import type { Node } from './ast.ts';
import { type CommaReading, withDecimalPoint } from './numeral.ts';
import { parse } from './parser.ts';
import { expandPlusMinus, hasSeveralSigns } from './plus-minus.ts';
import { cleaned, MAX_ANSWER_LENGTH } from './tokenizer.ts';
import type { WorkBudget } from './work-budget.ts';

/**
 * Returns the possible readings of an answer, at least one, the most likely one first. @throws
 * WorkBudgetExceeded
 */
export function readAnswer(text: string, work: WorkBudget): Node[] {
  const trimmed = text.trim().replace(/(?<=[^.])\.$/, '');
  const nodes: Node[] = [];
  for (const [spelling, comma] of spellings(trimmed)) {
    const node = parse(spelling, comma, work)?.node;
    if (!node) continue;
    nodes.push(expandPlusMinus(node, false));
    if (hasSeveralSigns(node)) nodes.push(expandPlusMinus(node, true));
  }
  return nodes.length > 0 ? nodes : [{ kind: 'text', text: cleaned(trimmed) }];
}

function spellings(text: string): [string, CommaReading][] {
  const found: [string, CommaReading][] = [[text, 'thousands']];
  if (text.length > MAX_ANSWER_LENGTH) return found;
  for (const other of [withUsualBrackets(text), withDecimalDegrees(text), withoutArticle(text)])
    if (other !== undefined) found.push([other, 'thousands']);
  const isOneNumber = /^-?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text);
  if (!isOneNumber && /\d,\d{3}/.test(text)) found.push([text, 'list']);
  const pointed = withDecimalPoint(text);
  if (pointed !== undefined) found.push([pointed, 'thousands']);
  return found;
}

const INTERVAL = /^\s*(?:\\left\s*)?([([\]])([^()[\]]*[^()[\]\\])(?:\\right\s*)?([)[\]])\s*$/;

/**
 * Rewrites the outward brackets of an open interval, `]1, 2[`, as round brackets; undefined for texts without
 * outward brackets.
 */
function withUsualBrackets(text: string): string | undefined {
  const parts = text.split(/\\cup|∪/).map((part) => INTERVAL.exec(part));
  if (!parts.some((part) => part && (part[1] === ']' || part[3] === '['))) return undefined;
  const intervals = parts.map((part) => {
    const [, open, inner = '', close] = part ?? [];
    return part && `${open === ']' ? '(' : open}${inner}${close === '[' ? ')' : close}`;
  });
  return intervals.includes(null) ? undefined : intervals.join(' \\cup ');
}

const MINUTES =
  /^(-?)(\d{1,6})\s*(?:\^\s*\{?\s*\\circ\s*\}?|\\degree|°)\s*(\d{1,2})\s*(?:'|′|\^\s*\{?\s*\\prime\s*\}?)(?:\s*(\d{1,2}(?:\.\d{1,9})?)\s*(?:''|"|″|\^\s*\{?\s*\\prime\s*\\prime\s*\}?))?$/;

/** Rewrites an angle in degrees, minutes and seconds, `37° 30'`, as degrees; undefined for other texts. */
function withDecimalDegrees(text: string): string | undefined {
  const [whole, sign, degrees, minutes, seconds = '0'] = MINUTES.exec(text) ?? [];
  if (whole === undefined) return undefined;
  return `${sign}(${degrees} + ${minutes}/60 + ${seconds}/3600)^\\circ`;
}

/** Removes the article before a word, as in `an ellipse`; undefined for other texts. */
function withoutArticle(text: string): string | undefined {
  return /^\s*(?:an?|the)\s+([A-Za-z]{4,})\s*$/i.exec(text)?.[1];
}
