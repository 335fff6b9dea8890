/**
 * Options and events that all use cases share. A use case reads no command line, writes to no terminal and handles no
 * signal: the caller passes an AbortSignal and renders the events.
 * @module
 */

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface UseCaseOptions<Event = UseCaseEvent> {
  /** Aborts the use case. */
  readonly signal?: AbortSignal | undefined;
  /** Receives every event, in order, while the use case runs. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  /** Variables for tokens, API keys, cache folders and the Python of workers. Default: those of this process. */
  readonly env?: Environment | undefined;
}

export type UseCaseEvent = ProgressEvent | WarningEvent | DownloadEvent;

export interface ProgressEvent {
  readonly kind: 'progress';
  /** What is counted: `messages`, the name of a benchmark, a phase of training. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** Time since this count was at 0, ms. */
  readonly elapsedMs: number;
}

export interface WarningEvent {
  readonly kind: 'warning';
  readonly message: string;
}

/** A model on its way from the hub into the local cache. */
export type DownloadEvent =
  | {
      readonly kind: 'download';
      /** Reference of the model: `hf:OWNER/NAME@REVISION`. */
      readonly model: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
      readonly elapsedMs: number;
    }
  /** A retry or a resumed download. */
  | { readonly kind: 'download_note'; readonly model: string; readonly message: string }
  /** The download succeeded or failed. */
  | { readonly kind: 'download_finished'; readonly model: string };

/** Environment variables of a use case; the only place of `src/app` that reads those of the process. */
export function environmentOf({ env = process.env }: Pick<UseCaseOptions, 'env'>): Environment {
  return env;
}
