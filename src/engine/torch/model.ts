/**
 * One agent's model in a worker process; implements the engine port (interface `Model`). Tokens and results
 * are sent over the connection, but never weights. The tokenizer runs in this process, not in the worker.
 * @module
 */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { writeFileAtomic } from '../../support/atomic-file.ts';
import { EngineError } from '../../support/errors.ts';
import type { DecodeBatch } from '../decode-batch.ts';
import type {
  AdamWParams,
  Agreement,
  BackwardParams,
  BackwardResult,
  Capabilities,
  Completion,
  Divergence,
  GradientOptions,
  Model,
  SampleRequest,
  SamplingParams,
  ScoreParams,
  Sequence,
  SnapshotId,
  Tokenizer,
} from '../engine.ts';
import type { GeneratorOptions, MessageGenerator } from '../generation.ts';
import type { Call, Connection, ModelCall } from './connection.ts';
import { askDistributions } from './distributions.ts';
import type { Frame, WireArray } from './frames.ts';
import { floatRows, intRows, ragged, sequenceArrays } from './ragged.ts';
import { openRemoteBatch } from './remote-batch.ts';
import { RemoteGenerator } from './remote-generator.ts';

/** Properties of a model that a worker has loaded. */
export interface RemoteModel {
  readonly name: string;
  /** Name of the engine, for error messages. */
  readonly engine: string;
  /** See `Capabilities.parallel`. */
  readonly parallel: boolean;
  readonly parameterCount: number;
  readonly maxContext: number;
  readonly vocabSize: number;
  readonly dtype: string;
  /** Sampling backend: `torch`, or vLLM with its version. */
  readonly sampler: string;
  readonly kind: 'full' | 'lora';
  /** Size of one token's keys and values, bytes. */
  readonly cacheBytesPerToken: number;
  readonly tokenizer: Tokenizer;
  /** Files to add to a saved folder, by name. */
  readonly chatFiles?: ReadonlyMap<string, Uint8Array>;
}

/** A model of the PyTorch engine; create it with `TorchEngine.load`. */
export class TorchModel implements Model {
  readonly capabilities: Capabilities;
  readonly tokenizer: Tokenizer;
  readonly parameterCount: number;
  readonly #connection: Connection;
  readonly #name: string;
  readonly #cacheBytesPerToken: number;
  readonly #vocabSize: number;
  readonly #engine: string;
  readonly #chatFiles: ReadonlyMap<string, Uint8Array>;
  /** Resolves when all earlier calls have finished; the next call waits for it. */
  #before: Promise<unknown> = Promise.resolve();
  /** Error of a call that no caller awaits (`zeroGradients`, `release`). The next call throws it. */
  #fault: { readonly error: unknown } | undefined;
  #closed = false;

  constructor(connection: Connection, { name, engine, parameterCount, tokenizer, ...facts }: RemoteModel) {
    this.#connection = connection;
    this.#name = name;
    this.#engine = engine;
    this.parameterCount = parameterCount;
    this.tokenizer = tokenizer;
    this.#vocabSize = facts.vocabSize;
    this.#chatFiles = facts.chatFiles ?? new Map();
    this.#cacheBytesPerToken = facts.cacheBytesPerToken;
    const { kind: parameters, dtype, maxContext, parallel, sampler } = facts;
    const agreement = agreementOf(dtype, sampler);
    this.capabilities = {
      ...{ exactKl: true, trainable: true, parameters, dtype, maxContext, parallel, sampler },
      ...(agreement && { agreement }),
    };
  }

  async sample(requests: readonly SampleRequest[], params: SamplingParams): Promise<Completion[]> {
    this.#checkTemperature(params.temperature);
    if (!Number.isInteger(params.maxTokens) || params.maxTokens < 1)
      throw new EngineError(`engine ${this.#engine}: expected maxTokens >= 1, got ${params.maxTokens}`);
    params.signal?.throwIfAborted();
    if (requests.length === 0) return [];
    const streams = new Uint32Array(3 * requests.length);
    requests.forEach(({ stream }, index) => {
      const { key, counter } = stream.position();
      streams.set([...key, counter], 3 * index);
    });
    const completions: Completion[] = [];
    await this.#call({
      call: 'sample',
      params: {
        temperature: params.temperature,
        max_tokens: params.maxTokens,
        end_tokens: this.tokenizer.endTokens,
      },
      arrays: {
        ...ragged(
          'context',
          requests.map(({ context }) => context),
          Int32Array,
        ),
        streams,
      },
      signal: params.signal,
      onFrame: (frame) => {
        for (const [index, completion] of completionsOf(frame)) {
          completions[index] = completion;
          params.onCompletion?.(index, completion);
        }
      },
    });
    return completions;
  }

  generator(options: GeneratorOptions = {}): MessageGenerator {
    const { maxContext: maxPositions } = this.capabilities;
    const { endTokens } = this.tokenizer;
    const cacheBytesPerToken = this.#cacheBytesPerToken;
    const call = async (call: ModelCall): Promise<Frame> => {
      await this.#before; // wait for pending weight updates, but not for other generate calls
      return this.#connection.call({ ...call, model: this.#name });
    };
    return new RemoteGenerator({ call, endTokens, maxPositions, cacheBytesPerToken }, options);
  }

  decodeBatch(contexts: readonly Int32Array[], slots: number): Promise<DecodeBatch> {
    return openRemoteBatch((call) => this.#call(call), contexts, slots);
  }

  async distributions(
    sequences: readonly Sequence[],
    { snapshot, ...params }: ScoreParams & { readonly snapshot?: SnapshotId },
    visit: (index: number, logp_TV: Float32Array) => void,
  ): Promise<void> {
    this.#checkTemperature(params.temperature);
    const ask = (part: readonly Sequence[], onFrame: (frame: Frame) => void) =>
      this.#score('distributions', part, { ...params, ...(snapshot && { params: { snapshot } }), onFrame });
    await askDistributions(ask, sequences, { vocabSize: this.#vocabSize, visit });
  }

  async forward(sequences: readonly Sequence[], params: ScoreParams): Promise<Float32Array[]> {
    this.#checkTemperature(params.temperature);
    const answer = await this.#score('forward', sequences, params);
    return floatRows(answer, 'logp');
  }

  async backward(
    sequences: readonly Sequence[],
    cotangents: readonly ArrayLike<number>[],
    params: BackwardParams,
  ): Promise<BackwardResult> {
    this.#checkTemperature(params.temperature);
    if (cotangents.length !== sequences.length)
      throw new EngineError(
        `engine ${this.#engine}: expected ${sequences.length} cotangent rows, got ${cotangents.length}`,
      );
    const answer = await this.#score('backward', sequences, {
      ...params,
      arrays: ragged('cotangents', cotangents, Float32Array),
      params: params.kl ? { kl: params.kl } : {},
    });
    const logp = floatRows(answer, 'logp');
    return params.kl ? { logp, kl: floatRows(answer, 'kl') } : { logp };
  }

  async step(
    { maxGradNorm, ...adamw }: AdamWParams,
    { keepGradients = false }: GradientOptions = {},
  ): Promise<{ readonly gradNorm: number }> {
    const { arrays } = await this.#call({
      call: 'step',
      params: {
        learning_rate: adamw.learningRate,
        beta1: adamw.beta1,
        beta2: adamw.beta2,
        epsilon: adamw.epsilon,
        weight_decay: adamw.weightDecay,
        max_grad_norm: Number.isFinite(maxGradNorm) ? maxGradNorm : null,
        keep_gradients: keepGradients,
      },
    });
    return { gradNorm: Number(arrays.get('grad_norm')?.[0]) };
  }

  zeroGradients(): void {
    this.#later({ call: 'zero_gradients' });
  }

  /** Returns the accumulated gradients by tensor name, for tests that compare engines. */
  async gradients(): Promise<ReadonlyMap<string, Float32Array>> {
    const { arrays } = await this.#call({ call: 'gradients' });
    return arrays as ReadonlyMap<string, Float32Array>; // the worker sends float32 arrays only
  }

  async divergence(
    sequences: readonly Sequence[],
    cur: SnapshotId,
    params: ScoreParams,
  ): Promise<Divergence> {
    this.#checkTemperature(params.temperature);
    const answer = await this.#score('divergence', sequences, { ...params, params: { cur } });
    return {
      klNewOld: floatRows(answer, 'kl_new_cur'),
      klOldNew: floatRows(answer, 'kl_cur_new'),
      tv: floatRows(answer, 'tv'),
    };
  }

  async snapshot(): Promise<SnapshotId> {
    const { header } = await this.#call({ call: 'snapshot' });
    // the worker sends its answer in this format
    return (header.value as { readonly snapshot: SnapshotId }).snapshot;
  }

  async restore(id: SnapshotId, { keepGradients = false }: GradientOptions = {}): Promise<void> {
    await this.#call({ call: 'restore', params: { snapshot: id, keep_gradients: keepGradients } });
  }

  release(id: SnapshotId): void {
    this.#later({ call: 'release', params: { snapshot: id } });
  }

  async save(dir: string): Promise<void> {
    await this.#call({ call: 'save', params: { dir: resolve(dir) } });
    for (const [name, bytes] of this.#chatFiles) {
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      writeFileAtomic(join(dir, name), bytes);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#before;
    // ignore a failed call: it means that the worker, and with it the model, does not exist any more
    await this.#connection.call({ call: 'close', model: this.#name }).catch(() => {});
  }

  #score(
    call: string,
    sequences: readonly Sequence[],
    {
      temperature,
      signal,
      arrays,
      params,
      onFrame,
    }: ScoreParams &
      Pick<Call, 'onFrame'> & { readonly arrays?: Record<string, WireArray>; readonly params?: object },
  ): Promise<Frame> {
    return this.#call({
      call,
      params: { temperature, ...params },
      arrays: { ...sequenceArrays(sequences), ...arrays },
      signal,
      ...(onFrame && { onFrame }),
    });
  }

  /**
   * Makes a call after all earlier calls have finished, so that calls that no caller awaits keep their order.
   */
  #call(call: ModelCall): Promise<Frame> {
    const answer = this.#before.then(() => {
      if (this.#closed)
        throw new EngineError(`engine ${this.#engine}: expected an open model, got one that was closed`, {
          code: 'TROUPE_ENGINE_CLOSED',
        });
      const fault = this.#fault;
      this.#fault = undefined;
      if (fault) throw fault.error;
      return this.#connection.call({ ...call, model: this.#name });
    });
    this.#before = answer.catch(() => {}); // ignore the error here, because the caller handles it
    return answer;
  }

  /** Makes a call that no caller awaits. The next call throws its error. */
  #later(call: ModelCall): void {
    this.#call(call).catch((error: unknown) => {
      if (!this.#closed) this.#fault ??= { error };
    });
  }

  #checkTemperature(temperature: number): void {
    const inverse = Math.fround(1 / temperature);
    if (!(temperature > 0 && inverse > 0 && Number.isFinite(inverse)))
      throw new EngineError(`engine ${this.#engine}: expected a temperature > 0, got ${temperature}`);
  }
}

/**
 * Returns the tolerance between the log-probabilities of sampler and trainer. In bfloat16, rounding depends
 * on the batch: the log-probability of a single token can differ by much, but the mean over a batch differs
 * little.
 */
function agreementOf(dtype: string, sampler: string): Agreement | undefined {
  if (dtype !== 'float32') return { max: Number.POSITIVE_INFINITY, mean: 0.05 };
  return sampler === 'torch' ? undefined : { max: 0.05, mean: 1e-3 };
}

function* completionsOf(frame: Frame): Iterable<readonly [number, Completion]> {
  const tokens = intRows(frame, 'tokens');
  const logp = floatRows(frame, 'logp');
  const finish = frame.header.finish as readonly Completion['finish'][]; // one entry per message
  const index = frame.arrays.get('index') ?? [];
  for (let i = 0; i < tokens.length; i++)
    yield [
      Number(index[i]),
      {
        tokens: tokens[i] as Int32Array,
        logp: logp[i] as Float32Array,
        finish: finish[i] as Completion['finish'],
      },
    ];
}
