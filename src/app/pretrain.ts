/**
 * Base models from scratch: one per model folder that a team file names and that is not there yet. A
 * folder appears when its model is finished, so an interrupted one leaves nothing behind.
 * @module
 */
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { camelCased } from '../config/camel-case.ts';
import { randomStream } from '../core/rng.ts';
import { createProgressLine, progressText } from '../observe/progress-line.ts';
import { isHubReference } from '../support/model-reference.ts';
import type { Split, Task } from '../task/task.ts';
import type { Composition } from './compose.ts';
import { demonstrationLoss, type PretrainProgress, pretrain, type TextExample } from './compose-models.ts';

/** Key of demonstration streams after the seed; 0 names the initial weights. */
const DEMONSTRATIONS = 1;

/** Problems whose demonstrations the finished model is asked to foretell. */
const UNSEEN = 256;
/** Where they begin in a split that never ends: beyond what any run is tested on. */
const FIRST_UNSEEN = 1_000_000;

/** Training starts with an optimiser of its own, so a base model is shipped without one. */
const OPTIMIZER_FILE = 'optimizer.safetensors';

export interface PretrainRequest {
  readonly signal: AbortSignal;
  /** Make models anew that are there already. */
  readonly force: boolean;
}

/**
 * Makes the base models that are missing. The k-th folder of the team file (equal ones counted once) is
 * trained with seed `pretrain.seed` + k, so which ones were missing changes nothing.
 *
 * @returns the folders that were made
 * @throws ConfigError if the task has no demonstrations
 */
export async function prepareModels(
  composition: Composition,
  { signal, force }: PretrainRequest,
): Promise<string[]> {
  const folders = [...new Set(composition.config.agents.map(({ model }) => model))];
  const own = folders.filter((folder) => !isHubReference(folder));
  const wanted = own.filter((folder) => force || !existsSync(join(folder, 'config.json')));
  if (wanted.length > 0) requireDemonstrations(composition);
  for (const folder of wanted) {
    const seed = composition.config.pretrain.seed + folders.indexOf(folder);
    await makeModel(composition, folder, { seed, signal });
  }
  return wanted;
}

async function makeModel(
  { config, embedded, task }: Composition,
  folder: string,
  { seed, signal }: { readonly seed: number; readonly signal: AbortSignal },
): Promise<void> {
  const { layers, hiddenSize, heads, kvHeads, intermediateSize, maxPositions, ...options } = camelCased(
    config.pretrain,
  );
  const shape = {
    layers,
    hiddenSize,
    heads,
    kvHeads,
    headDim: hiddenSize / heads,
    intermediateSize,
    maxPositions,
  };
  const name = relative(process.cwd(), folder);
  const line = createProgressLine({ stream: process.stdout });
  const startedMs = performance.now();
  let last: PretrainProgress | undefined;
  try {
    const model = await pretrain(embedded, {
      ...options,
      shape,
      seed,
      alphabet: task.alphabet ?? '', // requireDemonstrations saw one
      example: (index) => demonstration(task, 'train', { index, seed }),
      signal,
      onStep: (progress) => {
        last = progress;
        const { step: done, steps: total, loss } = progress;
        const elapsedMs = performance.now() - startedMs;
        line.update(
          `${progressText(`pretrain ${name}`, { done, total, elapsedMs })} · loss ${loss.toFixed(3)}`,
        );
      },
    });
    await saveWhole(folder, (dir) => model.save(dir));
    const size = `${(model.parameterCount / 1e6).toFixed(2)}M parameters`;
    const unseen = unseenDemonstrations(task, seed);
    const onUnseen =
      unseen.length > 0 ? `, ${(await demonstrationLoss(model, unseen)).toFixed(3)} on unseen problems` : '';
    await model.close();
    line.note(
      `pretrained ${name}: ${size}, loss ${last?.loss.toFixed(3)} after ${last?.steps} steps${onUnseen}`,
    );
  } finally {
    line.close();
  }
}

/** Renames the finished folder into place. */
async function saveWhole(folder: string, save: (dir: string) => Promise<void>): Promise<void> {
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

/** Demonstrations of the `test` split, which no step learned from. */
function unseenDemonstrations(task: Task, seed: number): TextExample[] {
  const size = task.size('validation');
  const first = size === undefined ? FIRST_UNSEEN : 0;
  return Array.from({ length: Math.min(UNSEEN, size ?? UNSEEN) }, (_, k) =>
    demonstration(task, 'validation', { index: first + k, seed }),
  );
}

/** Demonstration number `index`: a split in order, round and round when it is finite. */
function demonstration(
  task: Task,
  split: Split,
  { index, seed }: { readonly index: number; readonly seed: number },
): TextExample {
  const size = task.size(split);
  const item = task.item(split, size === undefined ? index : index % size);
  return { prompt: item.prompt, ...task.demonstrate!(item, randomStream(seed, DEMONSTRATIONS, index)) };
}

function requireDemonstrations({ resolved, task }: Composition): void {
  if (task.demonstrate !== undefined && task.alphabet !== undefined) return;
  throw resolved.problem([
    {
      path: ['task', 'name'],
      message: `expected a task with demonstrations to pretrain on, and "${task.name}" has none; name models that exist`,
    },
  ]);
}
