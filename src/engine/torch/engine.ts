/**
 * The engine on PyTorch: models live in a Python worker, one process for all agents of a machine, started
 * with the first model or already running at an address.
 * @see python/troupe_worker for the other side
 * @module
 */
import { resolve } from 'node:path';
import { ConfigError } from '../../support/errors.ts';
import type { Engine, LoadOptions, Tokenizer } from '../engine.ts';
import { Connection, type ConnectionOptions, type FinishedCall, type Hello } from './connection.ts';
import type { WireHeader } from './frames.ts';
import { TorchModel } from './model.ts';
import { startWorker, type WorkerProcess, type WorkerProcessOptions } from './worker-process.ts';

export interface TorchEngineOptions {
  /** The Python to start a worker with; not used with an address. */
  readonly python: string;
  /** `http://HOST:PORT` of a worker that is running; its token comes with it. */
  readonly address?: { readonly url: string; readonly token: string };
  /** `auto`, `cpu`, `cuda`, `cuda:1`. */
  readonly device: string;
  /** What the models compute with; the optimiser's weights are float32 always. */
  readonly dtype: 'float32' | 'bfloat16';
  /** Threads on a CPU; 0: PyTorch's choice. */
  readonly threads: number;
  /** Padded tokens of one forward or backward pass. */
  readonly tokenBudget: number;
  /** Messages decoded together. */
  readonly decodeBatch: number;
  /** What draws messages: vLLM, the model itself, or vLLM on a GPU whose Python has it. */
  readonly sampler?: 'auto' | 'vllm' | 'torch';
  /** Share of the memory that there is for models, for vLLM's keys and values. */
  readonly samplerCache?: number;
  /** Models are trained through adapters of this shape over a base that stays as it is. Absent: all weights. */
  readonly lora?: TorchLora | undefined;
  /** Reads the tokenizer of a folder; its ids must stay below `vocabSize`. */
  readonly readTokenizer: (options: LoadOptions, vocabSize: number) => Tokenizer;
  readonly connection?: Pick<ConnectionOptions, 'retryMs' | 'silenceMs' | 'deadlineMs'>;
  /** Told of what models computed, and when. */
  readonly onWork?: ((work: Work) => void) | undefined;
  /** Another way to run the same worker: what it does differently. */
  readonly variant?: EngineVariant;
}

/** A call on a model, and the device that computed it: that of an agent, or the worker of all models. */
export interface Work extends FinishedCall {
  readonly device: string;
}

/** An engine that speaks the same protocol with the same worker, placed elsewhere: `ray`. */
export interface EngineVariant {
  readonly name: string;
  /** The process that answers where no address is given. */
  readonly process: Omit<WorkerProcessOptions, 'python'>;
  /** Models compute side by side. */
  readonly parallel: boolean;
  /** First calls of a connection. */
  enter(connection: Connection): Promise<void>;
  /** Last call of a connection to a worker that lives on. */
  leave(connection: Connection): Promise<void>;
}

/** Shape of fresh adapters; the same as the embedded engine's, drawn alike. */
export interface TorchLora {
  readonly rank: number;
  readonly alpha: number;
  readonly targetModules: readonly string[] | 'all-linear';
  readonly rslora: boolean;
}

/** Workers that outlive their clients forget those they do not hear of for ten minutes. */
const PING_MS = 60_000;
/** Where nobody listens at an address, nobody will: a worker that comes back is waited for longer, later. */
const KNOCK_MS = 5_000;

/** A worker that is spoken to: one of its own, or one that was there and is told that its client lives. */
interface Opened {
  readonly connection: Connection;
  readonly process?: WorkerProcess;
  readonly pings?: NodeJS.Timeout;
}

export class TorchEngine implements Engine {
  readonly name: string;
  readonly #options: TorchEngineOptions;
  #opened: Promise<Opened> | undefined;
  /** Device of a model, by the model's name. */
  readonly #devices = new Map<string, string>();

  constructor(options: TorchEngineOptions) {
    this.#options = options;
    this.name = options.variant?.name ?? 'torch';
  }

  /** What the worker says of itself; starts it where it does not run yet. @throws EngineError */
  async hello(): Promise<Hello> {
    return (await this.#open()).connection.hello();
  }

  /** Where the worker is, for whoever looks after it. */
  async worker(): Promise<{ readonly url: string; readonly pid?: number | undefined }> {
    const { connection, process } = await this.#open();
    return { url: connection.url, pid: process?.pid };
  }

  async load({ dir, optimizer = false, training = false, ...rest }: LoadOptions): Promise<TorchModel> {
    const { connection } = await this.#open();
    const { dtype, tokenBudget, decodeBatch, readTokenizer, lora, variant } = this.#options;
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
    const { model, ...facts } = header.value as LoadAnswer; // the worker's answer to this call
    if (facts.place !== undefined) this.#devices.set(model, `agent_${facts.place}`);
    try {
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
        tokenizer: readTokenizer({ dir: facts.text, ...rest }, facts.vocab_size),
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
    if (connection && !process) await this.#options.variant?.leave(connection).catch(() => {}); // it may be gone
    connection?.close();
    await process?.close();
  }

  #open(): Promise<Opened> {
    this.#opened ??= this.#connect();
    return this.#opened;
  }

  async #connect(): Promise<Opened> {
    const { address, connection: limits = {}, variant, onWork } = this.#options;
    const common: Partial<ConnectionOptions> = {
      ...limits,
      engine: this.name,
      ...(onWork && { onCall: (call) => this.#onCall(call, onWork) }),
    };
    if (address) {
      const connection = new Connection({ ...common, ...address });
      await this.#enter(connection, limits.retryMs ?? KNOCK_MS);
      // a missed one does not matter, and a worker that is gone shows in the next call
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

  #onCall(call: FinishedCall, onWork: (work: Work) => void): void {
    if (call.model !== undefined) onWork({ ...call, device: this.#devices.get(call.model) ?? this.name });
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
  /** Number of the agent whose place it is in, on a cluster. */
  readonly place?: number;
  readonly vocab_size: number;
  readonly max_context: number;
  readonly parameters: number;
  readonly kind: 'full' | 'lora';
  readonly cache_bytes_per_token: number;
  /** What draws messages: `torch`, or vLLM with its version. */
  readonly sampler: string;
  /** Folder of the tokenizer: an adapter's is its base's. */
  readonly text: string;
}

function loraParams({ targetModules, ...lora }: TorchLora): WireHeader {
  return { ...lora, target_modules: targetModules };
}

/** @throws ConfigError for an address that is none */
export function createTorchEngine(options: TorchEngineOptions): TorchEngine {
  const { address } = options;
  if (address && !/^http:\/\/[^/]+$/.test(address.url))
    throw new ConfigError(`expected an address like http://127.0.0.1:8470, got ${address.url}`);
  return new TorchEngine(options);
}
