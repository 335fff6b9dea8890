/**
 * Shows the progress of one long task, such as pretraining or an evaluation. On a terminal, one line is
 * redrawn in place. In a pipe, a new line is written every 15 s.
 * @module
 */
import { createLogUpdate } from 'log-update';
import { duration } from '../report/format.ts';
import { extrapolatedLeftMs } from '../run-view/pace.ts';

const REDRAW_MS = 100;
const HEARTBEAT_MS = 15_000;

export interface ProgressLine {
  /** Shows the progress. Has no effect if the last output was less than 100 ms (in a pipe: 15 s) ago. */
  update(text: string): void;
  /** Writes a line that stays in the output. */
  note(text: string): void;
  close(): void;
}

export interface ProgressLineOptions {
  readonly stream: NodeJS.WriteStream;
  /** Whether to redraw the line in place; default: true if the stream is a terminal. */
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

/** Formats progress, e.g. `pretrain 200/400 · 16s left`. The time left is omitted while few parts are done. */
export function progressText(
  task: string,
  progress: { readonly done: number; readonly total: number; readonly elapsedMs: number },
): string {
  const leftMs = extrapolatedLeftMs(progress);
  const left = leftMs === undefined ? '' : ` · ${duration(leftMs)} left`;
  return `${task} ${progress.done}/${progress.total}${left}`;
}
