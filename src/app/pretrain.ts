/**
 * Pretrains the base models that a team file names and that do not exist yet. A folder is renamed into place when its
 * model is finished, so an interrupted pretraining leaves no folder.
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Override } from '../config/overrides.ts';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { TeamFile } from '../config/schema.ts';
import { randomStream } from '../core/rng.ts';
import type { OnnxEngine } from '../engine/onnx/engine.ts';
import type { PretrainProgress, TextExample } from '../engine/onnx/pretrain.ts';
import { camelCased } from '../schema/camel-case.ts';
import { isHubReference } from '../support/model-reference.ts';
import type { Split, Task } from '../task/task.ts';
import { createEmbeddedEngine, demonstrationLoss, pretrainModel } from './compose/engine.ts';
import { composeEpisodes } from './compose/task.ts';
import { resolveTeam } from './find-team.ts';
import type { UseCaseOptions } from './use-case.ts';

/** Key of demonstration streams after the seed; key 0 is that of the initial weights. */
const DEMONSTRATIONS = 1;

/** Demonstrations on which the finished model is evaluated. */
const UNSEEN = 256;
/** Index of the first one in a split without an end: beyond the prompts of any run. */
const FIRST_UNSEEN = 1_000_000;

/** A base model is saved without its optimizer, because training creates its own. */
const OPTIMIZER_FILE = 'optimizer.safetensors';

export type PretrainEvent =
  | { readonly kind: 'pretrain_started'; readonly folder: string }
  | {
      readonly kind: 'pretrain_step';
      readonly folder: string;
      readonly step: number;
      readonly steps: number;
      /** Mean over the tokens of the step, nats. */
      readonly loss: number;
      readonly elapsedMs: number;
    }
  | ({ readonly kind: 'pretrain_finished' } & PretrainedModel);

export interface PretrainedModel {
  readonly folder: string;
  readonly parameters: number;
  readonly steps: number;
  /** Loss of the last step, nats per token. */
  readonly loss: number;
  /** Loss on demonstrations of the validation split, nats per token; absent if the split has none. */
  readonly unseenLoss?: number;
}

export interface PretrainRequest extends UseCaseOptions<PretrainEvent> {
  /** Path of a team file, or its keys and values. */
  readonly config: string | TeamFile;
  readonly overrides?: readonly Override[];
  /** Pretrain models that exist already, too. */
  readonly force?: boolean | undefined;
}

/**
 * Pretrains the missing base models. The k-th distinct folder of the team file gets the seed `pretrain.seed` + k, so a
 * model does not depend on which others exist.
 *
 * @returns the models that were pretrained
 * @throws ConfigError if the task has no demonstrations
 */
export async function pretrain(request: PretrainRequest): Promise<PretrainedModel[]> {
  const resolved = resolveTeam(request.config, request.overrides);
  const { config } = resolved;
  const { task } = await composeEpisodes(resolved, { env: request.env });
  const folders = [...new Set(config.agents.map(({ model }) => model))];
  const missing = folders.filter(
    (folder) => !isHubReference(folder) && (request.force || !existsSync(join(folder, 'config.json'))),
  );
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

/** Saves into a temporary folder and renames it into place. */
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

/** Demonstrations of the validation split, which pretraining does not use. */
function unseenDemonstrations(task: Task, seed: number): TextExample[] {
  const size = task.size('validation');
  const first = size === undefined ? FIRST_UNSEEN : 0;
  return Array.from({ length: Math.min(UNSEEN, size ?? UNSEEN) }, (_, k) =>
    demonstration(task, 'validation', { index: first + k, seed }),
  );
}

/** Demonstration number `index`; a finite split repeats in order. */
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
