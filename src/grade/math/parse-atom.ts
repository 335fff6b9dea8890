/**
 * Parses the smallest complete parts of an expression: numbers, letters, words and bracketed expressions.
 * Commands with arguments are in `parse-command.ts`.
 * @module
 */
import { type BracketSign, type Node, numberNode } from './ast.ts';
import { type Cursor, ParseFailure } from './cursor.ts';
import { CONSTANT_WORDS, FUNCTIONS, SYMBOL_WORDS } from './notation.ts';
import { decimalValue, repeatingValue } from './numeral.ts';
import { parseCommand, parseEnvironment } from './parse-command.ts';
import { parseFunction } from './parse-function.ts';
import { parseNumeral } from './parse-numeral.ts';
import { parseArrangements, parseSymbol } from './parse-symbol.ts';
import { isMathInText } from './parse-text.ts';
import { type Token, tokenize } from './tokenizer.ts';

export function parseAtom(cursor: Cursor): Node {
  const numeral = parseNumeral(cursor);
  if (numeral) return numeral;
  const token = cursor.take();
  switch (token.kind) {
    case 'number':
      return parseNumber(cursor, token.digits);
    case 'word':
      return parseWord(cursor, token);
    case 'command':
      return parseCommand(cursor, token.name);
    case 'begin':
      return parseEnvironment(cursor, token.name);
    case 'text':
      return parseText(cursor, token.text);
    case 'sign':
      return parseBracketed(cursor, token.text);
    default:
      throw new ParseFailure('a part of a matrix outside of a matrix');
  }
}

function parseNumber(cursor: Cursor, digits: string): Node {
  const point = digits.indexOf('.');
  const repeated = point >= 0 ? repeatedDigits(cursor) : undefined;
  if (repeated !== undefined) return { kind: 'number', value: repeatingValue(digits, repeated) };
  const value = decimalValue(digits);
  return point < 0
    ? { kind: 'number', value }
    : { kind: 'number', value, decimals: digits.length - point - 1 };
}

/** Parses the digits under the bar of a repeating decimal such as `0.1\overline{6}`. */
function repeatedDigits(cursor: Cursor): string | undefined {
  const command = cursor.command();
  if (command !== 'overline' && command !== 'bar' && command !== 'dot') return undefined;
  const [open, digits, close] = [cursor.sign(1), cursor.peek(2), cursor.sign(3)];
  if (open !== '{' || digits?.kind !== 'number' || digits.digits.includes('.') || close !== '}')
    return undefined;
  for (let i = 0; i < 4; i++) cursor.take();
  return digits.digits;
}

/** Parses a run of letters: a function, a constant, a named symbol, or a product of letters. */
function parseWord(cursor: Cursor, token: Token & { readonly kind: 'word' }): Node {
  const { text } = token;
  const name = FUNCTIONS.get(text) ?? (text.length > 2 ? FUNCTIONS.get(text.toLowerCase()) : undefined);
  if (name !== undefined && text.length > 1) return parseFunction(cursor, name);
  const constant =
    CONSTANT_WORDS.get(text) ?? (text.length > 2 ? CONSTANT_WORDS.get(text.toLowerCase()) : undefined);
  if (constant) return { kind: 'constant', name: constant };
  if (SYMBOL_WORDS.has(text)) return parseSymbol(cursor, text);
  if (text.length > 2 && /[a-z]/.test(text)) cursor.unknownWords++;
  if (text.length > 1) cursor.putBack({ kind: 'word', text: text.slice(1), space: false });
  return parseSymbol(cursor, text[0]);
}

/** Parses the content of a text command: words, or mathematics such as a number. */
function parseText(cursor: Cursor, text: string): Node {
  const content = text.trim();
  const name = FUNCTIONS.get(content);
  if (name !== undefined && content.length > 1) return parseFunction(cursor, name);
  if (/^[A-Za-z]$/.test(content) && !cursor.isAlone) return parseSymbol(cursor, content);
  if (!isMathInText(text)) return (cursor.isAlone && listedWords(content)) || { kind: 'text', text: content };
  const inner = tokenize(content, 'thousands', cursor.work);
  if (inner.length === 0) return { kind: 'text', text: content };
  cursor.insert([sign('('), ...inner, sign(')')]);
  return cursor.deeper(() => parseAtom(cursor));
}

/**
 * Parses `A, C and D` as a list of words; undefined for a single phrase and for a text that contains digits.
 */
function listedWords(content: string): Node | undefined {
  const parts = content.split(/,|;|\band\b|\bor\b/).map((part) => part.trim());
  const words = parts.filter((part) => part !== '');
  if (words.length < 2 || words.some((word) => /\d/.test(word) || word.split(/\s+/).length > MAX_WORDS))
    return undefined;
  return { kind: 'list', items: words.map((text): Node => ({ kind: 'text', text })), joint: ',' };
}

/** Maximum number of words of a list item. Longer items are clauses of a sentence. */
const MAX_WORDS = 3;

function sign(text: string): Token {
  return { kind: 'sign', text, space: false };
}

const BRACKETS: ReadonlyMap<string, BracketSign> = new Map([
  ['(', '('],
  [')', '('],
  ['[', '['],
  [']', '['],
  ['langle', '<'],
  ['rangle', '<'],
]);

function parseBracketed(cursor: Cursor, opening: string): Node {
  switch (opening) {
    case '(':
    case '[':
    case 'langle':
      return parseBracket(cursor, opening);
    case '_':
    case '^':
      return parseArrangements(cursor);
    case '{': {
      if (cursor.sign() === '}' && (cursor.sign(1) === '_' || cursor.sign(1) === '^')) {
        cursor.take();
        cursor.take();
        return parseArrangements(cursor);
      }
      const inner = cursor.inside({}, () => cursor.grammar.list(cursor));
      cursor.expect('}');
      // `{1,2}` is the list 1,2 and not a set, because LaTeX does not print braces without backslashes
      return inner;
    }
    case '\\{':
      return parseSet(cursor);
    case '|': {
      const inner = cursor.inside({ openBars: 1 }, () => cursor.grammar.sum(cursor));
      cursor.expect('|');
      return { kind: 'call', name: 'abs', args: [inner] };
    }
    case '#$':
      return { kind: 'quantity', value: parseAmount(cursor), unit: 'dollar' };
    default:
      throw new ParseFailure(`no expression starts with "${opening}"`);
  }
}

/** Parses the number after a currency sign. It may be negative: `\$-5`. */
function parseAmount(cursor: Cursor): Node {
  if (cursor.accept('-')) return { kind: 'negative', of: cursor.deeper(() => cursor.grammar.power(cursor)) };
  return cursor.deeper(() => cursor.grammar.power(cursor));
}

/** Parses the content of round, square or angle brackets: a grouped expression, a tuple or an interval. */
function parseBracket(cursor: Cursor, opening: string): Node {
  const modulus = parseModulus(cursor);
  const inner = modulus ?? cursor.inside({}, () => cursor.grammar.list(cursor));
  const closing = cursor.expect(')', ']', 'rangle');
  const [open, close] = [BRACKETS.get(opening) as BracketSign, BRACKETS.get(closing) as BracketSign];
  const items = inner.kind === 'list' ? inner.items : [inner];
  if (items.length === 1 && open === close) return items[0];
  return { kind: 'bracket', open, close, items };
}

/** Parses a modulus that is written without LaTeX commands, `(mod 5)`. */
function parseModulus(cursor: Cursor): Node | undefined {
  const token = cursor.peek();
  const isMod = (token?.kind === 'word' || token?.kind === 'text') && token.text.trim() === 'mod';
  if (!isMod) return undefined;
  cursor.take();
  return { kind: 'residue', of: numberNode(0), modulus: cursor.grammar.sum(cursor) };
}

/** Parses a set: `\{a, b\}` or `\{x \mid x > 2\}`. */
function parseSet(cursor: Cursor): Node {
  const inner = cursor.inside({ inSet: true }, () => cursor.grammar.list(cursor));
  const parting = cursor.sign();
  if (parting === '|' || parting === 'mid' || parting === ':') {
    cursor.take();
    const condition = cursor.inside({}, () => cursor.grammar.list(cursor));
    cursor.expect('\\}', '}');
    return { kind: 'builder', element: inner, condition };
  }
  cursor.expect('\\}', '}');
  return { kind: 'set', items: inner.kind === 'list' ? inner.items : [inner] };
}
