/**
 * An agent whose model runs in this process. `generate` connects a served request with the model: it
 * tokenizes the prompt and adds the request to the running batch of the engine.
 * @module
 */
import type { Model } from '../../engine/engine.ts';
import type { GeneratorOptions, MessageGenerator } from '../../engine/generation.ts';
import { ConfigError, EngineError } from '../../support/errors.ts';
import type { PromptExample } from '../../team/examples.ts';
import { MessageStreamer } from './message-streamer.ts';
import {
  AgentError,
  type AgentHealth,
  type AgentMessage,
  type AgentRequest,
  type Prompt,
  type ServedAgent,
} from './served-agent.ts';

export interface EmbeddedAgentOptions {
  readonly name: string;
  readonly instruction?: string;
  readonly examples?: readonly PromptExample[];
  readonly generator?: GeneratorOptions;
}

/**
 * Highest expected ratio of characters to tokens. A prompt whose characters exceed this ratio times the
 * context window is refused before it is tokenized, because tokenizing a long text takes seconds.
 */
const MAX_CHARACTERS_PER_TOKEN = 64;
/** Upper estimate of the mean number of characters per token in ordinary text. */
const TYPICAL_CHARACTERS_PER_TOKEN = 4;
/** Number of tokenized prompts in the cache. */
const CACHED_PROMPTS = 64;

/** @throws ConfigError if the engine of the model does not support serving */
export function createEmbeddedAgent(model: Model, options: EmbeddedAgentOptions): EmbeddedAgent {
  const generator = model.generator?.(options.generator);
  if (generator === undefined)
    throw new ConfigError(
      `agent ${options.name}: expected a model of an engine that can serve, got one that cannot`,
    );
  return new EmbeddedAgent(model, generator, options);
}

export class EmbeddedAgent implements ServedAgent {
  readonly kind = 'embedded';
  readonly name: string;
  readonly instruction?: string;
  readonly examples?: readonly PromptExample[];
  readonly maxContext: number;
  readonly #model: Model;
  readonly #generator: MessageGenerator;
  readonly #endTokens: ReadonlySet<number>;
  /**
   * Cache of recent prompts: their token ids, or the error of tokenizing them. The choices of one request
   * share a prompt.
   */
  readonly #tokenized = new Map<string, Int32Array | AgentError>();

  constructor(
    model: Model,
    generator: MessageGenerator,
    { name, instruction, examples }: EmbeddedAgentOptions,
  ) {
    this.name = name;
    if (instruction !== undefined) this.instruction = instruction;
    if (examples !== undefined) this.examples = examples;
    this.maxContext = model.capabilities.maxContext;
    this.#model = model;
    this.#generator = generator;
    this.#endTokens = new Set(model.tokenizer.endTokens);
  }

  async generate(request: AgentRequest): Promise<AgentMessage> {
    const { prompt, sampling, stream, fairKey, signal } = request;
    const context = this.#contextOf(prompt);
    const promptTokens = context.length;
    let completionTokens = 0;
    const streamer = new MessageStreamer(this.#model, this.#endTokens, request);
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
          request.onUsage?.({ promptTokens, completionTokens: ++completionTokens });
          return streamer.put(token);
        },
      });
      return {
        text: streamer.end(tokens),
        finish,
        // a stop sequence shortens the text, so the token ids no longer match it and are left out
        ...(streamer.isStopped ? {} : { tokens }),
        meanLogp: logp.reduce((sum, value) => sum + value, 0) / logp.length,
        logprobs: streamer.logprobs,
        usage: { promptTokens, completionTokens: tokens.length },
        attempts: 1,
      };
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const code = error.code === 'TROUPE_ENGINE_UNSUPPORTED' ? 'unsupported' : 'engine';
      throw new AgentError(`agent ${this.name}: ${error.message}`, { code, cause: error });
    }
  }

  health(): AgentHealth {
    const { running, waiting } = this.#generator.load();
    return { ready: true, state: 'loaded', running, waiting };
  }

  async close(): Promise<void> {
    await this.#generator.close();
  }

  /** @throws AgentError if the prompt is empty, too long, or cannot be tokenized */
  #contextOf(prompt: Prompt): Int32Array {
    const context = this.#tokenize(prompt);
    if (context.length === 0)
      throw new AgentError(`agent ${this.name}: expected a prompt of at least one token, got none`, {
        code: 'unsupported',
      });
    if (context.length < this.maxContext) return context;
    throw this.#tooLong(`${context.length}`);
  }

  #tokenize(prompt: Prompt): Int32Array {
    if (prompt.kind === 'tokens') return Int32Array.from(this.#checkTokens(prompt.tokens));
    const key = JSON.stringify(prompt, (_, value: unknown) =>
      value instanceof Int32Array ? [...value] : value,
    );
    let context = this.#tokenized.get(key);
    if (context === undefined) {
      context = this.#tryEncode(prompt);
      const [oldest] = this.#tokenized.keys();
      if (this.#tokenized.size >= CACHED_PROMPTS && oldest !== undefined) this.#tokenized.delete(oldest);
      this.#tokenized.set(key, context);
    }
    if (context instanceof AgentError) throw context;
    return context;
  }

  #tryEncode(prompt: Exclude<Prompt, { kind: 'tokens' }>): Int32Array | AgentError {
    try {
      this.#refuseLongText(
        prompt.kind === 'text' ? [prompt.text] : prompt.messages.map(({ content }) => content),
      );
      return this.#encode(prompt);
    } catch (error) {
      if (error instanceof AgentError) return error;
      throw error;
    }
  }

  /** @throws AgentError if the model has no chat template, or the template refuses the messages */
  #encode(prompt: Exclude<Prompt, { kind: 'tokens' }>): Int32Array {
    const { tokenizer } = this.#model;
    try {
      return prompt.kind === 'text' ? tokenizer.encode(prompt.text) : tokenizer.encodeChat(prompt.messages);
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof RangeError)) throw error;
      throw new AgentError(`agent ${this.name}: ${error.message}`, { code: 'unsupported', cause: error });
    }
  }

  #checkTokens(tokens: readonly number[]): readonly number[] {
    const { vocabSize } = this.#model.tokenizer;
    const unknown = tokens.find((token) => !(token >= 0 && token < vocabSize));
    if (unknown === undefined) return tokens;
    throw new AgentError(
      `agent ${this.name}: expected token ids from 0 to ${vocabSize - 1}, got ${unknown}`,
      { code: 'unsupported' },
    );
  }

  /**
   * Refuses a text that certainly exceeds the context window. The check uses the number of characters, or the
   * tokens of a prefix, because tokenizing a megabyte would block the process for seconds.
   */
  #refuseLongText(texts: readonly string[]): void {
    const characters = texts.reduce((sum, text) => sum + text.length, 0);
    if (characters > this.maxContext * MAX_CHARACTERS_PER_TOKEN)
      throw this.#tooLong(`${characters} characters`);
    for (const text of texts)
      for (let size = this.maxContext * TYPICAL_CHARACTERS_PER_TOKEN; size < text.length; size *= 2) {
        const { length } = this.#model.tokenizer.encode(text.slice(0, size));
        if (length > this.maxContext) throw this.#tooLong(`more than ${length}`);
      }
  }

  #tooLong(got: string): AgentError {
    return new AgentError(
      `agent ${this.name}: expected a prompt of fewer than ${this.maxContext} tokens, got ${got}`,
      { code: 'context_length' },
    );
  }
}
