/**
 * Parses LaTeX commands that take arguments or open a group: fractions, roots, binomials, floors, matrices.
 * @module
 */
import { type Node, numberNode } from './ast.ts';
import { type Cursor, ParseFailure } from './cursor.ts';
import { determinant } from './determinant.ts';
import { ACCENTS, CONSTANT_WORDS, FUNCTIONS, SYMBOL_WORDS } from './notation.ts';
import { parseFunction } from './parse-function.ts';
import { parseSeries } from './parse-series.ts';
import { parseSymbol } from './parse-symbol.ts';
import { scriptText } from './subscript.ts';

const FRACTIONS = /^[dtcs]?frac$/;
const BINOMIALS = /^[dt]?binom$/;

/** Parses the construct that starts with the LaTeX command `name`. The command token has been taken. */
export function parseCommand(cursor: Cursor, name: string): Node {
  if (FRACTIONS.test(name)) {
    const over = parseArgument(cursor);
    return { kind: 'quotient', over, under: parseArgument(cursor) };
  }
  if (BINOMIALS.test(name)) {
    const of = parseArgument(cursor);
    return { kind: 'call', name: 'binomial', args: [of, parseArgument(cursor)] };
  }
  const constant = CONSTANT_WORDS.get(name);
  if (constant) return { kind: 'constant', name: constant };
  if (name === 'sqrt') return parseRoot(cursor);
  const called = FUNCTIONS.get(name);
  if (called !== undefined) return parseFunction(cursor, called);
  if (SYMBOL_WORDS.has(name)) return parseSymbol(cursor, name);
  return parseOther(cursor, name);
}

function parseOther(cursor: Cursor, name: string): Node {
  if (name.startsWith('mathbb ')) return { kind: 'set-name', name: setName(cursor, name.slice(7)) };
  if (ACCENTS.has(name)) return parseAccent(cursor, name);
  switch (name) {
    case 'emptyset':
    case 'varnothing':
      return { kind: 'set', items: [] };
    case 'sum':
    case 'prod':
    case 'int':
    case 'lim':
      return parseSeries(cursor, name);
    case 'lfloor':
      return parseBetween(cursor, 'floor', 'rfloor');
    case 'lceil':
      return parseBetween(cursor, 'ceil', 'rceil');
    case 'cdots':
    case 'dots':
    case 'dotsc':
    case 'dotsb':
    case 'ldots':
      return { kind: 'symbol', name: '...' };
    case 'R':
    case 'Z':
    case 'N':
    case 'Q':
    case 'C':
      return { kind: 'set-name', name: setName(cursor, name) };
    default:
      // an unknown command is a symbol that is equal only to itself
      return parseSymbol(cursor, `\\${name}`);
  }
}

/**
 * Parses an argument: a braced group, or without braces one digit or one letter, as LaTeX does in `\frac12`.
 */
function parseArgument(cursor: Cursor): Node {
  const token = cursor.peek();
  if (token?.kind === 'number' && token.digits.length > 1) {
    cursor.take();
    cursor.putBack({ ...token, digits: token.digits.slice(1), space: false });
    return numberNode(BigInt(token.digits[0] === '.' ? 0 : Number(token.digits[0])));
  }
  if (token?.kind === 'word' && token.text.length > 1) {
    cursor.take();
    cursor.putBack({ ...token, text: token.text.slice(1), space: false });
    return { kind: 'symbol', name: token.text[0] };
  }
  return cursor.deeper(() => cursor.grammar.atom(cursor));
}

/** Parses `\sqrt{x}`, `\sqrt[3]{x}`, and `\sqrt 13`, which is read as the root of 13. */
function parseRoot(cursor: Cursor): Node {
  let index: Node = numberNode(2);
  if (cursor.accept('[')) {
    index = cursor.inside({}, () => cursor.grammar.sum(cursor));
    cursor.expect(']');
  }
  return { kind: 'root', of: cursor.deeper(() => cursor.grammar.atom(cursor)), index };
}

function parseBetween(cursor: Cursor, name: string, closing: string): Node {
  const inner = cursor.inside({}, () => cursor.grammar.sum(cursor));
  if (cursor.command() !== closing) throw new ParseFailure(`expected \\${closing}`);
  cursor.take();
  return { kind: 'call', name, args: [inner] };
}

/**
 * Returns the name of a number set such as `\mathbb{R}` with its superscripts and subscripts: `^+`, `^{2}`,
 * `_{>0}`.
 */
function setName(cursor: Cursor, name: string): string {
  let full = name;
  while (cursor.sign() === '^' || cursor.sign() === '_') {
    cursor.take();
    full += `^${scriptText(cursor)}`;
  }
  return full;
}

/** Parses a letter or word with an accent, as in `\overline{AB}`. It is a symbol of its own. */
function parseAccent(cursor: Cursor, name: string): Node {
  return parseSymbol(cursor, `${name} ${scriptText(cursor)}`);
}

/**
 * Parses an environment such as `\begin{pmatrix} a & b \\ c & d \end{pmatrix}`. A `cases` environment with a
 * single column has no conditions and is a list.
 */
export function parseEnvironment(cursor: Cursor, name: string): Node {
  const rows: Node[][] = [];
  let row: Node[] = [];
  for (;;) {
    cursor.work.spend(1);
    row.push(cursor.inside({}, () => cursor.grammar.list(cursor)));
    if (cursor.accept('&')) continue;
    const token = cursor.take();
    if (token.kind !== 'row' && token.kind !== 'end') throw new ParseFailure('expected the end of a cell');
    if (!(row.length === 1 && isNothing(row[0]))) rows.push(row);
    row = [];
    if (token.kind === 'end') break;
  }
  if (name === 'cases' && rows.every((cells) => cells.length === 1))
    return { kind: 'list', items: rows.flat(), joint: 'and' };
  return name === 'vmatrix' ? determinant(rows, cursor.work) : { kind: 'matrix', rows };
}

function isNothing(node: Node): boolean {
  return node.kind === 'list' && node.items.length === 0;
}
