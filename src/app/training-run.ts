/**
 * A training run in progress: its events as an async iterable, its result as a promise.
 * @module
 */
import type { RunView } from '../run-view/run-view.ts';
import type { RunEvent } from '../train/events.ts';
import type { DownloadEvent } from './use-case.ts';

export type TrainingEvent =
  | RunEvent
  | DownloadEvent
  /** The run folder exists and its models are loaded. Emitted again when the run resumes after a loss. */
  | { readonly kind: 'run_opened'; readonly dir: string }
  /** A worker died; the run starts again or resumes from its last checkpoint. */
  | { readonly kind: 'worker_lost'; readonly message: string }
  /** The dashboard listens. */
  | { readonly kind: 'dashboard'; readonly url: string }
  /** The export for TensorBoard failed and stopped; training goes on. */
  | { readonly kind: 'tensorboard_failed'; readonly message: string };

export interface TrainingResult {
  /** Run folder, absolute. */
  readonly run: string;
  /**
   * Folder of the team to deploy: the champion (the checkpoint that passed the last promotion test), or the
   * last checkpoint if there is no champion.
   */
  readonly checkpoint: string;
  /** Path of the run's report (Markdown). */
  readonly report: string;
  /** Stages, updates, tests and evaluations of the whole run, including those before it was resumed. */
  readonly view: RunView;
}

const NOT_OF_THE_RUN: ReadonlySet<string> = new Set<Exclude<TrainingEvent, RunEvent>['kind']>([
  'download',
  'download_note',
  'download_finished',
  'run_opened',
  'worker_lost',
  'dashboard',
  'tensorboard_failed',
]);

/**
 * Whether an event is about the training itself. `events.jsonl` stores all of these events except `phase`.
 */
export function isRunEvent(event: TrainingEvent): event is RunEvent {
  return !NOT_OF_THE_RUN.has(event.kind);
}

/**
 * A training run. Iterate over it for the events, await `result` for the outcome, or both. The run starts
 * immediately and does not wait for a reader: unread events are queued, and a progress event replaces an
 * unread previous one of the same phase. If several loops iterate, each event goes to only one of them.
 * Leaving the loop does not stop the run; abort the request's signal to stop it.
 *
 * @example
 * const run = train({ config: 'team.yaml' });
 * for await (const event of run) if (event.kind === 'stage_finished') rewards.push(event.reward);
 * const { checkpoint } = await run.result;
 */
export class TrainingRun implements AsyncIterable<TrainingEvent> {
  /** @throws TroupeError if training fails; {@link Interrupted} if the signal aborted the run */
  readonly result: Promise<TrainingResult>;
  readonly #unread: TrainingEvent[] = [];
  readonly #waiting: (() => void)[] = [];
  #isFinished = false;

  constructor(start: (emit: (event: TrainingEvent) => void) => Promise<TrainingResult>) {
    this.result = start((event) => this.#push(event)).finally(() => {
      this.#isFinished = true;
      this.#wake();
    });
    // prevents an unhandled rejection if the caller only iterates; the iterator throws the same error
    this.result.catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, undefined> {
    for (;;) {
      for (let event = this.#unread.shift(); event !== undefined; event = this.#unread.shift()) yield event;
      if (this.#isFinished) break;
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    await this.result; // throws the error of a failed run to the reader
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #push(event: TrainingEvent): void {
    const last = this.#unread.at(-1);
    if (last !== undefined && replaces(event, last)) this.#unread.pop();
    this.#unread.push(event);
    this.#wake();
  }
}

function replaces(event: TrainingEvent, last: TrainingEvent): boolean {
  if (event.kind === 'download') return last.kind === 'download' && last.model === event.model;
  if (event.kind !== 'phase' || last.kind !== 'phase') return false;
  return last.phase === event.phase && last.stage === event.stage && last.agent === event.agent;
}
