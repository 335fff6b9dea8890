/**
 * The top level of the grammar: lists of relations between set expressions and ratios of sums. One call parses
 * one answer.
 * @module
 */
import {
  IMPLICIT_SUBJECT,
  type Joint,
  listOf,
  type Node,
  type RelationSign,
  type SetOperation,
} from './ast.ts';
import { Cursor, ParseFailure } from './cursor.ts';
import type { CommaReading } from './numeral.ts';
import { parseAtom } from './parse-atom.ts';
import { parsePower, parseSum } from './parse-expression.ts';
import { jointOf } from './parse-text.ts';
import { tokenize } from './tokenizer.ts';
import type { WorkBudget } from './work-budget.ts';

export interface Parsed {
  readonly node: Node;
  /** Number of words of the text without a mathematical meaning. */
  readonly unknownWords: number;
}

/**
 * Parses an answer.
 *
 * @returns undefined when the text does not match the grammar
 * @throws WorkBudgetExceeded
 */
export function parse(text: string, comma: CommaReading, work: WorkBudget): Parsed | undefined {
  const cursor = new Cursor(
    tokenize(text, comma, work),
    { list, sum: parseSum, power: parsePower, atom: parseAtom },
    work,
  );
  try {
    const node = list(cursor);
    if (!cursor.atEnd || (node.kind === 'list' && node.items.length === 0)) return undefined;
    return { node, unknownWords: cursor.unknownWords };
  } catch (error) {
    if (error instanceof ParseFailure) return undefined;
    throw error;
  }
}

/**
 * Parses items separated by commas, semicolons, `and` or `or`. Repeated, leading and trailing separators are
 * ignored.
 */
function list(cursor: Cursor): Node {
  const items: Node[] = [];
  let joint: Joint = ',';
  for (;;) {
    for (let next = jointOf(cursor.peek()); next !== undefined; next = jointOf(cursor.peek())) {
      if (next !== ',') joint = next;
      cursor.take();
    }
    if (isClosed(cursor)) return listOf(items, joint);
    items.push(cursor.deeper(() => relation(cursor)));
    if (jointOf(cursor.peek()) === undefined) return listOf(items, joint);
  }
}

/** Whether the next token closes the construct that encloses the list. */
function isClosed(cursor: Cursor): boolean {
  const token = cursor.peek();
  if (token === undefined || token.kind === 'row' || token.kind === 'end') return true;
  return token.kind === 'sign' && CLOSING.has(token.text);
}

const CLOSING: ReadonlySet<string> = new Set([')', ']', '}', '\\}', 'rangle', '&', '.']);

const RELATIONS: ReadonlySet<string> = new Set([
  '=',
  '≈',
  '!=',
  '<',
  '<=',
  '>',
  '>=',
  'in',
  'equiv',
  'subset',
  'to',
]);
const NEGATED: ReadonlyMap<string, RelationSign> = new Map([['=', '!=']]);

/** Relation signs that may have no left-hand side: `> 5` is a bound, which differs from the number 5. */
const BOUNDS: ReadonlySet<string> = new Set(['!=', '<', '<=', '>', '>=']);

/**
 * Parses a chain of relations such as `a < b = c`. A leading equals sign and any trailing sign are dropped.
 */
function relation(cursor: Cursor): Node {
  const first = cursor.sign() ?? '';
  const isBound = BOUNDS.has(first);
  if (!isBound && RELATIONS.has(first)) cursor.take();
  const operands: Node[] = [isBound ? { kind: 'symbol', name: IMPLICIT_SUBJECT } : setExpression(cursor)];
  const signs: RelationSign[] = [];
  for (let sign = relationSign(cursor); sign !== undefined; sign = relationSign(cursor)) {
    if (isClosed(cursor) || jointOf(cursor.peek()) !== undefined) break;
    operands.push(setExpression(cursor));
    signs.push(sign);
  }
  const last = operands.at(-1) as Node; // a relation has at least one operand
  if (isBound && operands.length === 1) throw new ParseFailure(`expected a bound after "${first}"`);
  const modulus = takeModulus(cursor);
  if (modulus) operands[operands.length - 1] = { kind: 'residue', of: last, modulus };
  return operands.length === 1 ? operands[0] : { kind: 'relation', operands, signs };
}

/** Takes a relation sign, which may be negated with `\not`. */
function relationSign(cursor: Cursor): RelationSign | undefined {
  const isNegated = cursor.command() === 'not';
  const sign = cursor.sign(isNegated ? 1 : 0);
  if (sign === undefined || !RELATIONS.has(sign)) return undefined;
  if (isNegated) cursor.take();
  cursor.take();
  if (!isNegated) return sign as RelationSign; // RELATIONS contains only values of RelationSign
  const negated = NEGATED.get(sign);
  if (!negated) throw new ParseFailure(`no meaning for a negated ${sign}`);
  return negated;
}

/** Takes `\pmod{5}` or `\bmod 5` after a value. @returns the modulus; undefined if there is none */
function takeModulus(cursor: Cursor): Node | undefined {
  const command = cursor.command();
  if (command !== 'pmod' && command !== 'bmod' && command !== 'mod' && command !== 'pod') return undefined;
  cursor.take();
  return cursor.deeper(() => parsePower(cursor));
}

const OPERATIONS: ReadonlySet<string> = new Set(['union', 'intersection', 'difference']);

/** Parses sets that are joined by union, intersection and difference, from left to right. */
function setExpression(cursor: Cursor): Node {
  let left = ratio(cursor);
  for (;;) {
    const operation = cursor.sign();
    if (operation !== undefined && OPERATIONS.has(operation)) {
      cursor.take();
      left = { kind: 'set-operation', operation: operation as SetOperation, left, right: ratio(cursor) };
    } else if (isPlainUnion(cursor)) {
      cursor.take();
      left = { kind: 'set-operation', operation: 'union', left, right: ratio(cursor) };
    } else return left;
  }
}

/** Whether the next token is the letter U as a union sign, as in `(0,1) U (2,3)`. */
function isPlainUnion(cursor: Cursor): boolean {
  const token = cursor.peek();
  const next = cursor.sign(1);
  return token?.kind === 'word' && token.text === 'U' && (next === '(' || next === '[' || next === '\\{');
}

/** `a : b : c`. */
function ratio(cursor: Cursor): Node {
  const parts: Node[] = [infix(cursor)];
  while (cursor.sign() === ':' && !cursor.inSet) {
    cursor.take();
    if (cursor.atEnd) break; // a trailing colon does not make a ratio
    parts.push(infix(cursor));
  }
  return parts.length === 1 ? parts[0] : { kind: 'ratio', parts };
}

/** Parses the infix commands of `{a \over b}` and `{n \choose k}`. */
function infix(cursor: Cursor): Node {
  const left = parseSum(cursor);
  const command = cursor.command();
  if (command !== 'over' && command !== 'choose') return left;
  cursor.take();
  const right = parseSum(cursor);
  return command === 'over'
    ? { kind: 'quotient', over: left, under: right }
    : { kind: 'call', name: 'binomial', args: [left, right] };
}
