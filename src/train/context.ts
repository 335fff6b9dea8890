/**
 * What the parts of a run share.
 * @module
 */
import type { Task } from '../task/task.ts';
import type { Phase, RunEvent } from './events.ts';
import type { TrainOptions } from './options.ts';
import { createPromptCursor, type PromptCursor } from './prompts.ts';
import type { RunState } from './state.ts';

export interface RunContext {
  readonly task: Task;
  readonly options: TrainOptions;
  /** Changes as the run goes on; the cursors' positions are copied into it when it is saved. */
  readonly state: RunState;
  /** `train` feeds losses; `test` only acceptance tests. */
  readonly prompts: { readonly train: PromptCursor; readonly validation: PromptCursor };
  readonly emit: (event: RunEvent) => void;
  /** Adds readable transcripts of a stage. */
  readonly transcribe: (stage: number, rows: readonly object[]) => void;
  readonly signal?: AbortSignal | undefined;
}

/** The context of a run that goes on at `state`; what it decides goes to `emit`. */
export function createContext(
  parts: Pick<RunContext, 'task' | 'options' | 'state' | 'emit' | 'transcribe' | 'signal'>,
): RunContext {
  const { task, options, state } = parts;
  const { seed } = options;
  const { train, validation } = state.prompts;
  return {
    ...parts,
    prompts: {
      train: createPromptCursor(task, 'train', { seed, position: train, atEnd: 'reshuffle' }),
      validation: createPromptCursor(task, 'validation', { seed, position: validation, atEnd: 'stop' }),
    },
  };
}

/** Where a phase happens. */
export interface PhaseScope {
  readonly stage: number;
  /** Absent: all agents. */
  readonly agent?: number;
}

/** Reports progress of a phase; see the `phase` event. */
export function progressOf(
  context: Pick<RunContext, 'emit'>,
  place: PhaseScope,
  phase: Phase,
): (done: number, total: number) => void {
  return (done, total) => context.emit({ kind: 'phase', ...place, phase, done, total });
}
