/**
 * Resumes a run whose models were lost because an actor, a node or a worker died. The work since the last checkpoint
 * is dropped and repeated by the code of `troupe train --resume`, so the run ends with the same bytes as one without a
 * loss. Snapshots are lost with the models; checkpoints are on this machine.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listCheckpoints } from '../store/checkpoint-folder.ts';
import { CHECKPOINTS, CONFIG_FILE } from '../store/layout.ts';
import { EngineError } from '../support/errors.ts';

/** Losses without a new checkpoint after which the run fails. */
const MAX_LOSSES = 3;
/** End of an engine's message for users who resume by hand. */
const ADVICE = '; a run that was training is saved, resume it';
/** Time for a cluster to notice its losses, ms. */
const PAUSE_MS = 1_000;

export interface ResumeAfterWorkerLossOptions<T> {
  /** Starts the run, or resumes the one in its folder. */
  readonly attempt: (resume: boolean) => Promise<T>;
  /** Receives one line per loss. */
  readonly onLoss: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly pauseMs?: number;
}

/**
 * @param run - run folder; may be missing
 * @param resume - whether the first attempt resumes
 * @returns the result of the attempt that succeeds
 * @throws the error of an attempt: at once if it is not retryable, else after {@link MAX_LOSSES} without a new checkpoint
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

/** Stage of the newest checkpoint. */
function lastStage(run: string): number | undefined {
  const folder = join(run, CHECKPOINTS);
  return existsSync(folder) ? listCheckpoints(folder).at(-1) : undefined;
}
