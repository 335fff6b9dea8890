/**
 * Plans a run on GPUs that this machine does not have. The rates come from data sheets and stated assumptions
 * instead of a measurement.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import {
  GPUS,
  type Gpu,
  type GpuAssumptions,
  type GpuModel,
  type GpuPlan,
  type GpuUse,
  gpuBytes,
  gpuRates,
} from '../plan/gpu.ts';
import type { MachineRates } from '../plan/rates.ts';
import { ConfigError } from '../support/errors.ts';
import { isHubReference, parseHubReference } from '../support/model-reference.ts';
import { nearestName } from '../support/nearest.ts';
import { modelShape, wholeModelFolder } from './compose/model-size.ts';
import { type DownloadOptions, modelFolder } from './hub-models.ts';

export interface GpuPlanRequest {
  /** Name of a GPU: `h100`. */
  readonly gpu: string;
  /** Folder with a file NAME/config.json for each model that is not on this machine. */
  readonly shapes?: string | undefined;
  /** Mean length of a prompt, tokens. */
  readonly promptTokens?: number | undefined;
  /** Mean length of a message, tokens. */
  readonly messageTokens?: number | undefined;
  /** Assumed share of the peak compute rate that training reaches, 0..1. */
  readonly computeShare?: number | undefined;
  /** Assumed share of the memory bandwidth that sampling reaches, 0..1. */
  readonly bandwidthShare?: number | undefined;
}

/** Default shares: about half of what well-tuned training code reaches; see docs/plan.md. */
const COMPUTE_SHARE = 0.3;
const BANDWIDTH_SHARE = 0.3;
const PROMPT_TOKENS = 256;
const ACTIVE_SHARE = 0.5;

/** @throws ConfigError if the GPU is unknown, or a model has no config.json */
export async function planGpu(
  config: Config,
  request: GpuPlanRequest,
  options: DownloadOptions = {},
): Promise<{ readonly models: readonly GpuModel[]; readonly machine: MachineRates; readonly gpu: GpuPlan }> {
  const gpu = findGpu(request.gpu);
  const models: GpuModel[] = [];
  for (const { model } of config.agents)
    models.push(modelShape(await shapeFolder(model, request.shapes, options), config));
  const assumptions: GpuAssumptions = {
    computeShare: request.computeShare ?? COMPUTE_SHARE,
    bandwidthShare: request.bandwidthShare ?? BANDWIDTH_SHARE,
    promptTokens: request.promptTokens ?? PROMPT_TOKENS,
    messageTokens: request.messageTokens ?? Math.ceil(config.train.max_completion_length / 2),
    activeShare: ACTIVE_SHARE,
  };
  const use = gpuUse(config);
  const machine = gpuRates(gpu, models, { assume: assumptions, use });
  const memoryBytes = gpuBytes(models, use, assumptions.promptTokens + assumptions.messageTokens);
  return { models, machine, gpu: { name: request.gpu, gpu, assumptions, use, memoryBytes } };
}

function findGpu(name: string): Gpu {
  const gpu = GPUS[name];
  if (gpu) return gpu;
  const near = nearestName(name, Object.keys(GPUS));
  throw new ConfigError(
    `plan --gpu: expected one of ${Object.keys(GPUS).join(', ')}, got ${name}${near === undefined ? '' : `; did you mean "${near}"?`}`,
  );
}

/**
 * Returns the folder with a model's config.json: in `shapes` if the model is there, else the model's own
 * folder.
 */
async function shapeFolder(
  model: string,
  shapes: string | undefined,
  options: DownloadOptions,
): Promise<string> {
  const name = isHubReference(model) ? parseHubReference(model).repo.split('/').at(-1)! : model;
  if (shapes !== undefined && existsSync(join(shapes, name, 'config.json'))) return join(shapes, name);
  return wholeModelFolder(await modelFolder(model, options));
}

function gpuUse({ agents, engine, torch, ray }: Config): GpuUse {
  const dtype = engine.kind === 'ray' ? ray?.dtype : torch?.dtype;
  return {
    agents: agents.length,
    gpusPerAgent: engine.kind === 'ray' ? ray?.gpus_per_agent || 1 : 1,
    decodeBatch: engine.decode_batch,
    weightBytes: dtype === 'bfloat16' ? 2 : 4,
  };
}
