/**
 * Prints the events of use cases to standard error: progress, warnings and downloads. Progress is updated in
 * one line.
 * @module
 */
import type { DownloadEvent, UseCaseEvent } from '../app/use-case.ts';
import { createProgressLine, type ProgressLine, progressText } from '../observe/progress-line.ts';

const MEGABYTE = 1e6;

export interface EventPrinter<Event> {
  readonly onEvent: (event: Event) => void;
  /** Clears the progress line from the terminal. */
  close(): void;
}

export function printEvents(stream: NodeJS.WriteStream = process.stderr): EventPrinter<UseCaseEvent> {
  const line = createProgressLine({ stream });
  const downloads = printDownloads(stream);
  return {
    onEvent(event) {
      if (event.kind === 'progress') line.update(progressText(event.label, event));
      else if (event.kind === 'warning') line.note(`warning: ${event.message}`);
      else downloads.onEvent(event);
    },
    close() {
      downloads.close();
      line.close();
    },
  };
}

/** Prints the progress of model downloads, each in a line that is updated. */
export function printDownloads(stream: NodeJS.WriteStream = process.stderr): EventPrinter<DownloadEvent> {
  let line: ProgressLine | undefined;
  const close = (): void => {
    line?.close();
    line = undefined;
  };
  return {
    onEvent(event) {
      if (event.kind === 'download_finished') {
        close();
        return;
      }
      line ??= createProgressLine({ stream });
      if (event.kind === 'download_note') {
        line.note(event.message);
        return;
      }
      const { model, doneBytes, totalBytes, elapsedMs } = event;
      const done = Math.floor(doneBytes / MEGABYTE);
      const total = Math.ceil(totalBytes / MEGABYTE);
      line.update(progressText(`fetch ${model} MB`, { done, total, elapsedMs }));
    },
    close,
  };
}
