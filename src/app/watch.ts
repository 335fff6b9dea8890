/**
 * Looking at runs without a browser: a screen that is drawn again and again, and lines for programs.
 * Both end by themselves once no process writes any of the runs.
 * @module
 */
import { join } from 'node:path';
import type { Screen } from '../observe/screen.ts';
import { renderRun } from '../report/terminal-view.ts';
import type { RunRow } from '../run-view/rows.ts';
import { createRunView, foldRows, type RunView } from '../run-view/run-view.ts';
import { createTensorBoardExport } from '../watch/tensorboard-export.ts';
import type { WatchedRuns } from '../watch/watched-runs.ts';

/** Between two drawings, ms. */
const REDRAW_MS = 1000;

/** Draws until nothing changes any more, or `signal`. A pipe gets one drawing, of now. */
export async function watchInTerminal(
  watched: WatchedRuns,
  screen: Screen,
  signal: AbortSignal,
): Promise<void> {
  const views = new Map<string, RunView>(watched.runs.map(({ id }) => [id, createRunView()]));
  const unsubscribe = watched.subscribe((run, rows, restarted) => {
    if (restarted) views.set(run, createRunView());
    foldRows(views.get(run)!, rows);
  });
  const draw = (): void => {
    const options = { nowMs: Date.now(), columns: screen.columns, color: screen.color };
    screen.draw(watched.runs.map((run) => renderRun(views.get(run.id)!, run, options)).join('\n\n'));
  };
  try {
    draw();
    while (screen.isLive && watched.isRunning() && !signal.aborted) {
      await pause(REDRAW_MS, signal);
      draw();
    }
  } finally {
    unsubscribe();
    screen.close();
  }
}

/** Writes every row as `{"run": label, ...row}`; times and the state of a run are rows of their own. */
export async function streamRows(
  watched: WatchedRuns,
  out: { write(text: string): unknown },
  signal: AbortSignal,
): Promise<void> {
  const labels = new Map(watched.runs.map(({ id, label }) => [id, label]));
  const write = (run: string, row: RunRow | { readonly kind: 'restarted' }): void => {
    out.write(`${JSON.stringify({ run: labels.get(run), ...row })}\n`);
  };
  let begun = false;
  const unsubscribe = watched.subscribe((run, rows, restarted) => {
    if (restarted && begun) write(run, { kind: 'restarted' });
    for (const row of rows) write(run, row);
  });
  begun = true;
  try {
    await untilIdle(watched, signal);
  } finally {
    unsubscribe();
  }
}

/** Writes event files for TensorBoard, one folder per run, and keeps them up to date. */
export async function exportTensorBoard(
  watched: WatchedRuns,
  dir: string,
  signal: AbortSignal,
): Promise<void> {
  const exports = watched.runs.map((run) => createTensorBoardExport(run.dir, join(dir, run.label)));
  const poll = (): void => {
    for (const one of exports) one.poll();
  };
  poll();
  while (watched.isRunning() && !signal.aborted) {
    await pause(REDRAW_MS, signal);
    poll();
  }
}

/** Waits while some process writes one of the runs. */
export async function untilIdle(watched: WatchedRuns, signal: AbortSignal): Promise<void> {
  while (watched.isRunning() && !signal.aborted) await pause(REDRAW_MS / 4, signal);
  watched.poll();
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
