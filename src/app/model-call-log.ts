/**
 * Reads the log of calls to models that run outside of the training process.
 * @module
 */
import type { ModelCallRow } from '../observe/model-calls.ts';
import { readModelCalls } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';

export interface StageModelCalls {
  readonly stage: number;
  readonly rows: readonly ModelCallRow[];
}

/**
 * Returns the logged calls of one stage of a run.
 *
 * @param stage - default: the last stage in the log
 * @throws ConfigError if the log has no call of the stage
 */
export function findModelCalls(run: string, stage?: number): StageModelCalls {
  const rows = readModelCalls(run) as ModelCallRow[]; // `modelCallRow` made them
  const last = stage ?? rows.at(-1)?.stage;
  const found = rows.filter((row) => row.stage === last);
  if (last === undefined || found.length === 0)
    throw new ConfigError(
      `${run}: expected calls of stage ${stage ?? 'any'}, got none; runs with engine.kind torch or ray log them`,
    );
  return { stage: last, rows: found };
}
