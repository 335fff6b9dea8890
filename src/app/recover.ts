/**
 * Goes on with a run whose models were lost: an actor, a node or a worker died. What was under way is dropped and the
 * run is resumed from its last checkpoint, by the same code as `troupe train --resume`, so that it ends with the same
 * bytes as one that lost nothing. Snapshots live with the models and die with them; checkpoints are on this machine.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listCheckpoints } from '../store/checkpoint-folder.ts';
import { CHECKPOINTS, CONFIG_FILE } from '../store/layout.ts';
import { EngineError } from '../support/errors.ts';

/** Losses after which a run that gets nowhere gives up. */
const MOST_LOSSES = 3;
/** What an engine says to whoever has to resume by hand. */
const ADVICE = '; a run that was training is saved, resume it';
/** What a cluster is given to notice what it lost. */
const PAUSE_MS = 1_000;

/**
 * @param run - run folder; need not be there yet
 * @param attempt - starts the run, or goes on with what is in its folder
 * @param tell - given one line for every loss
 * @throws what `attempt` throws: at once if it is no loss, else after {@link MOST_LOSSES} without a new checkpoint
 */
export async function recovering(
  run: string,
  resume: boolean,
  {
    attempt,
    tell,
    pauseMs = PAUSE_MS,
  }: {
    readonly attempt: (resume: boolean) => Promise<void>;
    readonly tell: (line: string) => void;
    readonly pauseMs?: number;
  },
): Promise<void> {
  let reached = lastStage(run);
  for (let losses = 1; ; losses++) {
    try {
      await attempt(resume);
      return;
    } catch (error) {
      if (!(error instanceof EngineError && error.retryable)) throw error;
      const stage = lastStage(run);
      if (stage !== reached) losses = 1;
      if (losses >= MOST_LOSSES) throw error;
      reached = stage;
      resume ||= existsSync(join(run, CONFIG_FILE));
      const from = stage === undefined ? 'starting again' : `going on from stage ${stage}`;
      tell(`${error.message.replace(ADVICE, '')}; ${from}`);
      await sleep(pauseMs);
    }
  }
}

/** Stages that the newest checkpoint of a run has done. */
function lastStage(run: string): number | undefined {
  const folder = join(run, CHECKPOINTS);
  return existsSync(folder) ? listCheckpoints(folder).at(-1) : undefined; // what is no folder is refused when it is opened
}
