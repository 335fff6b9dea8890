/**
 * Answers that are words: names, choice letters, `even`. Case, brackets and punctuation do not count.
 * @module
 */
import type { Node } from './ast.ts';
import { plainWords } from './parse-text.ts';

/**
 * The words of an answer without blanks, lower case; letters side by side are a word too, because without
 * a text command `Evelyn` looks like a product.
 *
 * @returns undefined when the answer is not made of letters
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

/** Several capital letters side by side are a name such as a segment or an order, and no product: AB is not BA. */
export function isCapitalWord(node: Node): boolean {
  return (
    node.kind === 'product' &&
    node.factors.length > 1 &&
    node.factors.every((factor) => factor.kind === 'symbol' && /^[A-Z]$/.test(factor.name))
  );
}

/** What a sentence says about the set of solutions. */
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
