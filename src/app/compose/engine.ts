/**
 * Creates the engine that a team file names. Engines are imported on demand, so that a run loads only the
 * engine it uses.
 * @module
 */
import { availableParallelism } from 'node:os';
import type { ResolvedConfig } from '../../config/resolve.ts';
import type { Config } from '../../config/schema.ts';
import { engineOptions, rayOptions, torchOptions } from '../../config/train-options.ts';
import type { Engine, LoadOptions, Model } from '../../engine/engine.ts';
import type { OnnxEngine, OnnxEngineOptions } from '../../engine/onnx/engine.ts';
import type { PretrainOptions, TextExample } from '../../engine/onnx/pretrain.ts';
import type { createTabularModel } from '../../engine/tabular/model.ts';
import type { TimedModelCall, TorchEngine } from '../../engine/torch/engine.ts';
import { isMixtureFolder } from '../../swap/mixture-folder.ts';
import { type DownloadOptions, modelFolder } from '../hub-models.ts';
import { environmentOf, warnOnce } from '../use-case.ts';
import { locateErrors } from './config-errors.ts';

/** Maximum number of threads per operator. Small models run slower with more. */
const MAX_THREADS = 8;

/** Maximum number of messages that a served mixture decodes concurrently. */
const SERVED_SLOTS = 64;

export interface EngineContext extends DownloadOptions {
  /** Receives the warnings about model files. Default: each of them becomes an event once. */
  readonly onWarning?: LoadOptions['onWarning'];
  /** Called with the start and end time of every call to a model outside of this process. */
  readonly onModelCall?: ((call: TimedModelCall) => void) | undefined;
}

/** @throws ConfigError with the position in the team file */
export async function createEngine(resolved: ResolvedConfig, context: EngineContext): Promise<Engine> {
  return resolved.config.engine.kind === 'onnx'
    ? createEmbeddedEngine(resolved.config)
    : createWorkerEngine(resolved, context);
}

/**
 * Creates the engine that runs models in this process. It also pretrains base models for teams that use
 * another engine.
 */
export async function createEmbeddedEngine(config: Config): Promise<OnnxEngine> {
  const { createOnnxEngine } = await import('../../engine/onnx/engine.ts');
  const { threads, ...options } = embeddedOptions(config);
  return createOnnxEngine({ ...options, threads: threads || defaultThreads() });
}

/** Converts a team file's engine settings to options of the engine in this process. */
export function embeddedOptions(config: Config): OnnxEngineOptions & { readonly threads: number } {
  const { loraRank, loraAlpha, loraTargetModules, loraRslora, activationMib, ...options } =
    engineOptions(config);
  const names = loraTargetModules.split(',').map((name) => name.trim());
  const targetModules = loraTargetModules === 'all-linear' ? ('all-linear' as const) : names;
  const lora = { r: loraRank, alpha: loraAlpha, targetModules, rslora: loraRslora };
  return {
    ...options,
    activationBytes: activationMib * 2 ** 20,
    ...(loraRank === 0 ? {} : { lora }),
  };
}

/**
 * Creates the PyTorch or Ray engine. The access token comes from an environment variable, never from a file.
 */
async function createWorkerEngine(resolved: ResolvedConfig, context: EngineContext): Promise<TorchEngine> {
  const { readChatFiles, readCheckpointTokenizer } = await import('../../engine/text/checkpoint-text.ts');
  const { installedPython } = await import('./workers.ts');
  const { config } = resolved;
  const env = environmentOf(context);
  const token = env.TROUPE_WORKER_TOKEN ?? '';
  const installed = env.TROUPE_PYTHON ?? installedPython(config.engine.kind === 'ray' ? 'ray' : 'worker');
  const common = {
    python: installed ?? 'python3',
    readTokenizer: readCheckpointTokenizer,
    readChatFiles,
    onModelCall: context.onModelCall,
  };
  if (config.engine.kind === 'ray') {
    const { createRayEngine } = await import('../../engine/ray/engine.ts');
    return locateErrors(resolved, ['ray', 'address'], () =>
      createRayEngine({ ...common, token, ...rayOptions(config) }),
    );
  }
  const { createTorchEngine } = await import('../../engine/torch/engine.ts');
  const { address, ...options } = torchOptions(config);
  return locateErrors(resolved, ['torch', 'address'], () =>
    createTorchEngine({
      ...common,
      ...options,
      ...(address === undefined ? {} : { address: { url: address, token } }),
    }),
  );
}

/**
 * Loads a model folder. The folder contains one model of the engine, or a mixture of two models.
 *
 * @param slots - maximum number of messages that a mixture decodes concurrently
 */
export async function loadModelFolder(engine: Engine, slots: number, options: LoadOptions): Promise<Model> {
  if (!isMixtureFolder(options.dir)) return engine.load(options);
  const { loadModel } = await import('../../swap/mixture-engine.ts');
  return loadModel(engine, slots, options);
}

/** Loads the model of an agent that a serve file adds to a team. */
export async function loadServedModel(
  model: string,
  threads: number = defaultThreads(),
  {
    onWarning,
    chatTemplate,
    ...options
  }: Pick<EngineContext, 'onWarning' | keyof DownloadOptions> & Pick<LoadOptions, 'chatTemplate'> = {},
): Promise<Model> {
  const { createOnnxEngine } = await import('../../engine/onnx/engine.ts');
  return loadModelFolder(createOnnxEngine({ threads }), SERVED_SLOTS, {
    dir: await modelFolder(model, options),
    onWarning: onWarning ?? warnOnce(options),
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  });
}

/** Trains a model from scratch on demonstrations. */
export async function pretrainModel(engine: OnnxEngine, options: PretrainOptions): Promise<Model> {
  const { pretrain } = await import('../../engine/onnx/pretrain.ts');
  return pretrain(engine, options);
}

/** Mean cross-entropy loss of a model on demonstrations, nats per token. */
export async function demonstrationLoss(model: Model, examples: readonly TextExample[]): Promise<number> {
  const onnx = await import('../../engine/onnx/pretrain.ts');
  return onnx.demonstrationLoss(model, examples);
}

/**
 * Returns the factory of tabular models. Their gradients and divergences are exact, so claims can be checked
 * exactly.
 */
export async function tabularModels(): Promise<typeof createTabularModel> {
  return (await import('../../engine/tabular/model.ts')).createTabularModel;
}

/** Loads ONNX Runtime and computes one matrix product. @returns the time it took, ms */
export async function checkRuntime(): Promise<number> {
  const onnx = await import('../../engine/onnx/graph/runtime-check.ts');
  return onnx.checkRuntime();
}

/** Loads the tokenizers library and encodes one text. @returns the time it took, ms */
export async function checkTokenizer(): Promise<number> {
  const text = await import('../../engine/text/tokenizer-check.ts');
  return text.checkTokenizer();
}

function defaultThreads(): number {
  return Math.min(availableParallelism(), MAX_THREADS);
}
