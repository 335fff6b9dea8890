/**
 * Progress of one long task, such as pretraining or an evaluation: a line that is redrawn in place on a
 * terminal, or a line every 15 s in a pipe.
 * @module
 */
import { createLogUpdate } from 'log-update';
import { duration } from '../report/format.ts';

const REDRAW_MS = 100;
const HEARTBEAT_MS = 15_000;

export interface ProgressLine {
  /** Shows the progress; calls within the redraw interval have no effect. */
  update(text: string): void;
  /** Writes a permanent line. */
  note(text: string): void;
  close(): void;
}

export interface ProgressLineOptions {
  readonly stream: NodeJS.WriteStream;
  /** Redraw in place; default: true if the stream is a terminal. */
  readonly live?: boolean;
  /** Monotonic clock, ms. */
  readonly now?: () => number;
}

export function createProgressLine(options: ProgressLineOptions): ProgressLine {
  const { stream, live = stream.isTTY === true, now = () => performance.now() } = options;
  const startedMs = now();
  const log = live ? createLogUpdate(stream) : undefined;
  let shownMs = startedMs - (live ? REDRAW_MS : 0);
  const stamped = (text: string, nowMs: number): string =>
    `[${duration(nowMs - startedMs).padStart(6)}] ${text}`;
  return {
    update(text) {
      const nowMs = now();
      if (nowMs - shownMs < (live ? REDRAW_MS : HEARTBEAT_MS)) return;
      shownMs = nowMs;
      if (log) log(stamped(text, nowMs));
      else stream.write(`${stamped(text, nowMs)}\n`);
    },
    note(text) {
      shownMs = now();
      log?.clear();
      stream.write(`${stamped(text, shownMs)}\n`);
    },
    close: () => log?.clear(),
  };
}

/** `pretrain 200/400 · 16s left`; the time left is shown once a part is done. */
export function progressText(
  task: string,
  { done, total, elapsedMs }: { readonly done: number; readonly total: number; readonly elapsedMs: number },
): string {
  const left = done > 0 && done < total ? ` · ${duration((elapsedMs / done) * (total - done))} left` : '';
  return `${task} ${done}/${total}${left}`;
}
