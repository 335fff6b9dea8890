/**
 * The embedded engine: runs models with ONNX Runtime on the CPU inside the Node process, without Python. Weights are
 * inputs of the compiled graphs, so models of one architecture share them.
 * @module
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { randomStream } from '../../core/rng.ts';
import type { Engine, LoadOptions } from '../engine.ts';
import { withChatTemplate } from '../text/chat-template-setting.ts';
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
import { type Checkpoint, loadCheckpoint, type OnWarning } from './weights/checkpoint.ts';
import { adapterParameters, fullParameters } from './weights/model-parameters.ts';

/** Options of {@link createOnnxEngine}. */
export interface OnnxEngineOptions extends Partial<ModelOptions> {
  /** Number of threads per operator (intra-op). Default: 2, or 1 on a machine with one core. */
  readonly threads?: number;
  /**
   * Whether idle threads spin (busy waiting). Default false, because spinning made a decode step three times
   * slower on a machine with two busy cores.
   */
  readonly spinning?: boolean;
  /** Prefix of the profile files that ONNX Runtime writes when the engine closes. */
  readonly profile?: string;
  /** Shape of the LoRA adapters that are trained over a frozen base. Absent: all parameters are trained. */
  readonly lora?: LoraOptions | undefined;
  /**
   * Type of the frozen base's matrices in memory. Default `auto`: bfloat16 for large bases that are stored as
   * bfloat16.
   */
  readonly baseDtype?: WeightStorage | 'auto';
  /**
   * How models are executed. Default `auto`: small models run as one graph; large models and models with
   * adapters run layer by layer.
   */
  readonly execution?: 'auto' | 'whole' | 'layers';
}

/** Shape of new adapters, as in PEFT's `LoraConfig`. */
export interface LoraOptions {
  readonly r: number;
  readonly alpha: number;
  readonly targetModules: readonly string[] | 'all-linear';
  readonly rslora: boolean;
}

/** Options of a model that concern its chats. */
type ChatOption = 'chatTemplate' | 'chatTemplateKwargs';

/** Seed from which the weights of every new adapter are initialized. */
const ADAPTER_SEED = 0;

const DEFAULT_TOKEN_BUDGET = 4096;
const DEFAULT_DECODE_BATCH = 128;
const DEFAULT_ACTIVATION_BYTES = 2 * 2 ** 30;

/** The embedded engine; see {@link createOnnxEngine}. */
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
    const { dir, optimizer = false, onWarning } = options;
    if (isAdapterFolder(dir)) {
      const base = await this.#base(adapterBaseFolder(dir, readAdapterConfig(dir).base), onWarning);
      return this.#adapted(base, readAdapter(dir, base.files.config, { optimizer }), { where: dir, options });
    }
    if (this.#options.lora) {
      const base = await this.#base(dir, onWarning);
      return this.#adapted(base, freshAdapter(base, this.#options.lora, dir), { where: dir, options });
    }
    return this.fromCheckpoint(loadCheckpoint(dir, { optimizer, onWarning }), dir, {
      ...options,
      adopt: true,
    });
  }

  /**
   * Creates a model from weights in memory.
   *
   * @param where - origin of the checkpoint, for error messages
   * @param options.adopt - whether the model takes ownership of the weights; by default it copies them
   */
  async fromCheckpoint(
    checkpoint: Checkpoint,
    where: string,
    { adopt = false, ...options }: Pick<LoadOptions, ChatOption> & { readonly adopt?: boolean } = {},
  ): Promise<OnnxModel> {
    const sessions = await this.sessions(checkpoint.config);
    const made = withTemplateSetting(checkpoint, where, options);
    const parameters = fullParameters(sessions.runtime, made, { adopt });
    return new OnnxModel(sessions, { ...made, parameters }, this.#modelOptions(where, options));
  }

  /** Creates a model from a base in memory and an adapter. */
  async #adapted(
    base: FrozenBase,
    adapter: Adapter,
    { where, options }: { readonly where: string; readonly options: Pick<LoadOptions, ChatOption> },
  ): Promise<OnnxModel> {
    const { rank, alpha, rankStabilized, targets } = adapter.config;
    const shape = { rank, alpha, rankStabilized, targets };
    const sessions = await this.sessions(base.files.config, { storage: base.storage, adapter: shape });
    const files = withTemplateSetting(base.files, where, options);
    const parameters = adapterParameters(sessions.runtime, base, adapter, files.tokenizer);
    return new OnnxModel(sessions, { ...files, parameters }, this.#modelOptions(where, options));
  }

  /** Returns the frozen base of a folder. All adapters of the same base share it, so it warns only once. */
  #base(dir: string, onWarning: OnWarning): Promise<FrozenBase> {
    const path = resolve(dir);
    let base = this.#bases.get(path);
    if (!base) {
      base = this.#open().then((runtime) =>
        FrozenBase.fromFolder(runtime, path, { storage: this.#options.baseDtype ?? 'auto', onWarning }),
      );
      this.#bases.set(path, base);
      // the caller receives the error; the next call loads the base again
      base.catch(() => this.#bases.delete(path));
    }
    return base;
  }

  #modelOptions(
    where: string,
    { chatTemplateKwargs = {} }: Pick<LoadOptions, ChatOption>,
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

  /** Returns the compiled graphs of an architecture; public for benchmarks. */
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

/** Applies the setting `chat_template` to the tokenizer files of a checkpoint. */
function withTemplateSetting<T extends Pick<Checkpoint, 'config' | 'tokenizer'>>(
  checkpoint: T,
  where: string,
  { chatTemplate }: Pick<LoadOptions, ChatOption>,
): T {
  const { endTokens } = checkpoint.config;
  return {
    ...checkpoint,
    tokenizer: withChatTemplate(checkpoint.tokenizer, chatTemplate, { where, endTokens }),
  };
}

/** Creates a new adapter for a base. @throws ConfigError if a target module does not exist */
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

/**
 * Creates the embedded engine. ONNX Runtime is loaded with the first model, not when this module is imported.
 *
 * @example
 * const engine = createOnnxEngine();
 * const model = await engine.load({ dir: 'models/my-model' });
 */
export function createOnnxEngine(options: OnnxEngineOptions = {}): OnnxEngine {
  return new OnnxEngine(options);
}
