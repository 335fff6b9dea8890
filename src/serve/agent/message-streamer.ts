/**
 * Turns the sampled tokens of an embedded agent's message into text deltas with log-probabilities, up to the first
 * stop sequence.
 * @module
 */
import type { Model } from '../../engine/engine.ts';
import type { GeneratedToken } from '../../engine/generation.ts';
import { IncrementalDetokenizer, REPLACEMENT } from './incremental-detokenizer.ts';
import type { AgentRequest, TokenLogprob } from './served-agent.ts';
import { StopSequenceScanner } from './stop-sequences.ts';

/** A token's log-probability, stored until the text of the token is emitted. */
interface PendingLogprob {
  readonly logprob: TokenLogprob;
  /** Offset of the token in the message's text, UTF-16 code units. */
  readonly offset: number;
}

export class MessageStreamer {
  readonly logprobs: TokenLogprob[] = [];
  /** Whether a stop sequence ended the message. */
  isStopped = false;
  readonly #model: Model;
  readonly #endTokens: ReadonlySet<number>;
  readonly #request: AgentRequest;
  readonly #detokenizer: IncrementalDetokenizer;
  readonly #scanner: StopSequenceScanner;
  #pending: PendingLogprob[] = [];
  /** Length of the text of all tokens, including text that is not emitted yet, UTF-16 code units. */
  #length = 0;
  #emitted = '';
  /**
   * Whether all tokens are decoded at once in `end`, because the request needs no text before the message
   * ends.
   */
  readonly #decodesAtEnd: boolean;

  constructor(model: Model, endTokens: ReadonlySet<number>, request: AgentRequest) {
    this.#model = model;
    this.#endTokens = endTokens;
    this.#request = request;
    this.#detokenizer = new IncrementalDetokenizer((tokens) => model.tokenizer.decode(tokens));
    this.#scanner = new StopSequenceScanner(request.sampling.stop);
    const { stop, topLogprobs } = request.sampling;
    this.#decodesAtEnd = stop.length === 0 && topLogprobs === undefined && request.onDelta === undefined;
  }

  /** Adds a sampled token. @returns false if a stop sequence ends the message */
  put({ token, ranked }: GeneratedToken): boolean {
    if (this.#decodesAtEnd || this.#endTokens.has(token)) return true;
    if (ranked !== undefined)
      this.#pending.push({ logprob: this.#logprobOf(token, ranked), offset: this.#length });
    const piece = this.#detokenizer.push(token);
    this.#length += piece.length;
    const { text, isStopped } = this.#scanner.push(piece);
    this.isStopped = isStopped;
    if (text !== '') this.#emit(text);
    return !isStopped;
  }

  /** @returns the text of the whole message */
  end(tokens: Int32Array): string {
    if (this.#decodesAtEnd) return this.#textOf(tokens);
    if (this.isStopped) return this.#emitted;
    const last = this.#scanner.push(this.#detokenizer.end());
    this.isStopped = last.isStopped;
    const rest = last.text + this.#scanner.end();
    if (rest !== '' || this.#pending.length > 0) this.#emit(rest, !last.isStopped);
    return this.#emitted;
  }

  /**
   * Decodes all tokens to the same text that streaming them would produce. If the text has invalid UTF-8,
   * decoding token by token gives another result than decoding at once, so the tokens are then decoded one by
   * one.
   */
  #textOf(tokens: Int32Array): string {
    const text = this.#model.tokenizer.decode(tokens);
    if (!text.includes(REPLACEMENT)) return text;
    const pieces = Array.from(tokens, (token) =>
      this.#endTokens.has(token) ? '' : this.#detokenizer.push(token),
    );
    return pieces.join('') + this.#detokenizer.end();
  }

  /**
   * Emits a part of the text with the log-probabilities of its tokens.
   *
   * @param isLast - whether the message ends with this part; log-probabilities of tokens without text are
   *   then emitted too
   */
  #emit(text: string, isLast = false): void {
    this.#emitted += text;
    const isEmitted = ({ offset }: PendingLogprob): boolean => isLast || offset < this.#emitted.length;
    const logprobs = this.#pending.filter(isEmitted).map(({ logprob }) => logprob);
    this.#pending = this.#pending.filter((pending) => !isEmitted(pending));
    this.logprobs.push(...logprobs);
    this.#request.onDelta?.({ text, logprobs });
  }

  #logprobOf(token: number, { logp, top }: NonNullable<GeneratedToken['ranked']>): TokenLogprob {
    return {
      ...this.#describe(token, logp),
      top: top.map((other) => this.#describe(other.token, other.logp)),
    };
  }

  #describe(id: number, logprob: number): Omit<TokenLogprob, 'top'> {
    const { tokenizer } = this.#model;
    const token = tokenizer.decode([id]);
    const bytes = token.includes(REPLACEMENT) ? tokenizer.bytesOf(id) : new TextEncoder().encode(token);
    return { token, logprob, ...(bytes ? { bytes: [...bytes] } : {}) };
  }
}
