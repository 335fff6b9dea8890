/**
 * Turns the tokens of an embedded member's message into pieces of text as they come, with the log-probabilities
 * of the tokens that end in each, up to the first stop text.
 * @module
 */
import type { Model } from '../../engine/engine.ts';
import type { GeneratedToken } from '../../engine/generation.ts';
import type { SpeakRequest, TokenLogprob } from './member.ts';
import { StopScan } from './stop-scan.ts';
import { PARTIAL, TokenText } from './token-text.ts';

/** A token's log-probability until the text it ends in is certain. */
interface Held {
  readonly logprob: TokenLogprob;
  /** Offset in the text where the token begins. */
  readonly from: number;
}

/** Turns tokens into pieces of text as they come. */
export class MessageListener {
  readonly logprobs: TokenLogprob[] = [];
  readonly #model: Model;
  readonly #ends: ReadonlySet<number>;
  readonly #request: SpeakRequest;
  readonly #text: TokenText;
  readonly #scan: StopScan;
  #held: Held[] = [];
  /** Length of the text of all tokens, shown or not. */
  #length = 0;
  #shown = '';
  stopped = false;
  /** Nobody wants to know anything before the end, so the text is made once, there. */
  readonly #isUnheard: boolean;

  constructor(model: Model, ends: ReadonlySet<number>, request: SpeakRequest) {
    this.#model = model;
    this.#ends = ends;
    this.#request = request;
    this.#text = new TokenText((tokens) => model.tokenizer.decode(tokens));
    this.#scan = new StopScan(request.sampling.stop);
    const { stop, topLogprobs } = request.sampling;
    this.#isUnheard = stop.length === 0 && topLogprobs === undefined && request.onPiece === undefined;
  }

  /** @returns false to end the message */
  hear({ token, ranked }: GeneratedToken): boolean {
    if (this.#isUnheard || this.#ends.has(token)) return true;
    if (ranked !== undefined)
      this.#held.push({ logprob: this.#logprobOf(token, ranked), from: this.#length });
    const piece = this.#text.push(token);
    this.#length += piece.length;
    const { text, stopped } = this.#scan.push(piece);
    this.stopped = stopped;
    if (text !== '') this.#show(text);
    return !stopped;
  }

  /** @returns the whole text of the message's tokens */
  end(tokens: Int32Array): string {
    if (this.#isUnheard) return this.#textOf(tokens);
    if (this.stopped) return this.#shown;
    const last = this.#scan.push(this.#text.end());
    this.stopped = last.stopped;
    const rest = last.text + this.#scan.end();
    if (rest !== '' || this.#held.length > 0) this.#show(rest, !last.stopped);
    return this.#shown;
  }

  /** The text that a listener would have heard: broken bytes read differently one by one and together. */
  #textOf(tokens: Int32Array): string {
    const text = this.#model.tokenizer.decode(tokens);
    if (!text.includes(PARTIAL)) return text;
    const pieces = Array.from(tokens, (token) => (this.#ends.has(token) ? '' : this.#text.push(token)));
    return pieces.join('') + this.#text.end();
  }

  /** @param all - also tokens without text of their own, at the end of a message */
  #show(text: string, all = false): void {
    this.#shown += text;
    const isShown = ({ from }: Held): boolean => all || from < this.#shown.length;
    const logprobs = this.#held.filter(isShown).map(({ logprob }) => logprob);
    this.#held = this.#held.filter((held) => !isShown(held));
    this.logprobs.push(...logprobs);
    this.#request.onPiece?.({ text, logprobs });
  }

  #logprobOf(token: number, { logp, top }: NonNullable<GeneratedToken['ranked']>): TokenLogprob {
    return {
      ...this.#named(token, logp),
      top: top.map((other) => this.#named(other.token, other.logp)),
    };
  }

  #named(id: number, logprob: number): Omit<TokenLogprob, 'top'> {
    const { tokenizer } = this.#model;
    const token = tokenizer.decode([id]);
    const bytes = token.includes(PARTIAL) ? tokenizer.bytesOf(id) : new TextEncoder().encode(token);
    return { token, logprob, ...(bytes ? { bytes: [...bytes] } : {}) };
  }
}
