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
  /** Folder of the team to use: the champion, or the last checkpoint where there is none. */
  readonly checkpoint: string;
  /** Markdown report of the run. */
  readonly report: string;
  /** Stages, updates, tests and evaluations of the whole run, over all its processes. */
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

/** Whether an event is one of the run itself, which `events.jsonl` keeps, `phase` apart. */
export function isRunEvent(event: TrainingEvent): event is RunEvent {
  return !NOT_OF_THE_RUN.has(event.kind);
}

/**
 * Iterate it for the events, await `result` for the outcome, or both. The run starts at once and does not wait for its
 * reader: unread events queue up, and a progress event replaces an unread one of the same phase before it. Each event
 * goes to one reader. Leaving the loop does not stop the run; an AbortSignal does.
 *
 * @example
 * const run = train({ config: 'team.yaml' });
 * for await (const event of run) if (event.kind === 'stage_finished') rewards.push(event.reward);
 * const { checkpoint } = await run.result;
 */
export class TrainingRun implements AsyncIterable<TrainingEvent> {
  /** @throws TroupeError of any kind; {@link Interrupted} if the signal aborted the run */
  readonly result: Promise<TrainingResult>;
  readonly #unread: TrainingEvent[] = [];
  #wake: () => void = () => {};
  #isFinished = false;

  constructor(start: (emit: (event: TrainingEvent) => void) => Promise<TrainingResult>) {
    this.result = start((event) => this.#push(event)).finally(() => {
      this.#isFinished = true;
      this.#wake();
    });
    this.result.catch(() => {}); // a reader of the events alone gets the error from the iterator
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TrainingEvent, void, undefined> {
    for (;;) {
      for (let event = this.#unread.shift(); event !== undefined; event = this.#unread.shift()) yield event;
      if (this.#isFinished) break;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    await this.result; // throws the error of a failed run
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
