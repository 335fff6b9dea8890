/**
 * Creates the engine that a team file names. Each engine is imported on demand, so that a run loads its own alone.
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
import { environmentOf } from '../use-case.ts';
import { locateErrors } from './config-errors.ts';

/** With more threads per operator, small models run slower. */
const MAX_THREADS = 8;

/** Messages that a mixture decodes together while it is served. */
const SERVED_SLOTS = 64;

export interface EngineContext extends DownloadOptions {
  /** Receives the start and end of every call to a model outside of this process. */
  readonly onWork?: ((call: TimedModelCall) => void) | undefined;
}

/** @throws ConfigError with the place in the team file */
export async function createEngine(resolved: ResolvedConfig, context: EngineContext): Promise<Engine> {
  return resolved.config.engine.kind === 'onnx'
    ? createEmbeddedEngine(resolved.config)
    : createWorkerEngine(resolved, context);
}

/** The engine inside this process; it also pretrains base models for the other engines. */
export async function createEmbeddedEngine(config: Config): Promise<OnnxEngine> {
  const { createOnnxEngine } = await import('../../engine/onnx/engine.ts');
  const { threads, ...options } = embeddedOptions(config);
  return createOnnxEngine({ ...options, threads: threads || defaultThreads() });
}

/** Options of the embedded engine in a team file. */
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

/** The engines on PyTorch. Their token comes from the environment, never from a file. */
async function createWorkerEngine(resolved: ResolvedConfig, context: EngineContext): Promise<TorchEngine> {
  const { readCheckpointTokenizer } = await import('../../engine/text/checkpoint-text.ts');
  const { installedPython } = await import('./workers.ts');
  const { config } = resolved;
  const env = environmentOf(context);
  const token = env.TROUPE_WORKER_TOKEN ?? '';
  const installed = env.TROUPE_PYTHON ?? installedPython(config.engine.kind === 'ray' ? 'ray' : 'worker');
  const common = {
    python: installed ?? 'python3',
    readTokenizer: readCheckpointTokenizer,
    onWork: context.onWork,
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
 * Loads a model folder: a mixture of two models, or one model of the engine.
 *
 * @param slots - messages that a mixture decodes together
 */
export async function loadModelFolder(engine: Engine, slots: number, options: LoadOptions): Promise<Model> {
  if (!isMixtureFolder(options.dir)) return engine.load(options);
  const { loadModel } = await import('../../swap/mixture-engine.ts');
  return loadModel(engine, slots, options);
}

/** Loads a model that is served beside those of a team file. */
export async function loadServedModel(
  model: string,
  threads: number = defaultThreads(),
  options: DownloadOptions = {},
): Promise<Model> {
  const { createOnnxEngine } = await import('../../engine/onnx/engine.ts');
  return loadModelFolder(createOnnxEngine({ threads }), SERVED_SLOTS, {
    dir: await modelFolder(model, options),
  });
}

/** Trains a model from scratch on demonstrations. */
export async function pretrainModel(engine: OnnxEngine, options: PretrainOptions): Promise<Model> {
  const { pretrain } = await import('../../engine/onnx/pretrain.ts');
  return pretrain(engine, options);
}

/** Mean loss of a model on demonstrations, nats per token. */
export async function demonstrationLoss(model: Model, examples: readonly TextExample[]): Promise<number> {
  const onnx = await import('../../engine/onnx/pretrain.ts');
  return onnx.demonstrationLoss(model, examples);
}

/** The factory of tabular models, on which claims about the algorithm are exact. */
export async function tabularModels(): Promise<typeof createTabularModel> {
  return (await import('../../engine/tabular/model.ts')).createTabularModel;
}

/** Loads ONNX Runtime and computes one product. @returns its time, ms */
export async function checkRuntime(): Promise<number> {
  const onnx = await import('../../engine/onnx/graph/runtime-check.ts');
  return onnx.checkRuntime();
}

function defaultThreads(): number {
  return Math.min(availableParallelism(), MAX_THREADS);
}
