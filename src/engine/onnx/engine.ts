/**
 * The embedded engine: ONNX Runtime inside this process, no Python, no GPU. Models of one architecture
 * share compiled graphs, since weights are inputs of those.
 * @module
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { randomStream } from '../../core/rng.ts';
import type { Engine, LoadOptions } from '../engine.ts';
import type { DecoderConfig } from './decoder/config.ts';
import type { GraphVariant } from './decoder/decode-graphs.ts';
import type { WeightStorage } from './decoder/weight-inputs.ts';
import { chooseExecution } from './execution.ts';
import { Runtime } from './graph/runtime.ts';
import { adapterTargets } from './lora/adapter-config.ts';
import {
  type Adapter,
  adapterBaseFolder,
  isAdapterFolder,
  readAdapter,
  readAdapterConfig,
} from './lora/adapter-folder.ts';
import { initialAdapter } from './lora/adapter-weights.ts';
import { FrozenBase } from './lora/frozen-base.ts';
import { type ModelOptions, OnnxModel } from './model.ts';
import { Sessions } from './sessions.ts';
import { type Checkpoint, loadCheckpoint } from './weights/checkpoint.ts';
import { adapterParameters, fullParameters } from './weights/model-parameters.ts';

export interface OnnxEngineOptions extends Partial<ModelOptions> {
  /** Threads of one operator. Default: 2, or 1 on a machine with one core. */
  readonly threads?: number;
  /** Whether idle threads spin. Default false: with two busy cores spinning made a decode step three times slower. */
  readonly spinning?: boolean;
  /** Prefix of profile files the runtime writes when the engine closes. */
  readonly profile?: string;
  /** Models are trained through adapters of this shape over a base that stays as it is. Absent: all weights. */
  readonly lora?: LoraOptions | undefined;
  /** How the matrices of such a base are kept. Default auto: bfloat16 where it is large and loses nothing by it. */
  readonly baseDtype?: WeightStorage | 'auto';
  /** Default auto: one graph for small models, layer by layer for large ones and those with adapters. */
  readonly execution?: 'auto' | 'whole' | 'layers';
}

/** Shape of fresh adapters. */
export interface LoraOptions {
  readonly r: number;
  readonly alpha: number;
  readonly targetModules: readonly string[] | 'all-linear';
  readonly rslora: boolean;
}

/** Fresh adapters are always drawn alike: what tells agents apart is what they learn. */
const ADAPTER_SEED = 0;

const DEFAULT_TOKEN_BUDGET = 4096;
const DEFAULT_DECODE_BATCH = 128;
const DEFAULT_ACTIVATION_BYTES = 2 * 2 ** 30;

export class OnnxEngine implements Engine {
  readonly name = 'onnx';
  readonly #options: OnnxEngineOptions;
  readonly #sessions = new Map<string, Sessions>();
  /** Frozen bases by folder. */
  readonly #bases = new Map<string, Promise<FrozenBase>>();
  #runtime: Promise<Runtime> | undefined;

  constructor(options: OnnxEngineOptions = {}) {
    this.#options = options;
  }

  async load(options: LoadOptions): Promise<OnnxModel> {
    const { dir, optimizer = false } = options;
    if (isAdapterFolder(dir)) {
      const base = await this.#base(adapterBaseFolder(dir, readAdapterConfig(dir).base));
      return this.#adapted(base, readAdapter(dir, base.files.config, { optimizer }), { where: dir, options });
    }
    if (this.#options.lora) {
      const base = await this.#base(dir);
      return this.#adapted(base, freshAdapter(base, this.#options.lora, dir), { where: dir, options });
    }
    return this.fromCheckpoint(loadCheckpoint(dir, { optimizer }), dir, { ...options, adopt: true });
  }

  /**
   * A model over weights that are in memory already.
   *
   * @param options.adopt - the weights are handed over; otherwise they are copied
   */
  async fromCheckpoint(
    checkpoint: Checkpoint,
    where: string,
    {
      adopt = false,
      ...options
    }: Pick<LoadOptions, 'chatTemplateKwargs'> & { readonly adopt?: boolean } = {},
  ): Promise<OnnxModel> {
    const sessions = await this.sessions(checkpoint.config);
    const parameters = fullParameters(sessions.runtime, checkpoint, { adopt });
    return new OnnxModel(sessions, { ...checkpoint, parameters }, this.#modelOptions(where, options));
  }

  /** A model that adapts a base in memory. */
  async #adapted(
    base: FrozenBase,
    adapter: Adapter,
    { where, options }: { readonly where: string; readonly options: Pick<LoadOptions, 'chatTemplateKwargs'> },
  ): Promise<OnnxModel> {
    const { rank, alpha, rankStabilized, targets } = adapter.config;
    const shape = { rank, alpha, rankStabilized, targets };
    const sessions = await this.sessions(base.files.config, { storage: base.storage, adapter: shape });
    const parameters = adapterParameters(sessions.runtime, base, adapter);
    return new OnnxModel(sessions, { ...base.files, parameters }, this.#modelOptions(where, options));
  }

  /** The base in a folder, read once however many adapters belong to it. */
  #base(dir: string): Promise<FrozenBase> {
    const path = resolve(dir);
    let base = this.#bases.get(path);
    if (!base) {
      base = this.#open().then((runtime) =>
        FrozenBase.fromFolder(runtime, path, this.#options.baseDtype ?? 'auto'),
      );
      this.#bases.set(path, base);
      base.catch(() => this.#bases.delete(path)); // whoever asked is told; the next may try again
    }
    return base;
  }

  #modelOptions(
    where: string,
    { chatTemplateKwargs = {} }: Pick<LoadOptions, 'chatTemplateKwargs'>,
  ): ConstructorParameters<typeof OnnxModel>[2] {
    return {
      where,
      chatTemplateKwargs,
      tokenBudget: this.#options.tokenBudget ?? DEFAULT_TOKEN_BUDGET,
      decodeBatch: this.#options.decodeBatch ?? DEFAULT_DECODE_BATCH,
      activationBytes: this.#options.activationBytes ?? DEFAULT_ACTIVATION_BYTES,
    };
  }

  #open(): Promise<Runtime> {
    this.#runtime ??= Runtime.open({
      threads: this.#options.threads ?? Math.min(2, availableParallelism()),
      spinning: this.#options.spinning ?? false,
      ...(this.#options.profile ? { profile: this.#options.profile } : {}),
    });
    return this.#runtime;
  }

  /** Compiled graphs of an architecture; also for benchmarks. */
  async sessions(config: DecoderConfig, variant: GraphVariant = { storage: 'float32' }): Promise<Sessions> {
    const runtime = await this.#open();
    const key = JSON.stringify([config, variant]);
    const { execution = 'auto' } = this.#options;
    const own = execution === 'auto' ? chooseExecution(config) : execution;
    const made = { variant, execution: variant.adapter ? 'layers' : own } as const;
    const sessions = this.#sessions.get(key) ?? new Sessions(config, runtime, made);
    this.#sessions.set(key, sessions);
    return sessions;
  }

  async close(): Promise<void> {
    for (const sessions of this.#sessions.values()) await sessions.release();
    this.#sessions.clear();
    this.#bases.clear();
  }
}

/** @throws ConfigError naming a module that no layer has */
function freshAdapter(base: FrozenBase, lora: LoraOptions, dir: string): Adapter {
  const targets = adapterTargets(lora.targetModules, 'lora.target_modules');
  const config = {
    rank: lora.r,
    alpha: lora.alpha,
    rankStabilized: lora.rslora,
    targets,
    base: resolve(dir),
  };
  return { config, weights: initialAdapter(base.files.config, config, randomStream(ADAPTER_SEED)) };
}

export function createOnnxEngine(options: OnnxEngineOptions = {}): OnnxEngine {
  return new OnnxEngine(options);
}
