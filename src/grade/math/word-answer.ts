/**
 * Recognizes answers that are words: names, choice letters, `even`. Case, brackets and punctuation are
 * ignored.
 * @module
 */
import type { Node } from './ast.ts';
import { plainWords } from './parse-text.ts';

/**
 * Returns the words of an answer in lower case, without spaces. Adjacent letters count as a word, because a
 * name without a text command, such as `Evelyn`, parses as a product.
 *
 * @returns undefined when the answer does not consist of words
 */
export function wordsOf(node: Node): string | undefined {
  switch (node.kind) {
    case 'text': {
      const words = plainWords(node.text)
        .replace(/^(?:an?|the) (?=\p{L}{3})/u, '')
        .replaceAll(' ', '');
      return /\p{L}/u.test(words) ? words : undefined;
    }
    case 'symbol':
      return node.name.replace(/^\\|_/g, '').toLowerCase();
    case 'constant':
      return node.name;
    case 'number':
      return node.decimals === undefined && node.value.denominator === 1n
        ? `${node.value.numerator}`
        : undefined;
    case 'product': {
      const parts = node.factors.map(wordsOf);
      return parts.every((part) => part !== undefined) ? parts.join('') : undefined;
    }
    case 'quantity': {
      const value = wordsOf(node.value);
      return value === undefined ? undefined : value + plainWords(node.unit).replaceAll(' ', '');
    }
    default:
      return undefined;
  }
}

/**
 * Whether a node consists of several adjacent capital letters. Their order has a meaning, as in the name of a
 * ray: AB is not BA.
 */
export function isCapitalWord(node: Node): boolean {
  return (
    node.kind === 'product' &&
    node.factors.length > 1 &&
    node.factors.every((factor) => factor.kind === 'symbol' && /^[A-Z]$/.test(factor.name))
  );
}

/**
 * Returns the set of solutions that a phrase names, all real numbers or none; undefined for other phrases.
 */
export function namedRegion(text: string): 'all' | 'none' | undefined {
  const words = plainWords(text);
  if (/^(all|any|every) real (numbers?|values?)$|^reals?$|^all reals$/.test(words)) return 'all';
  if (
    /^(no|none|no (real )?(solutions?|roots?|values?)|empty set|the empty set|does not exist|dne)$/.test(
      words,
    )
  )
    return 'none';
  return undefined;
}
