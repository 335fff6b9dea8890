/**
 * The token cursor of the parser: position, lookahead, and the state that all grammar rules share.
 * @module
 */
import type { Node } from './ast.ts';
import type { Token } from './tokenizer.ts';
import { MAX_DEPTH, type WorkBudget, WorkBudgetExceeded } from './work-budget.ts';

/** Thrown when the tokens do not match the grammar. The parser catches every such error. */
export class ParseFailure extends Error {
  override readonly name = 'ParseFailure';
}

/** Grammar rules that several files use. They are passed as an object to avoid import cycles. */
export interface Grammar {
  /**
   * Parses items separated by commas, semicolons or the words `and` and `or`. A single item is returned
   * without a list.
   */
  list(cursor: Cursor): Node;
  /** Terms joined by + and -. */
  sum(cursor: Cursor): Node;
  /** Parses one factor with its exponent, e.g. the `2` of `2x`. */
  power(cursor: Cursor): Node;
  /**
   * Parses the smallest complete part of an expression, such as a number, a letter or a bracketed expression.
   */
  atom(cursor: Cursor): Node;
}

export class Cursor {
  readonly grammar: Grammar;
  readonly work: WorkBudget;
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;
  /** Number of open `|` signs. It decides whether the next `|` opens or closes an absolute value. */
  openBars = 0;
  /** Whether the cursor is inside `\{...\}`, where `|` and `:` separate the element from its condition. */
  inSet = false;
  /**
   * Variables of the enclosing sums and products. If `i` is one of them, it is an index and not the imaginary
   * unit.
   */
  readonly bound: string[] = [];
  /** Number of open integrals. Inside an integral, `dx` ends the integrand. */
  openIntegrals = 0;
  /**
   * Number of words without a mathematical meaning. A text that contains them is a sentence and not an
   * answer.
   */
  unknownWords = 0;

  constructor(tokens: readonly Token[], grammar: Grammar, work: WorkBudget) {
    this.#tokens = [...tokens];
    this.grammar = grammar;
    this.work = work;
  }

  /** Returns the token `ahead` positions after the current one; undefined after the last token. */
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

  /** Whether the token that was just taken is the only token of the answer. */
  get isAlone(): boolean {
    return this.#at === 1 && this.#tokens.length === 1;
  }

  /**
   * Replaces the token that was just taken, e.g. by the part of it that is not parsed yet; the cursor moves
   * back to it.
   */
  putBack(token: Token): void {
    this.#tokens[--this.#at] = token;
  }

  /** Inserts tokens before the next token. */
  insert(tokens: readonly Token[]): void {
    this.work.spend(this.#tokens.length + tokens.length);
    this.#tokens.splice(this.#at, 0, ...tokens);
  }

  /** Returns the text of the next token if the token is a sign. */
  sign(ahead = 0): string | undefined {
    const token = this.peek(ahead);
    return token?.kind === 'sign' ? token.text : undefined;
  }

  /** Returns the name of the next token if the token is a LaTeX command. */
  command(ahead = 0): string | undefined {
    const token = this.peek(ahead);
    return token?.kind === 'command' ? token.name : undefined;
  }

  /** Takes the next token if it is the sign `text`. @returns whether a token was taken */
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

  /**
   * Parses the content of brackets with the given flags, then restores the flags of the enclosing expression.
   */
  inside<T>(flags: { readonly inSet?: boolean; readonly openBars?: number }, parse: () => T): T {
    const { inSet, openBars } = this;
    this.inSet = flags.inSet ?? false;
    this.openBars = flags.openBars ?? 0;
    const result = this.deeper(parse);
    this.inSet = inSet;
    this.openBars = openBars;
    return result;
  }

  /**
   * Parses one nested construct. @throws WorkBudgetExceeded when brackets, fractions or exponents are nested
   * too deeply
   */
  deeper<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new WorkBudgetExceeded('the answer is nested too deep');
    this.work.spend(1);
    const result = parse();
    this.#depth--;
    return result;
  }
}
