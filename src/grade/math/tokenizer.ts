/**
 * Tokenizes answers. LaTeX, plain text and Unicode notation give the same tokens, so the parser handles a single
 * language. Spacing, sizing and font commands are dropped.
 * @module
 */
import {
  DROPPED,
  DROPPED_WITH_ARGUMENT,
  MATRIX_ENVIRONMENTS,
  SIGN_COMMANDS,
  scriptOf,
  TEXT_COMMANDS,
  UNICODE,
} from './notation.ts';
import { type CommaReading, readNumber, withPointMoved } from './numeral.ts';
import { type WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

/** A token of an answer. `space`: whether whitespace precedes the token. */
export type Token = { readonly space: boolean } & (
  | { readonly kind: 'number'; readonly digits: string }
  /** A run of letters. */
  | { readonly kind: 'word'; readonly text: string }
  /** A command that does not denote a sign, without its backslash. */
  | { readonly kind: 'command'; readonly name: string }
  | { readonly kind: 'sign'; readonly text: string }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'begin' | 'end'; readonly name: string }
  | { readonly kind: 'row' }
);

/** Maximum length of an answer, in characters and in tokens. */
export const MAX_ANSWER_LENGTH = 4000;
const MAX_TOKENS = 1500;

/**
 * Normalizes characters: superscripts and subscripts become `^{...}` and `_{...}`, other characters are
 * replaced by {@link UNICODE}, and the result is normalized to NFKC.
 */
export function cleaned(text: string): string {
  let out = '';
  let script: 'raised' | 'lowered' | undefined;
  for (const character of isPlain(text) ? [text] : text) {
    const found = character.length === 1 || character.length === 2 ? scriptOf(character) : undefined;
    const now = found && (found.raised ? 'raised' : 'lowered');
    if (script && now !== script) out += '}';
    if (now && now !== script) out += now === 'raised' ? '^{' : '_{';
    script = now;
    out += found ? found.plain : (UNICODE.get(character) ?? character);
  }
  if (script) out += '}';
  return halvedBackslashes(isPlain(out) ? out : out.normalize('NFKC'));
}

function isPlain(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

/**
 * Replaces each pair of backslashes by one if the text has only paired backslashes, which are the result of
 * escaping twice.
 */
function halvedBackslashes(text: string): string {
  if (!/\\\\[a-zA-Z]/.test(text)) return text;
  const runs = text.match(/\\+/g) ?? [];
  return runs.every((run) => run.length % 2 === 0) ? text.replaceAll('\\\\', '\\') : text;
}

/**
 * Tokenizes an answer.
 *
 * @param text - the answer; {@link cleaned} is applied to it
 * @param comma - meaning of a comma between digits
 * @throws WorkBudgetExceeded when the text is too long
 */
export function tokenize(text: string, comma: CommaReading, work: WorkBudget): Token[] {
  if (text.length > MAX_ANSWER_LENGTH) throw new WorkBudgetExceeded('the answer is too long');
  work.spend(text.length);
  const scanner = new Scanner(cleaned(text), comma);
  return scanner.tokens();
}

class Scanner {
  readonly #text: string;
  readonly #comma: CommaReading;
  readonly #tokens: Token[] = [];
  /**
   * Names of the open environments, innermost last. Only in matrices do `&` and line breaks separate cells
   * and rows.
   */
  readonly #environments: string[] = [];
  #at = 0;
  #space = false;

  constructor(text: string, comma: CommaReading) {
    this.#text = text;
    this.#comma = comma;
  }

  tokens(): Token[] {
    while (this.#at < this.#text.length) {
      if (this.#tokens.length > MAX_TOKENS) throw new WorkBudgetExceeded('the answer is too long');
      const character = this.#text[this.#at];
      if (/[\s~$"]/.test(character)) this.#skip(1);
      else if (character === '\\') this.#command();
      else if (/[0-9.]/.test(character)) this.#number();
      else if (/[A-Za-z]/.test(character)) this.#word();
      else this.#sign();
    }
    return this.#tokens;
  }

  #push(token: Token): void {
    this.#tokens.push(token);
    this.#space = false;
  }

  #skip(length: number): void {
    this.#at += length;
    this.#space = true;
  }

  #number(): void {
    const { digits, length } = readNumber(this.#text, this.#at, this.#comma);
    if (digits !== '') {
      const end = this.#at + Math.max(length, 1);
      const [written = '', exponent] = POWER_OF_TEN.exec(this.#text.slice(end, end + 8)) ?? [];
      const shifted = exponent === undefined ? digits : withPointMoved(digits, Number(exponent));
      this.#push({ kind: 'number', digits: shifted, space: this.#space });
      this.#at += written.length;
    } else if (this.#text.startsWith('...', this.#at)) {
      this.#push({ kind: 'command', name: 'ldots', space: this.#space });
      this.#at += 3;
      return;
    }
    this.#at += Math.max(length, 1);
  }

  #word(): void {
    const [text = ''] = /^[A-Za-z]+/.exec(this.#text.slice(this.#at, this.#at + 64)) ?? [];
    this.#at += text.length;
    if (text === 'and' || text === 'or') this.#push({ kind: 'sign', text, space: this.#space });
    else this.#push({ kind: 'word', text, space: this.#space });
  }

  #sign(): void {
    const rest = this.#text.slice(this.#at, this.#at + 2);
    const [found, text] = TWO_CHARACTER_SIGNS.get(rest) ?? [rest[0], rest[0]];
    this.#at += found.length;
    if (text === '&' && !this.#inMatrix()) return;
    this.#push({ kind: 'sign', text, space: this.#space });
  }

  #command(): void {
    const [whole = '\\', name = ''] =
      /^\\([a-zA-Z]+\*?|[\s\S])?/.exec(this.#text.slice(this.#at, this.#at + 40)) ?? [];
    this.#at += whole.length;
    if (name === '\\') this.#lineBreak();
    else if (name === 'begin' || name === 'end') this.#environment(name);
    else if (TEXT_COMMANDS.has(name))
      this.#push({ kind: 'text', text: this.#argument(), space: this.#space });
    else if (name === 'mathbb' || name === 'mathds' || name === 'Bbb')
      this.#push({ kind: 'command', name: `mathbb ${this.#argument()}`, space: this.#space });
    else if (DROPPED_WITH_ARGUMENT.has(name)) this.#argument();
    else if (DROPPED.has(name) || name.trim() === '') this.#drop(name);
    else this.#named(name);
  }

  /**
   * Emits the token of a LaTeX command that is not dropped. If the name is a sign command followed by
   * letters, as in `\cdotx`, emits the sign and reads the letters again as text.
   */
  #named(name: string): void {
    const sign = SIGN_COMMANDS.get(name);
    if (sign !== undefined) {
      this.#push({ kind: 'sign', text: sign, space: this.#space });
      return;
    }
    const glued = GLUED.exec(name);
    if (glued) {
      this.#at -= name.length - glued[0].length;
      this.#push({ kind: 'sign', text: SIGN_COMMANDS.get(glued[0]) as string, space: this.#space });
    } else this.#push({ kind: 'command', name, space: this.#space });
  }

  #drop(name: string): void {
    this.#space = true;
    const delimiter = this.#text[this.#at];
    if (delimiter === '.' && (name === 'left' || name === 'right')) this.#at++;
  }

  #lineBreak(): void {
    if (this.#inMatrix()) this.#push({ kind: 'row', space: this.#space });
    else this.#push({ kind: 'sign', text: 'quad', space: true });
  }

  #environment(kind: 'begin' | 'end'): void {
    const name = this.#argument().trim();
    if (kind === 'begin') this.#environments.push(name);
    const isMatrix = MATRIX_ENVIRONMENTS.has(name) || name === 'cases';
    if (isMatrix) this.#push({ kind, name, space: this.#space });
    if (kind === 'end') this.#environments.pop();
    else if (name === 'array' && /^\s*\{/.test(this.#text.slice(this.#at, this.#at + 8))) this.#argument();
    else if (isMatrix && this.#text[this.#at] === '[')
      this.#at = this.#text.indexOf(']', this.#at) + 1 || this.#at;
  }

  #inMatrix(): boolean {
    const inner = this.#environments.at(-1);
    return inner !== undefined && (MATRIX_ENVIRONMENTS.has(inner) || inner === 'cases');
  }

  /** Reads the argument of a command without tokenizing it: a balanced group, or one character. */
  #argument(): string {
    while (/\s/.test(this.#text[this.#at] ?? '')) this.#at++;
    if (this.#text[this.#at] !== '{') return this.#text[this.#at++] ?? '';
    const start = this.#at + 1;
    let depth = 0;
    for (; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === '\\') this.#at++;
      else if (character === '{') depth++;
      else if (character === '}' && --depth === 0) return this.#text.slice(start, this.#at++);
    }
    return this.#text.slice(start);
  }
}

const TWO_CHARACTER_SIGNS: ReadonlyMap<string, readonly [string, string]> = new Map(
  Object.entries({
    '<=': '<=',
    '>=': '>=',
    '!=': '!=',
    '==': '=',
    ':=': '=',
    '**': '^',
    '=<': '<=',
    '=>': '>=',
  }).map(([found, text]) => [found, [found, text]]),
);

/**
 * Matches the exponent of `2.5e3`. It does not match `E5` in `1E5_{16}`, which is part of a numeral with a
 * base.
 */
const POWER_OF_TEN = /^[eE]([+-]?\d{1,3})(?![\d.A-Za-z_])/;

const GLUED = /^(?:qquad|quad|cdot(?!s$)|times|cup|cap)(?=[A-Za-z])/;
