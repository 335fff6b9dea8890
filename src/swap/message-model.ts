/**
 * Mixture of an old and a new model with different vocabularies, per message (Stage-0). Both models sample
 * candidate messages, both score all candidates as text, and one candidate is drawn by the weights of the
 * mixture. Such a mixture can answer but cannot be trained: its probabilities are estimates, and training
 * needs exact ones.
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
  /** Upper bound on the KL divergence of the mixture from the old model per message, nats (radius delta0). */
  readonly delta0: number;
  /** Number of candidates per message, half of them from each model; even, >= 2. */
  readonly candidates: number;
}

/** Means over all sampled messages. All values are estimates from the sampled candidates. */
export interface MessageMixtureReport {
  readonly messages: number;
  readonly meanWeight: number;
  /** Mean effective number of candidates per message. */
  readonly meanEss: number;
  readonly meanKlEstimate: number;
}

export class MessageMixtureModel implements Model {
  readonly tokenizer: Tokenizer;
  readonly #parts: MessageMixtureParts;
  readonly #contexts: ContextCache;
  /**
   * Sums over all sampled messages. Sums need constant memory, unlike lists, also in a server that runs for
   * long.
   */
  readonly #drawn = { messages: 0, w: 0, ess: 0, klEstimate: 0 };

  constructor(parts: MessageMixtureParts) {
    this.#parts = parts;
    this.#contexts = new ContextCache(parts.replacement.tokenizer, parts.incumbent.tokenizer);
    this.tokenizer = this.#contexts.tokenizer;
  }

  get capabilities(): Capabilities {
    const [old, pre] = [this.#parts.incumbent.capabilities, this.#parts.replacement.capabilities];
    return {
      ...pre,
      exactKl: false,
      trainable: false,
      parameters: 'none',
      maxContext: Math.min(old.maxContext, pre.maxContext),
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
    const contexts = requests.map(({ context }) => ({
      pre: context,
      old: this.#contexts.incumbentContext(context),
    }));
    const drawnBy = async (model: Model, side: 'pre' | 'old', offset: number) => {
      const candidateRequests = requests.flatMap(({ stream }, r) =>
        Array.from({ length: each }, (_, k) => ({
          context: contexts[r]?.[side] as Int32Array,
          stream: stream.child(offset + k),
        })),
      );
      const { onCompletion: _, ...rest } = params;
      return model.sample(candidateRequests, rest);
    };
    const [fromPre, fromOld] = [await drawnBy(replacement, 'pre', 0), await drawnBy(incumbent, 'old', each)];
    const texts = requests.flatMap((_, r) => [
      ...fromPre.slice(r * each, (r + 1) * each).map((c) => textOf(replacement, c)),
      ...fromOld.slice(r * each, (r + 1) * each).map((c) => textOf(incumbent, c)),
    ]);
    const sequencesFor = (model: Model, side: 'pre' | 'old') =>
      texts.map((text, k) =>
        sequenceOf(model, contexts[Math.floor(k / candidates)]?.[side] as Int32Array, text),
      );
    const score = { temperature: params.temperature, ...(params.signal && { signal: params.signal }) };
    const own = sequencesFor(replacement, 'pre');
    const logpPre = await replacement.forward(own, score);
    const logpOld = await incumbent.forward(sequencesFor(incumbent, 'old'), score);
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
    return createWholeMessageGenerator({ sample: (...args) => this.sample(...args), maxPositions }, options);
  }

  forward(): Promise<Float32Array[]> {
    throw unsupported('log-probabilities of its messages');
  }

  backward(): never {
    throw unsupported('gradients');
  }

  step(): never {
    throw unsupported('steps');
  }

  zeroGradients(): void {}

  divergence(): Promise<Divergence> {
    throw unsupported('exact divergences');
  }

  async snapshot(): Promise<SnapshotId> {
    return 'message-mixture' as SnapshotId; // all snapshots are equal, because the weights never change
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

function unsupported(request: string): EngineError {
  return new EngineError(
    `message mixture: expected a request for messages, got one for ${request}; a mixture of two vocabularies can only answer: to continue training, swap with --mode distil or raw`,
  );
}

/** A message as text, with the reason why its generation ended. */
interface DecodedMessage {
  readonly text: string;
  readonly finish: Completion['finish'];
}

function textOf({ tokenizer }: Model, { tokens, finish }: Completion): DecodedMessage {
  return { text: tokenizer.decode(tokens), finish };
}

function sequenceOf({ tokenizer }: Model, context: Int32Array, { text, finish }: DecodedMessage): Sequence {
  const tokens = tokenizer.encode(text);
  const end = tokenizer.endTokens[0];
  // an empty message gets the end token, because a message without tokens cannot be scored
  const isEnded = (finish === 'stop' || tokens.length === 0) && end !== undefined;
  return { context, tokens: isEnded ? Int32Array.from([...tokens, end]) : tokens };
}

/** Returns the index of the first candidate whose cumulative probability exceeds u. */
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

/** Maximum number of cached contexts, larger than any batch. The oldest contexts are dropped first. */
const MAX_CONTEXTS = 1 << 16;

/**
 * Maps a context in the replacement model's token ids to the same conversation in the old model's token ids.
 */
class ContextCache {
  readonly tokenizer: Tokenizer;
  readonly #known = new Map<string, Int32Array>();

  constructor(pre: Tokenizer, old: Tokenizer) {
    const encodeChat = (messages: readonly ChatMessage[]): Int32Array => {
      // the old model tokenizes the text itself, because token ids of the new model's vocabulary have no
      // meaning for it
      const context = pre.encodeChat(messages);
      const plain = messages.map(({ role, content }) => ({ role, content }));
      const key = context.join();
      this.#known.delete(key);
      this.#known.set(key, old.encodeChat(plain));
      const [oldest] = this.#known.keys();
      if (this.#known.size > MAX_CONTEXTS && oldest !== undefined) this.#known.delete(oldest);
      return context;
    };
    this.tokenizer = {
      vocabSize: pre.vocabSize,
      endTokens: pre.endTokens,
      encode: (text) => pre.encode(text),
      decode: (tokens) => pre.decode(tokens),
      bytesOf: (token) => pre.bytesOf(token),
      encodeChat,
    };
  }

  incumbentContext(context: Int32Array): Int32Array {
    const key = context.join();
    const known = this.#known.get(key);
    if (known === undefined)
      throw new EngineError(
        'message mixture: expected a conversation encoded by its own tokenizer, got another context; a mixture of two vocabularies can only answer chats',
        { code: 'TROUPE_ENGINE_UNSUPPORTED' },
      );
    return known;
  }
}
