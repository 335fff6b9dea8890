/**
 * Classifies words in an answer: list separators, units, numbers in text commands, or plain words.
 * @module
 */
import type { Joint } from './ast.ts';
import type { Token } from './tokenizer.ts';
import { isUnitWord } from './unit.ts';

/**
 * Returns the list separator that a token denotes: `,` for commas and similar signs, `and` or `or` for these
 * words; undefined for other tokens.
 */
export function jointOf(token: Token | undefined): Joint | undefined {
  if (token?.kind === 'sign') {
    if (token.text === 'and' || token.text === 'or') return token.text;
    return token.text === ',' || token.text === ';' || token.text === 'quad' ? ',' : undefined;
  }
  if (token?.kind !== 'text') return undefined;
  const word = plainWords(token.text).replace(/^[,;]/, '').trim();
  if (word === 'and' || word === 'or') return word;
  return word === '' && /^[\s,;]*$/.test(token.text) ? ',' : undefined;
}

/**
 * Returns the words of a text in normal form: in lower case, with single spaces, without LaTeX styles,
 * brackets and punctuation. `\textbf{(C)}`, `(c)` and `C` have the same normal form.
 */
export function plainWords(text: string): string {
  return text
    .replace(/\\(?:text|mbox|hbox|math|operatorname)[a-z]*\*?|\\(?:left|right|boxed|quad|[,;:! ])/g, ' ')
    .replace(/[{}()[\]$;:!?"'`*~\\]|(?<!\d)[.,]|[.,](?!\d)/g, ' ')
    .trim()
    .replace(/\s+/g, ' ')
    .toLowerCase();
}

/** Whether the content of a text command is mathematics, as in `\text{-3}` and `\text{12}`. */
export function isMathInText(text: string): boolean {
  if (!/[0-9]/.test(text)) return false;
  const words = text.replace(/\\[a-zA-Z]+/g, ' ').match(/[A-Za-z]{2,}/g) ?? [];
  return (
    words.every((word) => isUnitWord(word) || word === 'and' || word === 'or') &&
    !/^\s*[a-z]+\s*\^\s*\d/.test(text)
  );
}
