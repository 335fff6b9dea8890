/**
 * Options and events that all use cases share. A use case does not read the command line, write to the
 * terminal or handle process signals: the caller passes an AbortSignal and displays the events.
 * @module
 */

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface UseCaseOptions<Event = UseCaseEvent> {
  /** Aborts the use case. */
  readonly signal?: AbortSignal | undefined;
  /** Called with every event, in order, while the use case runs. */
  readonly onEvent?: ((event: Event) => void) | undefined;
  /**
   * Environment variables for tokens, API keys, cache folders and the Python of workers. Default: those of
   * this process.
   */
  readonly env?: Environment | undefined;
}

export type UseCaseEvent = ProgressEvent | WarningEvent | DownloadEvent;

export interface ProgressEvent {
  readonly kind: 'progress';
  /** Label of the progress bar, e.g. `messages`, the name of a benchmark, or a phase of training. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** Time since `done` was 0, ms. */
  readonly elapsedMs: number;
}

export interface WarningEvent {
  readonly kind: 'warning';
  readonly message: string;
}

/** Events of loading a model: its download, and warnings about its files. */
export type LoadEvent = DownloadEvent | WarningEvent;

/** Progress of the download of a model from the hub into the local cache. */
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

/**
 * Returns a function for `LoadOptions.onWarning` that emits each message once, because several agents can have
 * the same model folder.
 */
export function warnOnce({
  onEvent,
}: Pick<UseCaseOptions<WarningEvent>, 'onEvent'>): (message: string) => void {
  const emitted = new Set<string>();
  return (message) => {
    if (emitted.has(message)) return;
    emitted.add(message);
    onEvent?.({ kind: 'warning', message });
  };
}

/**
 * Returns the environment variables of a use case. This is the only function of `src/app` that reads those of
 * the process.
 */
export function environmentOf({ env = process.env }: Pick<UseCaseOptions, 'env'>): Environment {
  return env;
}
