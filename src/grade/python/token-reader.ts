/**
 * The token cursor of the Python parsers.
 * @module
 */
import { PythonSyntaxError } from './errors.ts';
import { type Token, tokenize } from './token.ts';

/** Maximum nesting of brackets, blocks and operators. CPython's limit for brackets is 200. */
const MAX_NESTING = 100;

export class TokenReader {
  readonly #tokens: readonly Token[];
  #at = 0;
  #nesting = 0;

  constructor(source: string) {
    this.#tokens = tokenize(source);
  }

  peek(): Token {
    return this.#tokens[this.#at] as Token; // there is always a token, because the token `end` is never taken
  }

  next(): Token {
    const token = this.peek();
    if (token.type !== 'end') this.#at++;
    return token;
  }

  atType(type: Token['type']): boolean {
    return this.peek().type === type;
  }

  takeType(type: Token['type']): boolean {
    return this.atType(type) && this.next() !== undefined;
  }

  /** Whether the next token is the operator `text`. */
  at(text: string): boolean {
    return this.peek().type === 'operator' && this.peek().text === text;
  }

  take(text: string): boolean {
    return this.at(text) && this.next() !== undefined;
  }

  expect(text: string): void {
    if (!this.take(text)) throw this.error(`"${text}"`);
  }

  atWord(text: string): boolean {
    return this.peek().type === 'name' && this.peek().text === text;
  }

  takeWord(text: string): boolean {
    return this.atWord(text) && this.next() !== undefined;
  }

  expectWord(text: string): void {
    if (!this.takeWord(text)) throw this.error(`"${text}"`);
  }

  /** Returns the current position, to which {@link rewind} can return. */
  mark(): number {
    return this.#at;
  }

  rewind(mark: number): void {
    this.#at = mark;
  }

  /** Parses a nested construct. @throws PythonSyntaxError if the nesting is too deep */
  nested<T>(read: () => T): T {
    if (++this.#nesting > MAX_NESTING) throw this.error(`at most ${MAX_NESTING} levels of nesting`);
    const value = read();
    this.#nesting--;
    return value;
  }

  error(expected: string): PythonSyntaxError {
    const { text, type, line } = this.peek();
    const got = type === 'operator' || type === 'name' || type === 'number' ? `"${text}"` : type;
    return new PythonSyntaxError(`line ${line}: expected ${expected}, got ${got}`);
  }
}
