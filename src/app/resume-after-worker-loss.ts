/**
 * Resumes a run after its models were lost because a worker, a Ray actor or a node died. The run continues
 * from its last checkpoint with the code of `troupe train --resume`, so it ends with the same files as a run
 * without a loss. Checkpoints survive, because they are on the machine that trains; model states in workers'
 * memory do not.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listCheckpoints } from '../store/checkpoint-folder.ts';
import { CHECKPOINTS, CONFIG_FILE } from '../store/layout.ts';
import { EngineError } from '../support/errors.ts';

/** Number of consecutive losses without a new checkpoint after which the run fails. */
const MAX_LOSSES = 3;
/** End of an engine's error message, which is removed because the run resumes automatically. */
const ADVICE = '; a run that was training is saved, resume it';
/** Pause before the next attempt, in which a cluster detects its lost workers, ms. */
const PAUSE_MS = 1_000;

export interface ResumeAfterWorkerLossOptions<T> {
  /** Starts the run, or resumes it from its folder. */
  readonly attempt: (resume: boolean) => Promise<T>;
  /** Called with a one-line message for every loss. */
  readonly onLoss: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly pauseMs?: number;
}

/**
 * Repeats attempts until one succeeds.
 *
 * @param run - run folder; may not exist yet
 * @param resume - whether the first attempt resumes the run
 * @returns the result of the successful attempt
 * @throws the error of an attempt: at once if it is not retryable, else after {@link MAX_LOSSES} losses
 *   without a new checkpoint
 */
export async function resumingAfterWorkerLoss<T>(
  run: string,
  resume: boolean,
  { attempt, onLoss, signal, pauseMs = PAUSE_MS }: ResumeAfterWorkerLossOptions<T>,
): Promise<T> {
  let isResuming = resume;
  let reached = lastStage(run);
  for (let losses = 1; ; losses++) {
    try {
      return await attempt(isResuming);
    } catch (error) {
      if (!(error instanceof EngineError && error.retryable)) throw error;
      const stage = lastStage(run);
      if (stage !== reached) losses = 1;
      if (losses >= MAX_LOSSES) throw error;
      reached = stage;
      isResuming ||= existsSync(join(run, CONFIG_FILE));
      const from = stage === undefined ? 'starting again' : `going on from stage ${stage}`;
      onLoss(`${error.message.replace(ADVICE, '')}; ${from}`);
      await sleep(pauseMs, undefined, signal && { signal });
    }
  }
}

/** Returns the stage of the newest checkpoint; undefined if there is none. */
function lastStage(run: string): number | undefined {
  const folder = join(run, CHECKPOINTS);
  return existsSync(folder) ? listCheckpoints(folder).at(-1) : undefined;
}
