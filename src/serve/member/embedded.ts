/**
 * A member whose model runs in this process.
 * @module
 */
import type { Model } from '../../engine/engine.ts';
import type { GeneratorOptions, MessageGenerator } from '../../engine/generation.ts';
import { ConfigError, EngineError } from '../../support/errors.ts';
import {
  type Member,
  MemberError,
  type MemberHealth,
  type MemberMessage,
  type Prompt,
  type SpeakRequest,
} from './member.ts';
import { MessageListener } from './message-listener.ts';

export interface EmbeddedMemberOptions {
  readonly name: string;
  readonly instruction?: string;
  readonly generator?: GeneratorOptions;
}

/** A text with more letters per token than this is refused before it is cut into tokens, which takes time. */
const LONGEST_TOKEN = 64;
/** Most texts have fewer letters per token than this. */
const USUAL_TOKEN = 4;
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
  readonly #encoded = new Map<string, Int32Array | MemberError>();

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
    const listener = new MessageListener(this.#model, this.#ends, request);
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

  /** Token ids of a prompt, or why there are none; the choices of one request have the same. */
  #encode(prompt: Prompt): Int32Array {
    if (prompt.kind === 'tokens') return Int32Array.from(this.#known(prompt.tokens));
    const key = JSON.stringify(prompt, (_, value: unknown) =>
      value instanceof Int32Array ? [...value] : value,
    );
    let context = this.#encoded.get(key);
    if (context === undefined) {
      context = this.#tryRead(prompt);
      const [oldest] = this.#encoded.keys();
      if (this.#encoded.size >= ENCODED && oldest !== undefined) this.#encoded.delete(oldest);
      this.#encoded.set(key, context);
    }
    if (context instanceof MemberError) throw context;
    return context;
  }

  #tryRead(prompt: Exclude<Prompt, { kind: 'tokens' }>): Int32Array | MemberError {
    try {
      this.#requireShort(
        prompt.kind === 'text' ? [prompt.text] : prompt.messages.map(({ content }) => content),
      );
      return this.#read(prompt);
    } catch (error) {
      if (error instanceof MemberError) return error;
      throw error;
    }
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
    throw this.#tooLong(`${context.length}`);
  }

  /**
   * Refuses what is certainly too long by its letters, or by the tokens of a beginning: cutting a megabyte into
   * tokens takes seconds, in which nobody else is served.
   */
  #requireShort(texts: readonly string[]): void {
    const letters = texts.reduce((sum, text) => sum + text.length, 0);
    if (letters > this.maxContext * LONGEST_TOKEN) throw this.#tooLong(`${letters} letters`);
    for (const text of texts)
      for (let size = this.maxContext * USUAL_TOKEN; size < text.length; size *= 2) {
        const { length } = this.#model.tokenizer.encode(text.slice(0, size));
        if (length > this.maxContext) throw this.#tooLong(`more than ${length}`);
      }
  }

  #tooLong(got: string): MemberError {
    return new MemberError(
      `member ${this.name}: expected a prompt of fewer than ${this.maxContext} tokens, got ${got}`,
      { fault: 'context_length' },
    );
  }
}
