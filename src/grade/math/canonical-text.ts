/**
 * The canonical text of an answer, on which votes are counted: equal answers have the same text. Rational
 * numbers and polynomials are written out. Other expressions are written by their value, because a common
 * spelling of 1/(1+√2) and √2-1 is hard to find. Units and names are omitted, as in comparisons.
 * @module
 */
import { formatRational } from '../rational.ts';
import { constantValue, fingerprint, freeSymbols } from './agreement.ts';
import { fractionOf } from './algebra.ts';
import type { Node, NodeOf } from './ast.ts';
import { rationalValue } from './fraction.ts';
import { entriesOf, hasMatrix } from './matrix.ts';
import { isName } from './name.ts';
import { nodeKey } from './node-key.ts';
import { plainPolynomialText } from './polynomial-text.ts';
import { measured } from './quantity.ts';
import { type Region, regionOf } from './region.ts';
import { givenValue } from './relation.ts';
import { isCapitalWord, wordsOf } from './word-answer.ts';
import { EXACT_WORK, type WorkBudget, withinLimits } from './work-budget.ts';

/** Returns the canonical text of an answer. @throws WorkBudgetExceeded */
export function canonicalText(node: Node, work: WorkBudget): string {
  work.spend(1);
  const text = (child: Node): string => canonicalText(child, work);
  switch (node.kind) {
    case 'list':
    case 'set': {
      const region = node.items.some(isInequality) ? regionOf(node, work) : undefined;
      return region ? regionText(region, text) : `{${[...new Set(node.items.map(text))].sort().join(', ')}}`;
    }
    case 'bracket':
      return bracketText(node, text);
    case 'set-operation':
    case 'builder':
    case 'set-name': {
      const region = regionOf(node, work);
      return region ? regionText(region, text) : otherText(node);
    }
    case 'relation':
      return relationText(node, work);
    case 'numeral':
      return `${node.digits}_${node.base}`;
    case 'ratio':
      return ratioText(node, text);
    case 'residue':
      return text(node.of);
    default:
      return hasMatrix(node) ? matrixText(node, work) : expressionText(node, work);
  }
}

/**
 * Writes a ratio: `a : b` as the quotient a/b; a longer ratio scaled so that its first part is 1; a ratio
 * that contains 0 unchanged.
 */
function ratioText({ parts }: NodeOf<'ratio'>, text: (node: Node) => string): string {
  const [first, second] = parts; // a ratio has at least two parts
  const texts = parts.map(text);
  if (texts.includes('0')) return texts.join(':');
  if (parts.length === 2) return text({ kind: 'quotient', over: first, under: second });
  return parts.map((part) => text({ kind: 'quotient', over: part, under: first })).join(':');
}

function isInequality(node: Node): boolean {
  return node.kind === 'relation' && node.signs.some((sign) => sign !== '=' && sign !== '≈');
}

function bracketText({ items, open, close }: NodeOf<'bracket'>, text: (node: Node) => string): string {
  const inner = items.map(text).join(', ');
  return items.length === 2 && open !== '<' ? `${open}${inner}${close === '[' ? ']' : ')'}` : `(${inner})`;
}

function regionText(region: Region, text: (node: Node) => string): string {
  if (region.length === 0) return '{}';
  return region
    .map(({ low, high, lowClosed, highClosed }) =>
      low === high
        ? `{${text(low.node)}}`
        : `${lowClosed ? '[' : '('}${text(low.node)}, ${text(high.node)}${highClosed ? ']' : ')'}`,
    )
    .join(' ∪ ');
}

/**
 * Writes a relation: the value if it sets a name to a value, as in `x = 5`; the set of solutions if it bounds
 * a letter, as in `x > 5`; otherwise the relation itself.
 */
function relationText(node: NodeOf<'relation'>, work: WorkBudget): string {
  const value = givenValue(node, false);
  if (value && (isName(node.operands[0]) || freeSymbols(value).size === 0)) return canonicalText(value, work);
  const region = regionOf(node, work);
  if (region) return regionText(region, (child) => canonicalText(child, work));
  const [left, right] = node.operands;
  if (node.signs.length !== 1) return otherText(node);
  const difference: Node = { kind: 'sum', terms: [left, { kind: 'negative', of: right }] };
  const polynomial = withinLimits(() => fractionOf(difference, work.part(EXACT_WORK)));
  const [sign] = node.signs;
  const scaled =
    polynomial && plainPolynomialText(polynomial, { isMonic: sign === '=' || sign === '!=', work });
  return scaled === undefined ? otherText(node) : `${scaled} ${sign} 0`;
}

function matrixText(node: Node, work: WorkBudget): string {
  const rows = entriesOf(node, work);
  if (!rows) return otherText(node);
  return `[${rows.map((row) => `[${row.map((entry) => canonicalText(entry, work)).join(', ')}]`).join(', ')}]`;
}

/**
 * Whether a node may be a word: a single letter may be a choice, and several adjacent letters may be a name.
 */
function looksLikeWord(node: Node): boolean {
  if (node.kind === 'text' || node.kind === 'symbol' || isCapitalWord(node)) return true;
  return node.kind === 'product' && node.factors.length > 2 && node.factors.every(isLetter);
}

function isLetter(node: Node): boolean {
  return (
    (node.kind === 'symbol' && node.name.length === 1) || (node.kind === 'constant' && node.name === 'e')
  );
}

function expressionText(node: Node, work: WorkBudget): string {
  const { value } = measured(node);
  if (looksLikeWord(value)) return wordsOf(value) || otherText(value);
  const fraction = withinLimits(() => fractionOf(value, work.part(EXACT_WORK)));
  const exact = rationalValue(fraction);
  if (exact) return formatRational(exact);
  if (freeSymbols(value).size === 0) {
    const approximate = constantValue(value, work);
    if (!Number.isNaN(approximate)) return numberText(approximate);
  }
  const polynomial = fraction && plainPolynomialText(fraction, { isMonic: false, work });
  return polynomial ?? fingerprint(value, work) ?? wordsOf(value) ?? otherText(value);
}

/**
 * Writes a number with ten digits: few enough to hide rounding errors, enough to distinguish different
 * answers.
 */
function numberText(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '-∞';
  return `≈${Number(value.toPrecision(10))}`;
}

function otherText(node: Node): string {
  return node.kind === 'text' ? node.text.replace(/\s+/g, ' ').trim() : nodeKey(node);
}
