/**
 * Progress of a single thing (pretraining, an evaluation): one line drawn in place on a terminal, a line
 * now and then in a pipe.
 * @module
 */
import { createLogUpdate } from 'log-update';
import { duration } from '../report/format.ts';

const REDRAW_MS = 100;
const HEARTBEAT_MS = 15_000;

export interface ProgressLine {
  /** How far it is; drawn at most so often that a person can read it. */
  update(text: string): void;
  /** A line that stays. */
  note(text: string): void;
  close(): void;
}

export interface ProgressLineOptions {
  readonly stream: NodeJS.WriteStream;
  /** Draw in place; default: whether the stream is a terminal. */
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

/** `pretrain 200/400 · 50%` and, once there is a pace, what is left. */
export function progressText(
  what: string,
  { done, total, elapsedMs }: { readonly done: number; readonly total: number; readonly elapsedMs: number },
): string {
  const left = done > 0 && done < total ? ` · ${duration((elapsedMs / done) * (total - done))} left` : '';
  return `${what} ${done}/${total}${left}`;
}
