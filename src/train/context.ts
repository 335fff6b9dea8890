/**
 * What the parts of a run share.
 * @module
 */
import type { Task } from '../task/task.ts';
import type { Phase, RunEvent } from './events.ts';
import type { TrainOptions } from './options.ts';
import type { PromptCursor } from './prompts.ts';
import type { RunState } from './state.ts';

export interface RunContext {
  readonly task: Task;
  readonly options: TrainOptions;
  /** Changes as the run goes on; the cursors' positions are copied into it when it is saved. */
  readonly state: RunState;
  /** `train` feeds losses; `test` only acceptance tests. */
  readonly prompts: { readonly train: PromptCursor; readonly test: PromptCursor };
  readonly emit: (event: RunEvent) => void;
  /** Adds readable transcripts of a stage. */
  readonly transcribe: (stage: number, rows: readonly object[]) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Where a phase happens. */
export interface Place {
  readonly stage: number;
  /** Absent: all agents. */
  readonly agent?: number;
}

/** Reports progress of a phase; see the `phase` event. */
export function progressOf(
  context: Pick<RunContext, 'emit'>,
  place: Place,
  phase: Phase,
): (done: number, total: number) => void {
  return (done, total) => context.emit({ kind: 'phase', ...place, phase, done, total });
}
