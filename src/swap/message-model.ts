/**
 * Stage-0 between models of different vocabularies, message by message: candidates of both are scored by
 * both as text, and one is picked by the weights of the mixture. For answering only: its probabilities are
 * estimates, and what is trained needs exact ones.
 * Differs from the paper, which mixes models of one vocabulary only.
 * @module
 */
import { messageMixture } from '../core/message-mixture.ts';
import type {
  Capabilities,
  ChatMessage,
  Completion,
  Divergence,
  Model,
  SampleRequest,
  SamplingParams,
  Sequence,
  SnapshotId,
  Tokenizer,
} from '../engine/engine.ts';
import type { GeneratorOptions, MessageGenerator } from '../engine/generation.ts';
import { createWholeMessageGenerator } from '../engine/sampling/whole-message-generator.ts';
import { EngineError } from '../support/errors.ts';
import { writeMessageMixtureFolder } from './mixture-folder.ts';

export interface MessageMixtureParts {
  readonly incumbent: Model;
  readonly replacement: Model;
  /** delta0 per message, nats. */
  readonly delta0: number;
  /** Candidates per message, half from each model; even, >= 2. */
  readonly candidates: number;
}

/** What was estimated on the way; nothing here is exact. */
export interface MessageMixtureReport {
  readonly messages: number;
  readonly meanWeight: number;
  /** Of the candidates, how many the weights are worth on average. */
  readonly meanEss: number;
  readonly meanKlEstimate: number;
}

export class MessageMixtureModel implements Model {
  readonly tokenizer: Tokenizer;
  readonly #parts: MessageMixtureParts;
  readonly #contexts: ContextMemory;
  /** Sums over the messages so far: a server draws without end. */
  readonly #drawn = { messages: 0, w: 0, ess: 0, klEstimate: 0 };

  constructor(parts: MessageMixtureParts) {
    this.#parts = parts;
    this.#contexts = new ContextMemory(parts.replacement.tokenizer, parts.incumbent.tokenizer);
    this.tokenizer = this.#contexts.tokenizer;
  }

  get capabilities(): Capabilities {
    const [cur, pre] = [this.#parts.incumbent.capabilities, this.#parts.replacement.capabilities];
    return {
      ...pre,
      exactKl: false,
      trainable: false,
      parameters: 'none',
      maxContext: Math.min(cur.maxContext, pre.maxContext),
    };
  }

  get parameterCount(): number {
    return this.#parts.incumbent.parameterCount + this.#parts.replacement.parameterCount;
  }

  report(): MessageMixtureReport | undefined {
    const { messages, w, ess, klEstimate } = this.#drawn;
    if (messages === 0) return undefined;
    return {
      messages,
      meanWeight: w / messages,
      meanEss: ess / messages,
      meanKlEstimate: klEstimate / messages,
    };
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    const { incumbent, replacement, candidates, delta0 } = this.#parts;
    const each = candidates / 2;
    const contexts = requests.map(({ context }) => ({ pre: context, cur: this.#contexts.recall(context) }));
    const drawnBy = async (model: Model, side: 'pre' | 'cur', offset: number) => {
      const asked = requests.flatMap(({ stream }, r) =>
        Array.from({ length: each }, (_, k) => ({
          context: contexts[r]?.[side] as Int32Array,
          stream: stream.child(offset + k),
        })),
      );
      const { onCompletion: _, ...rest } = params;
      return model.sample(asked, rest);
    };
    const [fromPre, fromCur] = [await drawnBy(replacement, 'pre', 0), await drawnBy(incumbent, 'cur', each)];
    const texts = requests.flatMap((_, r) => [
      ...fromPre.slice(r * each, (r + 1) * each).map((c) => textOf(replacement, c)),
      ...fromCur.slice(r * each, (r + 1) * each).map((c) => textOf(incumbent, c)),
    ]);
    const told = (model: Model, side: 'pre' | 'cur') =>
      texts.map((text, k) =>
        inTokensOf(model, contexts[Math.floor(k / candidates)]?.[side] as Int32Array, text),
      );
    const score = { temperature: params.temperature, ...(params.signal && { signal: params.signal }) };
    const own = told(replacement, 'pre');
    const logpPre = await replacement.forward(own, score);
    const logpOld = await incumbent.forward(told(incumbent, 'cur'), score);
    return requests.map(({ stream }, r) => {
      const rows = { from: r * candidates, until: (r + 1) * candidates };
      const totals = (logp: readonly Float32Array[]) =>
        logp.slice(rows.from, rows.until).map((row) => row.reduce((sum, x) => sum + x, 0));
      const { probability_N, ...drawn } = messageMixture(
        { logpPre_N: totals(logpPre), logpOld_N: totals(logpOld) },
        delta0,
      );
      this.#drawn.messages++;
      for (const name of ['w', 'ess', 'klEstimate'] as const) this.#drawn[name] += drawn[name];
      const picked = rows.from + pick(probability_N, stream.uniform());
      const completion: Completion = {
        tokens: (own[picked] as Sequence).tokens,
        logp: logpPre[picked] as Float32Array,
        finish: texts[picked]?.finish ?? 'stop',
      };
      params.onCompletion?.(r, completion);
      return completion;
    });
  }

  generator(options?: GeneratorOptions): MessageGenerator {
    const { maxContext: maxPositions } = this.capabilities;
    return createWholeMessageGenerator(
      { sample: (...asked) => this.sample(...asked), maxPositions },
      options,
    );
  }

  forward(): Promise<Float32Array[]> {
    throw answersOnly('log-probabilities of its messages');
  }

  backward(): never {
    throw answersOnly('gradients');
  }

  step(): never {
    throw answersOnly('steps');
  }

  zeroGradients(): void {}

  divergence(): Promise<Divergence> {
    throw answersOnly('exact divergences');
  }

  async snapshot(): Promise<SnapshotId> {
    return 'message-mixture' as SnapshotId; // its weights never change
  }

  async restore(): Promise<void> {}

  release(): void {}

  async save(dir: string): Promise<void> {
    await writeMessageMixtureFolder(dir, this.#parts);
  }

  async close(): Promise<void> {
    await this.#parts.incumbent.close();
    await this.#parts.replacement.close();
  }
}

function answersOnly(what: string): EngineError {
  return new EngineError(
    `message mixture: expected a model of one vocabulary, got a request for ${what}; it only answers: to train on, swap with --mode distil or raw`,
  );
}

/** A message as text, and whether its writer ended it. */
interface Told {
  readonly text: string;
  readonly finish: Completion['finish'];
}

function textOf({ tokenizer }: Model, { tokens, finish }: Completion): Told {
  return { text: tokenizer.decode(tokens), finish };
}

function inTokensOf({ tokenizer }: Model, context: Int32Array, { text, finish }: Told): Sequence {
  const tokens = tokenizer.encode(text);
  const end = tokenizer.endTokens[0];
  // a message of no tokens at all cannot be scored
  const isEnded = (finish === 'stop' || tokens.length === 0) && end !== undefined;
  return { context, tokens: isEnded ? Int32Array.from([...tokens, end]) : tokens };
}

/** First candidate whose cumulated probability exceeds u. */
function pick(probability_N: Float64Array, u: number): number {
  let sum = 0;
  let last = 0;
  for (let n = 0; n < probability_N.length; n++) {
    const p = probability_N[n] as number;
    if (p > 0) last = n;
    sum += p;
    if (u < sum) return n;
  }
  return last;
}

/** Contexts that are remembered, the newest; more than any batch has. */
const MOST_CONTEXTS = 1 << 16;

/** Contexts in the replacement's tokens, and what the incumbent would have read in their place. */
class ContextMemory {
  readonly tokenizer: Tokenizer;
  readonly #known = new Map<string, Int32Array>();

  constructor(pre: Tokenizer, cur: Tokenizer) {
    const remember = (messages: readonly ChatMessage[]): Int32Array => {
      // ids of one vocabulary mean nothing in the other: the incumbent reads the text
      const context = pre.encodeChat(messages);
      const plain = messages.map(({ role, content }) => ({ role, content }));
      const key = context.join();
      this.#known.delete(key);
      this.#known.set(key, cur.encodeChat(plain));
      const [oldest] = this.#known.keys();
      if (this.#known.size > MOST_CONTEXTS && oldest !== undefined) this.#known.delete(oldest);
      return context;
    };
    this.tokenizer = {
      vocabSize: pre.vocabSize,
      endTokens: pre.endTokens,
      encode: (text) => pre.encode(text),
      decode: (tokens) => pre.decode(tokens),
      bytesOf: (token) => pre.bytesOf(token),
      encodeChat: remember,
    };
  }

  recall(context: Int32Array): Int32Array {
    const key = context.join();
    const known = this.#known.get(key);
    if (known === undefined)
      throw new EngineError(
        'message mixture: expected a conversation encoded by its own tokenizer, got another context; it answers chats alone',
        { code: 'TROUPE_ENGINE_UNSUPPORTED' },
      );
    return known;
  }
}
