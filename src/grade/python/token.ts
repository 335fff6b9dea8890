/**
 * Tokenizes Python source; changes of the indentation are tokens too.
 * @module
 */
import { PythonSyntaxError, UnsupportedFeature } from './errors.ts';

export interface Token {
  readonly type: 'name' | 'number' | 'string' | 'operator' | 'newline' | 'indent' | 'dedent' | 'end';
  /** The text of the token as written. For a string: its content, with escape sequences unresolved. */
  readonly text: string;
  /** The prefix of a string in lower case, e.g. `f` or `rb`; empty for other tokens. */
  readonly prefix: string;
  readonly line: number;
}

const MAX_SOURCE = 200_000;
const NAME = /[\p{L}_][\p{L}\p{N}\p{M}_]*/uy;
const NUMBER =
  /0[xX][\da-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|(?:\d[\d_]*)?\.?\d[\d_]*\.?(?:[eE][+-]?\d+)?[jJ]?/y;
const OPERATOR =
  /\*\*=|\/\/=|>>=|<<=|\.\.\.|->|:=|==|!=|<=|>=|\*\*|\/\/|<<|>>|\+=|-=|\*=|\/=|%=|&=|\|=|\^=|[-+*/%@&|^~<>()[\]{},:.;=]/y;
const STRING = /([rRbBuUfF]{0,2})('''|"""|'|")/y;

/** Tokenizes a program. @throws PythonSyntaxError */
export function tokenize(source: string): Token[] {
  if (source.length > MAX_SOURCE) throw new PythonSyntaxError(`a program of ${source.length} characters`);
  return new Tokenizer(source.replaceAll('\r\n', '\n').replaceAll('\f', ' ')).all();
}

class Tokenizer {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  readonly #indents: number[] = [0];
  #at = 0;
  #line = 1;
  #brackets = 0;

  constructor(source: string) {
    this.#source = source;
  }

  all(): Token[] {
    let isLineStart = true;
    while (this.#at < this.#source.length) {
      if (isLineStart && this.#brackets === 0) {
        isLineStart = false;
        if (!this.#indentation()) isLineStart = true;
        continue;
      }
      isLineStart = this.#token();
    }
    if (this.#brackets > 0) throw this.#error('a bracket that is never closed');
    if (this.#tokens.length > 0 && this.#tokens.at(-1)?.type !== 'newline') this.#push('newline', '\n');
    while (this.#indents.length > 1) {
      this.#indents.pop();
      this.#push('dedent', '');
    }
    this.#push('end', '');
    return this.#tokens;
  }

  /** Reads the indentation of a line. @returns false for an empty line, which is skipped */
  #indentation(): boolean {
    let width = 0;
    for (; ; this.#at++) {
      const character = this.#source[this.#at];
      if (character === ' ') width++;
      else if (character === '\t') width += 8 - (width % 8);
      else break;
    }
    const rest = /(?:#[^\n]*)?(?:\n|$)/y;
    rest.lastIndex = this.#at;
    const blank = rest.exec(this.#source);
    if (blank) {
      this.#at += Math.max(blank[0].length, 1);
      this.#line++;
      return false;
    }
    const current = this.#indents.at(-1) as number;
    if (width > current) {
      this.#indents.push(width);
      this.#push('indent', '');
    }
    while (width < (this.#indents.at(-1) as number)) {
      this.#indents.pop();
      this.#push('dedent', '');
    }
    if (width !== this.#indents.at(-1)) throw this.#error('an indentation that matches no block');
    return true;
  }

  /** Reads one token. @returns whether a new line starts after it */
  #token(): boolean {
    const character = this.#source[this.#at] as string;
    if (character === '\n') {
      this.#at++;
      this.#line++;
      if (this.#brackets > 0) return false;
      this.#push('newline', '\n');
      return true;
    }
    if (character === ' ' || character === '\t') this.#at++;
    else if (character === '#') this.#at = this.#until('\n');
    else if (character === '\\' && this.#source[this.#at + 1] === '\n') {
      this.#at += 2;
      this.#line++;
    } else if (!this.#string()) this.#word();
    return false;
  }

  #word(): void {
    const name = this.#match(NAME);
    if (name !== undefined) {
      this.#push('name', name.normalize('NFKC'));
      return;
    }
    const number = /[\d.]/.test(this.#source[this.#at] as string) ? this.#match(NUMBER) : undefined;
    if (number !== undefined) {
      this.#push('number', number);
      return;
    }
    const operator = this.#match(OPERATOR);
    if (operator === undefined) throw this.#error(`"${this.#source[this.#at]}"`);
    if ('([{'.includes(operator)) this.#brackets++;
    if (')]}'.includes(operator) && --this.#brackets < 0) throw this.#error(`an unmatched "${operator}"`);
    this.#push('operator', operator);
  }

  #string(): boolean {
    STRING.lastIndex = this.#at;
    const opening = STRING.exec(this.#source);
    if (!opening) return false;
    const [all, prefix = '', quote = ''] = opening;
    if (/b/i.test(prefix)) throw new UnsupportedFeature('bytes');
    const start = this.#at + all.length;
    let end = start;
    for (; ; end++) {
      const character = this.#source[end];
      if (character === undefined || (character === '\n' && quote.length === 1))
        throw this.#error('an unterminated string');
      if (character === '\n') this.#line++;
      if (character === '\\') end++;
      else if (this.#source.startsWith(quote, end)) break;
    }
    this.#at = end + quote.length;
    this.#tokens.push({
      type: 'string',
      text: this.#source.slice(start, end),
      prefix: prefix.toLowerCase(),
      line: this.#line,
    });
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const text = pattern.exec(this.#source)?.[0];
    if (text !== undefined) this.#at += text.length;
    return text;
  }

  #until(text: string): number {
    const at = this.#source.indexOf(text, this.#at);
    return at < 0 ? this.#source.length : at;
  }

  #push(type: Token['type'], text: string): void {
    this.#tokens.push({ type, text, prefix: '', line: this.#line });
  }

  #error(what: string): PythonSyntaxError {
    return new PythonSyntaxError(`line ${this.#line}: expected Python, got ${what}`);
  }
}
