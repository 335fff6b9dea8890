/**
 * Pretrains the base models that a team file names and that do not exist yet. A finished model is written to
 * a temporary folder and renamed, so an interrupted pretraining leaves no folder.
 * @module
 */
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Override } from '../config/overrides.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { TeamFile } from '../config/schema.ts';
import { randomStream } from '../core/rng.ts';
import type { OnnxEngine } from '../engine/onnx/engine.ts';
import type { PretrainProgress, TextExample } from '../engine/onnx/pretrain.ts';
import { isGgufModel, modelExists, requireModel } from '../gguf/model-path.ts';
import { camelCased } from '../schema/camel-case.ts';
import { isHubReference } from '../support/model-reference.ts';
import type { Split, Task } from '../task/task.ts';
import { createEmbeddedEngine, demonstrationLoss, pretrainModel } from './compose/engine.ts';
import { composeEpisodes } from './compose/task.ts';
import { resolveTeam } from './find-team.ts';
import type { UseCaseOptions } from './use-case.ts';

/**
 * Second key of the random streams of demonstrations, after the seed. Key 0 is used for the initial weights.
 */
const DEMONSTRATIONS = 1;

/** Number of demonstrations for the loss on the validation split. */
const UNSEEN = 256;
/**
 * Index of the first demonstration for the loss on the validation split, if the split is generated and has no
 * end. No run uses prompts with so large an index.
 */
const FIRST_UNSEEN = 1_000_000;

/** Optimizer state of a base model. It is deleted, because training creates its own. */
const OPTIMIZER_FILE = 'optimizer.safetensors';

export type PretrainEvent =
  | { readonly kind: 'pretrain_started'; readonly folder: string }
  | {
      readonly kind: 'pretrain_step';
      readonly folder: string;
      readonly step: number;
      readonly steps: number;
      /** Mean loss over the tokens of the step, nats per token. */
      readonly loss: number;
      readonly elapsedMs: number;
    }
  | ({ readonly kind: 'pretrain_finished' } & PretrainedModel);

export interface PretrainedModel {
  readonly folder: string;
  readonly parameters: number;
  readonly steps: number;
  /** Training loss of the last step, nats per token. */
  readonly loss: number;
  /** Loss on demonstrations of the validation split, nats per token; absent if the split has none. */
  readonly unseenLoss?: number;
}

export interface PretrainRequest extends UseCaseOptions<PretrainEvent> {
  /** Path of a team file, or a team file as an object. */
  readonly config: string | TeamFile;
  readonly overrides?: readonly Override[];
  /** Whether to pretrain existing models again. */
  readonly force?: boolean | undefined;
}

/**
 * Pretrains the missing base models. The k-th distinct model folder of the team file gets the seed
 * `pretrain.seed` + k, so a model does not depend on which other models already exist.
 *
 * @returns the models that were pretrained
 * @throws ConfigError if the task has no demonstrations
 */
export async function pretrain(request: PretrainRequest): Promise<PretrainedModel[]> {
  const resolved = resolveTeam(request.config, request.overrides);
  const { config } = resolved;
  const { task } = await composeEpisodes(resolved, { env: request.env });
  const folders = [...new Set(config.agents.map(({ model }) => model))];
  for (const model of folders.filter(isGgufModel)) if (!isHubReference(model)) requireModel(model);
  // GGUF files are only read
  const trainable = folders.filter((folder) => !isHubReference(folder) && !isGgufModel(folder));
  const missing = trainable.filter((folder) => request.force || !modelExists(folder));
  if (missing.length === 0) return [];
  requireDemonstrations(resolved, task);
  const engine = await createEmbeddedEngine(config);
  const made: PretrainedModel[] = [];
  try {
    for (const folder of missing) {
      const seed = config.pretrain.seed + folders.indexOf(folder);
      made.push(await pretrainFolder({ resolved, task, engine }, { folder, seed }, request));
    }
  } finally {
    await engine.close();
  }
  return made;
}

interface Parts {
  readonly resolved: ResolvedConfig;
  readonly task: Task;
  readonly engine: OnnxEngine;
}

async function pretrainFolder(
  { resolved, task, engine }: Parts,
  { folder, seed }: { readonly folder: string; readonly seed: number },
  { signal, onEvent }: PretrainRequest,
): Promise<PretrainedModel> {
  onEvent?.({ kind: 'pretrain_started', folder });
  const { layers, hiddenSize, heads, kvHeads, intermediateSize, maxPositions, ...options } = camelCased(
    resolved.config.pretrain,
  );
  const headDim = hiddenSize / heads;
  const startedMs = performance.now();
  let last: PretrainProgress = { step: 0, steps: 0, loss: Number.NaN, tokens: 0 };
  const model = await pretrainModel(engine, {
    ...options,
    shape: { layers, hiddenSize, heads, kvHeads, headDim, intermediateSize, maxPositions },
    seed,
    alphabet: task.alphabet ?? '', // requireDemonstrations saw one
    example: (index) => demonstration(task, 'train', { index, seed }),
    ...(signal && { signal }),
    onStep: (progress) => {
      last = progress;
      const { step, steps, loss } = progress;
      const elapsedMs = performance.now() - startedMs;
      onEvent?.({ kind: 'pretrain_step', folder, step, steps, loss, elapsedMs });
    },
  });
  await saveComplete(folder, (dir) => model.save(dir));
  const unseen = unseenDemonstrations(task, seed);
  const result: PretrainedModel = {
    folder,
    parameters: model.parameterCount,
    steps: last.steps,
    loss: last.loss,
    ...(unseen.length > 0 && { unseenLoss: await demonstrationLoss(model, unseen) }),
  };
  await model.close();
  onEvent?.({ kind: 'pretrain_finished', ...result });
  return result;
}

/** Saves a model to a temporary folder and renames it to its final name. */
async function saveComplete(folder: string, save: (dir: string) => Promise<void>): Promise<void> {
  const temporary = `${folder}.tmp-${process.pid}`;
  mkdirSync(dirname(folder), { recursive: true });
  try {
    await save(temporary);
    rmSync(join(temporary, OPTIMIZER_FILE), { force: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(temporary, folder);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
}

/** Returns demonstrations of the validation split. Pretraining uses only the train split. */
function unseenDemonstrations(task: Task, seed: number): TextExample[] {
  const size = task.size('validation');
  const first = size === undefined ? FIRST_UNSEEN : 0;
  return Array.from({ length: Math.min(UNSEEN, size ?? UNSEEN) }, (_, k) =>
    demonstration(task, 'validation', { index: first + k, seed }),
  );
}

/**
 * Returns the demonstration at `index`. In a finite split, indices beyond the end start again at the
 * beginning.
 */
function demonstration(
  task: Task,
  split: Split,
  { index, seed }: { readonly index: number; readonly seed: number },
): TextExample {
  const size = task.size(split);
  const item = task.item(split, size === undefined ? index : index % size);
  const { messages, observations } = task.demonstrate!(item, randomStream(seed, DEMONSTRATIONS, index));
  return { prompt: item.prompt, messages, ...(observations && { replies: observations }) };
}

function requireDemonstrations(resolved: ResolvedConfig, task: Task): void {
  if (task.demonstrate !== undefined && task.alphabet !== undefined) return;
  throw resolved.problem([
    {
      path: ['task', 'name'],
      message: `expected a task with demonstrations to pretrain on, and "${task.name}" has none; name models that exist`,
    },
  ]);
}
