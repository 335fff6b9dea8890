/**
 * A place in the tokens, and the few questions every part of the parser asks there.
 * @module
 */
import type { Node } from './ast.ts';
import type { Token } from './tokenizer.ts';
import { MAX_DEPTH, TooMuchWork, type Work } from './work.ts';

/** The tokens follow no notation that is known; never leaves the parser. */
export class ParseFailure extends Error {
  override readonly name = 'ParseFailure';
}

/** Rules that refer to each other across files. */
export interface Grammar {
  /** Items separated by commas, semicolons or words; one item alone stands for itself. */
  list(cursor: Cursor): Node;
  /** Terms joined by + and -. */
  sum(cursor: Cursor): Node;
  /** One factor with its exponent, e.g. `2x` up to `2`. */
  power(cursor: Cursor): Node;
  /** The smallest complete part of an expression. */
  atom(cursor: Cursor): Node;
}

export class Cursor {
  readonly grammar: Grammar;
  readonly work: Work;
  readonly #tokens: Token[];
  #at = 0;
  #depth = 0;
  /** Bars that are open: whether the next `|` closes rather than opens. */
  openBars = 0;
  /** Inside `\{...\}`: `|` and `:` part the element from its condition. */
  inSet = false;
  /** Letters that a sum, product or integral binds, so `i` is an index there. */
  readonly bound: string[] = [];
  /** Integrals that are open: `dx` ends what stands before it. */
  openIntegrals = 0;
  /** Runs of letters that are no words of mathematics; many of them make the text a sentence. */
  unknownWords = 0;

  constructor(tokens: readonly Token[], grammar: Grammar, work: Work) {
    this.#tokens = [...tokens];
    this.grammar = grammar;
    this.work = work;
  }

  /** The token `ahead` places on; undefined at the end. */
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

  /** Whether the token just taken is all there is. */
  get isAlone(): boolean {
    return this.#at === 1 && this.#tokens.length === 1;
  }

  /** Puts a token before the next one, e.g. what is left of one that was taken in part. */
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

  /** Parses what stands inside brackets, with the flags of the outside put aside. */
  inside<T>(flags: { readonly inSet?: boolean; readonly openBars?: number }, parse: () => T): T {
    const { inSet, openBars } = this;
    this.inSet = flags.inSet ?? false;
    this.openBars = flags.openBars ?? 0;
    const result = this.deeper(parse);
    this.inSet = inSet;
    this.openBars = openBars;
    return result;
  }

  /** @throws TooMuchWork when brackets, fractions or exponents are nested too deep */
  deeper<T>(parse: () => T): T {
    if (++this.#depth > MAX_DEPTH) throw new TooMuchWork('the answer is nested too deep');
    this.work.spend(1);
    const result = parse();
    this.#depth--;
    return result;
  }
}
