/**
 * `troupe plan --gpu`: what a run will take on graphics cards that are not here, from data sheets and stated
 * assumptions instead of a calibration.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import type { MachineRates, Plan } from '../plan/cost.ts';
import {
  GPUS,
  type Gpu,
  type GpuAssumptions,
  type GpuModel,
  type GpuUse,
  gpuBytes,
  gpuRates,
} from '../plan/gpu.ts';
import { duration } from '../report/format.ts';
import { ConfigError } from '../support/errors.ts';
import { isHubReference, parseHubReference } from '../support/model-reference.ts';
import { nearestName } from '../support/nearest.ts';
import { modelShape, wholeModelFolder } from './compose.ts';
import { modelFolder } from './hub-models.ts';

export interface GpuPlanRequest {
  /** Name of a card. */
  readonly gpu: string;
  /** Folder with NAME/config.json of models that need not be here. */
  readonly shapes?: string | undefined;
  readonly promptTokens?: number | undefined;
  readonly messageTokens?: number | undefined;
  readonly computeShare?: number | undefined;
  readonly bandwidthShare?: number | undefined;
}

export interface GpuPlanning {
  readonly rates: MachineRates;
  readonly models: readonly GpuModel[];
  /** Rows of the plan that only cards have. */
  readonly rows: (plan: Plan) => readonly (readonly [string, string])[];
}

/** Half of what cards reach in well-kept training code; see docs/plan.md. */
const COMPUTE_SHARE = 0.3;
const BANDWIDTH_SHARE = 0.3;
const PROMPT_TOKENS = 256;
const ACTIVE_SHARE = 0.5;
const GIB = 2 ** 30;

/** @throws ConfigError for an unknown card or a model without a shape */
export async function planGpu({ config }: ResolvedConfig, request: GpuPlanRequest): Promise<GpuPlanning> {
  const gpu = cardCalled(request.gpu);
  const models: GpuModel[] = [];
  for (const { model } of config.agents)
    models.push(modelShape(await shapeFolder(model, request.shapes), config));
  const assume: GpuAssumptions = {
    computeShare: request.computeShare ?? COMPUTE_SHARE,
    bandwidthShare: request.bandwidthShare ?? BANDWIDTH_SHARE,
    promptTokens: request.promptTokens ?? PROMPT_TOKENS,
    messageTokens: request.messageTokens ?? Math.ceil(config.train.max_completion_length / 2),
    activeShare: ACTIVE_SHARE,
  };
  const use = useOf(config);
  const rates = gpuRates(gpu, models, { assume, use });
  return {
    rates,
    models,
    rows: ({ seconds }) => [
      ['GPU-hours', gpuHours(seconds, use)],
      [
        'memory per GPU',
        memory(gpuBytes(models, use, rates.sequenceTokens), gpu, { name: request.gpu, use }),
      ],
      [
        'assumed',
        `${request.gpu} at ${percent(assume.computeShare)} of its peak and ${percent(assume.bandwidthShare)} of its bandwidth, prompts of ${assume.promptTokens} and messages of ${assume.messageTokens} tokens, ${percent(assume.activeShare)} of groups with different rewards; not measured`,
      ],
      ['a benchmark', benchmark(rates)],
    ],
  };
}

function cardCalled(name: string): Gpu {
  const gpu = GPUS[name];
  if (gpu) return gpu;
  const near = nearestName(name, Object.keys(GPUS));
  throw new ConfigError(
    `plan --gpu: expected one of ${Object.keys(GPUS).join(', ')}, got ${name}${near === undefined ? '' : `; did you mean "${near}"?`}`,
  );
}

/** Where a model's config.json is: among the shapes, or with the model. */
async function shapeFolder(model: string, shapes: string | undefined): Promise<string> {
  const name = isHubReference(model) ? parseHubReference(model).repo.split('/').at(-1)! : model;
  if (shapes !== undefined && existsSync(join(shapes, name, 'config.json'))) return join(shapes, name);
  return wholeModelFolder(await modelFolder(model));
}

function useOf({ agents, engine, torch, ray }: Config): GpuUse {
  const dtype = engine.kind === 'ray' ? ray?.dtype : torch?.dtype;
  return {
    agents: agents.length,
    gpusPerAgent: engine.kind === 'ray' ? ray?.gpus_per_agent || 1 : 1,
    decodeBatch: engine.decode_batch,
    weightBytes: dtype === 'bfloat16' ? 2 : 4,
  };
}

function gpuHours({ least, most }: Plan['seconds'], { agents, gpusPerAgent }: GpuUse): string {
  const cards = agents * gpusPerAgent;
  const hours = (value: number): string => ((cards * value) / 3600).toPrecision(3);
  return `${hours(least)} to ${hours(most)}: ${cards} ${cards === 1 ? 'card' : 'cards'} for ${duration(1000 * least)} to ${duration(1000 * most)}`;
}

function memory(
  bytes: number,
  gpu: Gpu,
  { name, use }: { readonly name: string; readonly use: GpuUse },
): string {
  const cards = Math.min(1, use.gpusPerAgent);
  const share = gpu.memoryBytes * cards;
  const gib = (value: number): string => (value / GIB).toFixed(0);
  const need = `${gib(bytes)} GiB and activations of ${gib(share)}`;
  if (bytes <= share) return need;
  const larger = Object.entries(GPUS).find(([, { memoryBytes }]) => memoryBytes * cards >= bytes);
  const advice = larger === undefined ? 'no card listed here holds it' : `${larger[0]} would hold it`;
  return `${need}: ${gib(bytes - share)} GiB too little on ${name}; ${advice}, more cards share an agent (ray.gpus_per_agent), and adapters (engine.lora_rank) need a fraction`;
}

/** So that evaluations can be added up by hand. */
function benchmark({ sampleMessage }: MachineRates): string {
  return `${sampleMessage.toPrecision(3)} s a message of the team: prompts x k x agents of them`;
}

function percent(share: number): string {
  return `${Math.round(100 * share)}%`;
}
