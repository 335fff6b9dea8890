/**
 * Parses string literals: escapes, prefixes, adjacent literals, and the expressions inside f-strings.
 * @module
 */
import type { Expression, Interpolation } from './ast.ts';
import { PythonSyntaxError, UnsupportedFeature } from './errors.ts';
import type { Token } from './token.ts';

/**
 * Creates the expression of adjacent string literals. @param parse - parses an expression in the braces of an
 * f-string
 */
export function textOf(tokens: readonly Token[], parse: (source: string) => Expression): Expression {
  const parts = tokens.flatMap(({ text, prefix }) => {
    const isRaw = prefix.includes('r');
    if (prefix.includes('f')) return interpolated(text, { isRaw, parse });
    return [isRaw ? text : unescaped(text)];
  });
  if (parts.every((part) => typeof part === 'string')) return { type: 'constant', value: parts.join('') };
  return { type: 'text', parts };
}

const SIMPLE: Readonly<Record<string, string>> = {
  '\n': '',
  '\\': '\\',
  "'": "'",
  '"': '"',
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

function unescaped(text: string): string {
  return text.replace(
    /\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([0-7]{1,3})|N\{[^}]*\}|(.))/gsu,
    (all, ...groups: (string | undefined)[]) => {
      const [x, u, long, octal, other] = groups;
      const hex = x ?? u ?? long;
      if (hex !== undefined) return codePoint(Number.parseInt(hex, 16));
      if (octal !== undefined) return codePoint(Number.parseInt(octal, 8));
      if (other === undefined) throw new UnsupportedFeature(`the escape ${all}`);
      if ('xuU'.includes(other))
        throw new PythonSyntaxError(`expected hexadecimal digits after "\\${other}"`);
      return Object.hasOwn(SIMPLE, other) ? (SIMPLE[other] as string) : all;
    },
  );
}

function codePoint(code: number): string {
  if (code > 0x10ffff) throw new PythonSyntaxError(`expected a character, got number ${code}`);
  return String.fromCodePoint(code);
}

interface Reading {
  readonly isRaw: boolean;
  readonly parse: (source: string) => Expression;
}

function interpolated(text: string, { isRaw, parse }: Reading): (string | Interpolation)[] {
  const parts: (string | Interpolation)[] = [];
  let plain = '';
  for (let at = 0; at < text.length; ) {
    const character = text[at] as string;
    if ((character === '{' || character === '}') && text[at + 1] === character) {
      plain += character;
      at += 2;
    } else if (character === '}') throw new PythonSyntaxError('expected "{" before "}" in an f-string');
    else if (character === '{') {
      const end = endOfField(text, at + 1);
      parts.push(isRaw ? plain : unescaped(plain), fieldOf(text.slice(at + 1, end), { isRaw, parse }));
      plain = '';
      at = end + 1;
    } else {
      const length = character === '\\' ? 2 : 1;
      plain += text.slice(at, at + length);
      at += length;
    }
  }
  return [...parts, isRaw ? plain : unescaped(plain)];
}

/**
 * Returns the offset of the brace that closes the replacement field with content from `start`. Quotes and
 * brackets inside the field are skipped.
 */
function endOfField(text: string, start: number): number {
  let depth = 0;
  let quote = '';
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if ('([{'.includes(character)) depth++;
    else if (character === '}' && depth === 0) return at;
    else if (')]}'.includes(character)) depth--;
  }
  throw new PythonSyntaxError('expected "}" in an f-string');
}

function fieldOf(field: string, reading: Reading): Interpolation {
  const cut = separator(field, ':');
  const head = cut < 0 ? field : field.slice(0, cut);
  const bang = separator(head, '!');
  const source = bang < 0 ? head : head.slice(0, bang);
  if (/(?<![=!<>])=\s*$/.test(source)) throw new UnsupportedFeature('"=" in f-strings');
  const conversion = bang < 0 ? '' : head.slice(bang + 1).trim();
  if (!['', 'r', 's'].includes(conversion)) throw new UnsupportedFeature(`"!${conversion}" in f-strings`);
  const spec = cut < 0 ? undefined : interpolated(field.slice(cut + 1), reading);
  return {
    value: reading.parse(source),
    conversion,
    spec: spec === undefined ? undefined : { type: 'text', parts: spec },
  };
}

/**
 * Returns the offset of the first `wanted` outside of quotes and brackets, -1 if there is none. The `!` of
 * `!=` does not count.
 */
function separator(field: string, wanted: string): number {
  let depth = 0;
  let quote = '';
  for (let at = 0; at < field.length; at++) {
    const character = field[at] as string;
    if (quote !== '') quote = character === quote ? '' : quote;
    else if (character === '"' || character === "'") quote = character;
    else if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character)) depth--;
    else if (depth === 0 && character === wanted && !(wanted === '!' && field[at + 1] === '=')) return at;
  }
  return -1;
}
