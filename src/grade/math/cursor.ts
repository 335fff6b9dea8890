/**
 * The token cursor of the parser: position, lookahead, and the state that all grammar rules share.
 * @module
 */
import type { Node } from './ast.ts';
import type { Token } from './tokenizer.ts';
import { MAX_DEPTH, type WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

/** The tokens do not match the grammar. Never leaves the parser. */
export class ParseFailure extends Error {
  override readonly name = 'ParseFailure';
}

/** Grammar rules that are used across files; passed as an object to avoid import cycles. */
export interface Grammar {
  /** Items separated by commas, semicolons or words; a single item is returned without a list. */
  list(cursor: Cursor): Node;
  /** Terms joined by + and -. */
  sum(cursor: Cursor): Node;
  /** One factor with its exponent; of `2x` it is `2`. */
  power(cursor: Cursor): Node;
  /** The smallest complete part of an expression. */
  atom(cursor: Cursor): Node;
}

export class Cursor {
  readonly grammar: Grammar;
  readonly work: WorkBudget;
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;
  /** Number of open bars: decides whether the next `|` closes or opens. */
  openBars = 0;
  /** Inside `\{...\}`: `|` and `:` separate the element from its condition. */
  inSet = false;
  /** Letters that a sum or product binds; there `i` is an index. */
  readonly bound: string[] = [];
  /** Number of open integrals: `dx` ends the integrand. */
  openIntegrals = 0;
  /** Number of words without a mathematical meaning; a text with such words is a sentence. */
  unknownWords = 0;

  constructor(tokens: readonly Token[], grammar: Grammar, work: WorkBudget) {
    this.#tokens = [...tokens];
    this.grammar = grammar;
    this.work = work;
  }

  /** The token `ahead` positions after the current one; undefined at the end. */
  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  get atEnd(): boolean {
    return this.#at >= this.#tokens.length;
  }

  take(): Token {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new ParseFailure('the answer ends too early');
    return token;
  }

  /** Whether the token just taken is the only one. */
  get isAlone(): boolean {
    return this.#at === 1 && this.#tokens.length === 1;
  }

  /** Puts a token before the next one, e.g. the rest of a token that was taken in part. */
  putBack(token: Token): void {
    this.#tokens[--this.#at] = token;
  }

  /** Puts tokens before the next one. */
  insert(tokens: readonly Token[]): void {
    this.work.spend(this.#tokens.length + tokens.length);
    this.#tokens.splice(this.#at, 0, ...tokens);
  }

  /** The text of the next token if it is a sign. */
  sign(ahead = 0): string | undefined {
    const token = this.peek(ahead);
    return token?.kind === 'sign' ? token.text : undefined;
  }

  /** The name of the next token if it is a command. */
  command(ahead = 0): string | undefined {
    const token = this.peek(ahead);
    return token?.kind === 'command' ? token.name : undefined;
  }

  /** Takes the next token if it is this sign. */
  accept(text: string): boolean {
    if (this.sign() !== text) return false;
    this.#at++;
    return true;
  }

  expect(...signs: readonly string[]): string {
    const sign = this.sign();
    if (sign === undefined || !signs.includes(sign)) throw new ParseFailure(`expected ${signs.join(' or ')}`);
    this.#at++;
    return sign;
  }

  /** Parses the content of brackets with its own flags and then restores the outer ones. */
  inside<T>(flags: { readonly inSet?: boolean; readonly openBars?: number }, parse: () => T): T {
    const { inSet, openBars } = this;
    this.inSet = flags.inSet ?? false;
    this.openBars = flags.openBars ?? 0;
    const result = this.deeper(parse);
    this.inSet = inSet;
    this.openBars = openBars;
    return result;
  }

  /** @throws WorkBudgetExceeded when brackets, fractions or exponents are nested too deeply */
  deeper<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new WorkBudgetExceeded('the answer is nested too deep');
    this.work.spend(1);
    const result = parse();
    this.#depth--;
    return result;
  }
}
