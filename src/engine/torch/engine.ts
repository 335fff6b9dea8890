/**
 * The PyTorch engine: a Python worker process holds the models of all agents. The engine starts a worker with the first
 * model, or connects to a running one.
 * @see python/troupe_worker for the other side
 * @module
 */
import { resolve } from 'node:path';
import { refuseGguf } from '../../gguf/model-path.ts';
import { ConfigError } from '../../support/errors.ts';
import type { Engine, LoadOptions, Tokenizer } from '../engine.ts';
import { Connection, type ConnectionOptions, type FinishedCall, type Hello } from './connection.ts';
import type { WireHeader } from './frames.ts';
import { TorchModel } from './model.ts';
import { startWorker, type WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

/** Options of {@link createTorchEngine}. */
export interface TorchEngineOptions {
  /** Python interpreter that runs the worker; not used with `address`. */
  readonly python: string;
  /** URL (`http://HOST:PORT`) and token of a running worker. */
  readonly address?: { readonly url: string; readonly token: string };
  /** PyTorch device of the models: `auto`, `cpu`, `cuda`, `cuda:1`. */
  readonly device: string;
  /** Compute type of the models; the optimizer's master weights are always float32. */
  readonly dtype: 'float32' | 'bfloat16';
  /** Number of CPU threads; 0: PyTorch's default. */
  readonly threads: number;
  /** Maximum number of tokens, including padding, of a forward or backward micro-batch. */
  readonly tokenBudget: number;
  /** Maximum number of messages that are decoded together. */
  readonly decodeBatch: number;
  /**
   * Sampling backend: vLLM, or the trained model itself (`torch`). Default auto: vLLM on a GPU if it is installed and
   * supports the architecture.
   */
  readonly sampler?: 'auto' | 'vllm' | 'torch';
  /** Fraction, in (0, 0.9], of the memory for models that vLLM's key/value cache can use. Default 0.2. */
  readonly samplerCache?: number;
  /** Shape of the LoRA adapters that are trained over a frozen base. Absent: all parameters are trained. */
  readonly lora?: TorchLora | undefined;
  /** Reads the tokenizer of a folder; all token ids must be below `vocabSize`. */
  readonly readTokenizer: (options: LoadOptions, vocabSize: number) => Tokenizer;
  /**
   * Reads the files of a folder that define its chats. Saving a full model adds them to the files that the worker
   * writes, which do not contain the setting `chat_template`. Absent: the worker's files are complete.
   */
  readonly readChatFiles?: (options: LoadOptions) => ReadonlyMap<string, Uint8Array>;
  readonly connection?: Pick<ConnectionOptions, 'retryMs' | 'silenceMs' | 'deadlineMs'>;
  /** Called after every call on a model, with its timing. */
  readonly onModelCall?: ((call: TimedModelCall) => void) | undefined;
  /** Differences of an engine that runs the same worker in another way, such as `ray`. */
  readonly variant?: EngineVariant;
}

/** A finished call on a model, and the worker that computed it: an agent's Ray actor (`agent_0`), or the engine's name. */
export interface TimedModelCall extends FinishedCall {
  readonly worker: string;
}

/** Differences of an engine that uses the same protocol but runs its workers elsewhere, such as `ray`. */
export interface EngineVariant {
  readonly name: string;
  /** The process to start if no address is given. */
  readonly process: Omit<WorkerProcessOptions, 'python'>;
  /** Whether calls on different models run concurrently; see `Capabilities.parallel`. */
  readonly parallel: boolean;
  /** Makes the first calls on a new connection, e.g. to reserve resources. */
  enter(connection: Connection): Promise<void>;
  /** Makes the last call on a connection to a worker that continues to run, e.g. to free resources. */
  leave(connection: Connection): Promise<void>;
}

/** Shape of new adapters; they are initialized with the same values as in the embedded engine. */
export interface TorchLora {
  readonly rank: number;
  readonly alpha: number;
  readonly targetModules: readonly string[] | 'all-linear';
  readonly rslora: boolean;
}

/**
 * Interval of keep-alive pings, ms. A shared worker frees the models of a client that makes no call or ping
 * for ten minutes.
 */
const PING_MS = 60_000;
/**
 * How long the first connection to a given address is retried, ms. Later calls are retried longer
 * (`retryMs`).
 */
const KNOCK_MS = 5_000;

/**
 * An open connection, either to a worker process of this engine, or to a running worker, which then receives
 * pings.
 */
interface Opened {
  readonly connection: Connection;
  readonly process?: WorkerProcess;
  readonly pings?: NodeJS.Timeout;
}

/** The PyTorch engine; see {@link createTorchEngine}. */
export class TorchEngine implements Engine {
  readonly name: string;
  readonly #options: TorchEngineOptions;
  #opened: Promise<Opened> | undefined;
  /** Name of the worker that runs each model, by model name. */
  readonly #workers = new Map<string, string>();

  constructor(options: TorchEngineOptions) {
    this.#options = options;
    this.name = options.variant?.name ?? 'torch';
  }

  /**
   * Returns a description of the worker. Starts the worker if it does not run. @throws EngineError if it
   * cannot start or does not answer
   */
  async hello(): Promise<Hello> {
    return (await this.#open()).connection.hello();
  }

  /** Returns the address and process id of the worker. Starts the worker if it does not run. */
  async worker(): Promise<{ readonly url: string; readonly pid?: number | undefined }> {
    const { connection, process } = await this.#open();
    return { url: connection.url, pid: process?.pid };
  }

  async load({ dir, optimizer = false, training = false, ...rest }: LoadOptions): Promise<TorchModel> {
    refuseGguf(dir, this.name);
    const { connection } = await this.#open();
    const { dtype, tokenBudget, decodeBatch, readTokenizer, readChatFiles, lora, variant } = this.#options;
    const { sampler = 'auto', samplerCache = 0.2 } = this.#options;
    const { header } = await connection.call({
      call: 'load',
      params: {
        dir: resolve(dir),
        cwd: process.cwd(),
        optimizer,
        training,
        dtype,
        token_budget: tokenBudget,
        decode_batch: decodeBatch,
        sampler,
        sampler_cache: samplerCache,
        ...(lora && { lora: loraParams(lora) }),
      },
    });
    const { model, ...facts } = header.value as LoadAnswer; // the worker sends its answer in this format
    if (facts.agent !== undefined) this.#workers.set(model, `agent_${facts.agent}`);
    try {
      const text = { dir: facts.tokenizer_dir, ...rest };
      const chatFiles = facts.kind === 'full' ? readChatFiles?.(text) : undefined;
      return new TorchModel(connection, {
        name: model,
        engine: this.name,
        parallel: variant?.parallel ?? false,
        parameterCount: facts.parameters,
        maxContext: facts.max_context,
        vocabSize: facts.vocab_size,
        cacheBytesPerToken: facts.cache_bytes_per_token,
        dtype,
        sampler: facts.sampler,
        kind: facts.kind,
        tokenizer: readTokenizer(text, facts.vocab_size),
        ...(chatFiles && { chatFiles }),
      });
    } catch (error) {
      await connection.call({ call: 'close', model });
      throw error;
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened === undefined) return;
    const { connection, process, pings }: Partial<Opened> = await opened.catch(() => ({}));
    clearInterval(pings);
    // ignore the error, because the worker may not run any more
    if (connection && !process) await this.#options.variant?.leave(connection).catch(() => {});
    connection?.close();
    await process?.close();
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#connect();
    return this.#opened;
  }

  async #connect(): Promise<Opened> {
    const { address, connection: limits = {}, variant, onModelCall } = this.#options;
    const common: Partial<ConnectionOptions> = {
      ...limits,
      engine: this.name,
      ...(onModelCall && { onCall: (call) => this.#onCall(call, onModelCall) }),
    };
    if (address) {
      const connection = new Connection({ ...common, ...address });
      await this.#enter(connection, limits.retryMs ?? KNOCK_MS);
      // ignore a failed ping: if the worker does not run any more, the next call reports it
      const pings = setInterval(() => void connection.ping().catch(() => {}), PING_MS).unref();
      return { connection, pings };
    }
    const { python, device, threads } = this.#options;
    const process = await startWorker({
      ...(variant?.process ?? { device, threads }),
      python,
      engine: this.name,
    });
    const connection = new Connection({
      ...common,
      url: process.url,
      token: process.token,
      death: () => process.death(),
    });
    try {
      await this.#enter(connection);
    } catch (error) {
      await process.close();
      throw error;
    }
    return { connection, process };
  }

  #onCall(call: FinishedCall, onModelCall: (call: TimedModelCall) => void): void {
    if (call.model !== undefined)
      onModelCall({ ...call, worker: this.#workers.get(call.model) ?? this.name });
  }

  async #enter(connection: Connection, retryMs?: number): Promise<void> {
    try {
      await connection.hello(retryMs);
      await this.#options.variant?.enter(connection);
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

interface LoadAnswer {
  readonly model: string;
  /** Index of the agent whose Ray actor runs the model. Absent without a cluster. */
  readonly agent?: number;
  readonly vocab_size: number;
  readonly max_context: number;
  readonly parameters: number;
  readonly kind: 'full' | 'lora';
  readonly cache_bytes_per_token: number;
  /** Sampling backend: `torch`, or vLLM with its version. */
  readonly sampler: string;
  /** Folder that contains the tokenizer; for an adapter, the folder of its base. */
  readonly tokenizer_dir: string;
}

function loraParams({ targetModules, ...lora }: TorchLora): WireHeader {
  return { ...lora, target_modules: targetModules };
}

/**
 * Creates the PyTorch engine. The worker starts, or the connection opens, with the first model.
 *
 * @throws ConfigError if the address is not an `http://HOST:PORT` URL
 */
export function createTorchEngine(options: TorchEngineOptions): TorchEngine {
  const { address } = options;
  if (address && !/^http:\/\/[^/]+$/.test(address.url))
    throw new ConfigError(`expected an address like http://127.0.0.1:8470, got ${address.url}`);
  return new TorchEngine(options);
}
