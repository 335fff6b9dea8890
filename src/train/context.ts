/**
 * State and options that the modules of a training run share.
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
  /**
   * Updated during the run. Before a checkpoint is written, the positions of the prompt cursors are copied
   * into it.
   */
  readonly state: RunState;
  /**
   * Cursors over the prompts of two splits. Prompts of the train split are used for updates and for their
   * order. Prompts of the validation split are used only for acceptance tests and for certificates (reported
   * lower bounds on the gain).
   */
  readonly prompts: { readonly train: PromptCursor; readonly validation: PromptCursor };
  readonly emit: (event: RunEvent) => void;
  /** Appends human-readable transcripts of a stage. */
  readonly transcribe: (stage: number, rows: readonly object[]) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Creates the context of a run that starts or resumes at `state`. */
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

/** Stage and agent that a phase belongs to. */
export interface PhaseScope {
  readonly stage: number;
  /** Id of the agent; absent: the phase belongs to all agents. */
  readonly agent?: number;
}

/** Returns a callback that emits `phase` events with the progress of the given phase. */
export function progressOf(
  context: Pick<RunContext, 'emit'>,
  scope: PhaseScope,
  phase: Phase,
): (done: number, total: number) => void {
  return (done, total) => context.emit({ kind: 'phase', ...scope, phase, done, total });
}
