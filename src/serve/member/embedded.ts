/**
 * A member whose model runs in this process.
 * @module
 */
import type { Model } from '../../engine/engine.ts';
import type { GeneratedToken, GeneratorOptions, MessageGenerator } from '../../engine/generation.ts';
import { ConfigError, EngineError } from '../../support/errors.ts';
import {
  type Member,
  MemberError,
  type MemberHealth,
  type MemberMessage,
  type Prompt,
  type SpeakRequest,
  type TokenLogprob,
} from './member.ts';
import { StopScan } from './stop-scan.ts';
import { PARTIAL, TokenText } from './token-text.ts';

export interface EmbeddedMemberOptions {
  readonly name: string;
  readonly instruction?: string;
  readonly generator?: GeneratorOptions;
}

/** A text with more letters per token than this is refused before it is cut into tokens, which takes time. */
const LONGEST_TOKEN = 64;
/** Prompts whose tokens are remembered. */
const ENCODED = 64;

/** @throws ConfigError if the model's engine cannot serve */
export function createEmbeddedMember(model: Model, options: EmbeddedMemberOptions): EmbeddedMember {
  const generator = model.generator?.(options.generator);
  if (generator === undefined)
    throw new ConfigError(`member ${options.name}: expected a model of an engine that serves, got another`);
  return new EmbeddedMember(model, generator, options);
}

export class EmbeddedMember implements Member {
  readonly kind = 'embedded';
  readonly name: string;
  readonly instruction?: string;
  readonly maxContext: number;
  readonly #model: Model;
  readonly #generator: MessageGenerator;
  readonly #ends: ReadonlySet<number>;
  readonly #encoded = new Map<string, Int32Array>();

  constructor(model: Model, generator: MessageGenerator, { name, instruction }: EmbeddedMemberOptions) {
    this.name = name;
    if (instruction !== undefined) this.instruction = instruction;
    this.maxContext = model.capabilities.maxContext;
    this.#model = model;
    this.#generator = generator;
    this.#ends = new Set(model.tokenizer.endTokens);
  }

  async speak(request: SpeakRequest): Promise<MemberMessage> {
    const { prompt, sampling, stream, fairKey, signal } = request;
    const context = this.#contextOf(prompt);
    let drawn = 0;
    const listener = new Listener(this.#model, this.#ends, request);
    try {
      const { tokens, logp, finish } = await this.#generator.generate({
        context,
        stream,
        temperature: sampling.temperature,
        topP: sampling.topP,
        maxTokens: sampling.maxTokens,
        ...(sampling.topLogprobs === undefined ? {} : { topLogprobs: sampling.topLogprobs }),
        fairKey,
        signal,
        onToken: (token) => {
          request.onProgress?.({ promptTokens: context.length, completionTokens: ++drawn });
          return listener.hear(token);
        },
      });
      return {
        text: listener.end(tokens),
        finish,
        // a message cut by a stop text is not what its tokens say
        ...(listener.stopped ? {} : { tokens }),
        meanLogp: logp.reduce((sum, value) => sum + value, 0) / logp.length,
        logprobs: listener.logprobs,
        promptTokens: context.length,
        completionTokens: tokens.length,
        attempts: 1,
      };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const fault = error.code === 'TROUPE_ENGINE_UNSUPPORTED' ? 'unsupported' : 'engine';
      throw new MemberError(`member ${this.name}: ${error.message}`, { fault, cause: error });
    }
  }

  health(): MemberHealth {
    const { running, waiting } = this.#generator.load();
    return { ready: true, state: 'loaded', running, waiting };
  }

  async close(): Promise<void> {
    await this.#generator.close();
  }

  /** Token ids of a prompt; the choices of one request have the same. */
  #encode(prompt: Prompt): Int32Array {
    if (prompt.kind === 'tokens') return Int32Array.from(this.#known(prompt.tokens));
    const letters =
      prompt.kind === 'text'
        ? prompt.text.length
        : prompt.messages.reduce((sum, { content }) => sum + content.length, 0);
    if (letters > this.maxContext * LONGEST_TOKEN)
      throw new MemberError(
        `member ${this.name}: expected a prompt of fewer than ${this.maxContext} tokens, got ${letters} letters`,
        { fault: 'context_length' },
      );
    const key = JSON.stringify(prompt, (_, value: unknown) =>
      value instanceof Int32Array ? [...value] : value,
    );
    let context = this.#encoded.get(key);
    if (context === undefined) {
      context = this.#read(prompt);
      const [oldest] = this.#encoded.keys();
      if (this.#encoded.size >= ENCODED && oldest !== undefined) this.#encoded.delete(oldest);
      this.#encoded.set(key, context);
    }
    return context;
  }

  /** @throws MemberError where the chat template will not have such messages, or there is none */
  #read(prompt: Exclude<Prompt, { kind: 'tokens' }>): Int32Array {
    const { tokenizer } = this.#model;
    try {
      return prompt.kind === 'text' ? tokenizer.encode(prompt.text) : tokenizer.encodeChat(prompt.messages);
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof RangeError)) throw error;
      throw new MemberError(`member ${this.name}: ${error.message}`, { fault: 'unsupported', cause: error });
    }
  }

  #known(tokens: readonly number[]): readonly number[] {
    const { vocabSize } = this.#model.tokenizer;
    const bad = tokens.find((token) => !(token >= 0 && token < vocabSize));
    if (bad === undefined) return tokens;
    throw new MemberError(`member ${this.name}: expected token ids from 0 to ${vocabSize - 1}, got ${bad}`, {
      fault: 'unsupported',
    });
  }

  #contextOf(prompt: Prompt): Int32Array {
    const context = this.#encode(prompt);
    if (context.length === 0)
      throw new MemberError(`member ${this.name}: expected a prompt of at least one token, got none`, {
        fault: 'unsupported',
      });
    if (context.length < this.maxContext) return context;
    throw new MemberError(
      `member ${this.name}: expected a prompt of fewer than ${this.maxContext} tokens, got ${context.length}`,
      { fault: 'context_length' },
    );
  }
}

/** A token's log-probability until the text it ends in is certain. */
interface Held {
  readonly logprob: TokenLogprob;
  /** Offset in the text where the token begins. */
  readonly from: number;
}

/** Turns tokens into pieces of text as they come. */
class Listener {
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
    const token = this.#model.tokenizer.decode([id]);
    const isWhole = !token.includes('\uFFFD');
    return { token, logprob, ...(isWhole ? { bytes: [...new TextEncoder().encode(token)] } : {}) };
  }
}
