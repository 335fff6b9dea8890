/**
 * Trains a team: starts from a team file, or resumes a run from its last checkpoint. Writes a run folder with
 * checkpoints and a report. All checks that are possible before training run before the first write.
 * @module
 */
import { join } from 'node:path';
import { requireSameRun } from '../config/continuation.ts';
import type { Override } from '../config/overrides.ts';
import { type ResolvedConfig, resolveRunConfig } from '../config/resolve.ts';
import type { TeamFile } from '../config/schema.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { readRunConfig } from '../store/read-run.ts';
import { resolveTeam } from './find-team.ts';
import type { LiveViewOptions } from './live-views.ts';
import { resumingAfterWorkerLoss } from './resume-after-worker-loss.ts';
import { freeRunFolder } from './run-folder-name.ts';
import { trainAttempt } from './training-attempt.ts';
import { type TrainingEvent, type TrainingResult, TrainingRun } from './training-run.ts';
import type { UseCaseOptions } from './use-case.ts';

export type TrainRequest = (NewRun | ResumedRun) &
  LiveViewOptions &
  UseCaseOptions<TrainingEvent> & {
    /** Values that override fields of the team file. */
    readonly overrides?: readonly Override[];
  };

export interface NewRun {
  /** Path of a team file, or a team file as an object. */
  readonly config: string | TeamFile;
  /** Run folder to create. Default: `runs/NAME-1`, `runs/NAME-2`, ... */
  readonly run?: string | undefined;
}

export interface ResumedRun {
  /** Run folder. Training resumes from its newest complete checkpoint. */
  readonly resume: string;
}

/**
 * Starts training immediately. If training fails, `result` rejects with a TroupeError; an existing run folder
 * is then unchanged or can be resumed.
 *
 * @example
 * const { checkpoint } = await train({ config: { base: 'models/base', agents: 3, task: { name: 'arithmetic' } } }).result;
 */
export function train(request: TrainRequest): TrainingRun {
  return new TrainingRun((queue) =>
    runTraining(request, (event) => {
      request.onEvent?.(event);
      queue(event);
    }),
  );
}

async function runTraining(
  request: TrainRequest,
  onEvent: (event: TrainingEvent) => void,
): Promise<TrainingResult> {
  const startViews = await liveViews(request, onEvent);
  const { resolved, run, resume } = resolveRun(request);
  // started once: the views continue to run if an attempt fails because a worker was lost
  let stopViews: (() => Promise<void>) | undefined;
  try {
    return await resumingAfterWorkerLoss(run, resume, {
      attempt: (resumesNow) =>
        trainAttempt({
          ...{ resolved, run, resume: resumesNow, onEvent, signal: request.signal, env: request.env },
          onOpen: async (dir) => {
            stopViews ??= await startViews?.(dir);
          },
        }),
      onLoss: (message) => onEvent({ kind: 'worker_lost', message }),
      signal: request.signal,
    });
  } finally {
    await stopViews?.();
  }
}

async function liveViews(request: LiveViewOptions, onEvent: (event: TrainingEvent) => void) {
  if (request.dashboardPort === undefined && request.tensorboard === undefined) return undefined;
  const { prepareLiveViews } = await import('./live-views.ts');
  return prepareLiveViews(request, onEvent);
}

interface RequestedRun {
  readonly resolved: ResolvedConfig;
  readonly run: string;
  readonly resume: boolean;
}

/**
 * @throws ConfigError if the team file cannot be used, or overrides change a fixed setting of a resumed run
 */
function resolveRun(request: TrainRequest): RequestedRun {
  const { overrides = [] } = request;
  if ('config' in request) {
    const resolved = resolveTeam(request.config, overrides);
    return { resolved, run: request.run ?? freeRunFolder(resolved.config.name), resume: false };
  }
  const { resume: run } = request;
  readRunConfig(run); // called first, because it throws if the folder is not a run folder
  const path = join(run, CONFIG_FILE);
  const resolved = resolveRunConfig(path, overrides);
  if (overrides.length > 0) requireSameRun(resolveRunConfig(path).config, resolved);
  return { resolved, run, resume: true };
}
