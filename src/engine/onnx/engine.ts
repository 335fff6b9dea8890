/**
 * The embedded engine: ONNX Runtime inside this process, no Python, no GPU. Models of one architecture
 * share compiled graphs, since weights are inputs of those.
 * @module
 */
import { availableParallelism } from 'node:os';
import type { Engine, LoadOptions } from '../engine.ts';
import { type Checkpoint, loadCheckpoint } from './checkpoint.ts';
import type { DecoderConfig } from './decoder/config.ts';
import { type ModelOptions, OnnxModel } from './model.ts';
import { Runtime } from './runtime.ts';
import { Sessions } from './sessions.ts';

export interface OnnxEngineOptions extends Partial<ModelOptions> {
  /** Threads of one operator. Default: 2, or 1 on a machine with one core. */
  readonly threads?: number;
  /** Whether idle threads spin. Default false: with two busy cores spinning made a decode step three times slower. */
  readonly spinning?: boolean;
  /** Prefix of profile files the runtime writes when the engine closes. */
  readonly profile?: string;
}

const DEFAULT_TOKEN_BUDGET = 4096;
const DEFAULT_DECODE_BATCH = 128;

export class OnnxEngine implements Engine {
  readonly name = 'onnx';
  readonly #options: OnnxEngineOptions;
  readonly #sessions = new Map<string, Sessions>();
  #runtime: Promise<Runtime> | undefined;

  constructor(options: OnnxEngineOptions = {}) {
    this.#options = options;
  }

  async load(options: LoadOptions): Promise<OnnxModel> {
    const checkpoint = loadCheckpoint(options.dir, { optimizer: options.optimizer ?? false });
    return this.fromCheckpoint(checkpoint, options.dir, options);
  }

  /** A model over weights that are in memory already. */
  async fromCheckpoint(
    checkpoint: Checkpoint,
    where: string,
    { chatTemplateKwargs = {} }: Pick<LoadOptions, 'chatTemplateKwargs'> = {},
  ): Promise<OnnxModel> {
    const sessions = await this.sessions(checkpoint.config);
    return new OnnxModel(sessions, checkpoint, {
      where,
      chatTemplateKwargs,
      tokenBudget: this.#options.tokenBudget ?? DEFAULT_TOKEN_BUDGET,
      decodeBatch: this.#options.decodeBatch ?? DEFAULT_DECODE_BATCH,
    });
  }

  /** Compiled graphs of an architecture; also for benchmarks. */
  async sessions(config: DecoderConfig): Promise<Sessions> {
    this.#runtime ??= Runtime.open({
      threads: this.#options.threads ?? Math.min(2, availableParallelism()),
      spinning: this.#options.spinning ?? false,
      ...(this.#options.profile ? { profile: this.#options.profile } : {}),
    });
    const runtime = await this.#runtime;
    const key = JSON.stringify(config);
    const sessions = this.#sessions.get(key) ?? new Sessions(config, runtime);
    this.#sessions.set(key, sessions);
    return sessions;
  }

  async close(): Promise<void> {
    for (const sessions of this.#sessions.values()) await sessions.release();
    this.#sessions.clear();
  }
}

export function createOnnxEngine(options: OnnxEngineOptions = {}): OnnxEngine {
  return new OnnxEngine(options);
}
