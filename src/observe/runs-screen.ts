/**
 * Shows several runs on a terminal: builds the view of each run from its rows, and draws all views.
 * @module
 */
import { renderRun } from '../report/terminal-view.ts';
import type { RunFacts, RunRow } from '../run-view/rows.ts';
import { createRunView, foldRows, type RunView } from '../run-view/run-view.ts';
import type { Screen } from './screen.ts';

export interface ShownRun {
  readonly id: string;
  readonly label: string;
  readonly facts: RunFacts;
}

export interface RunsScreen {
  /** Adds rows of a run. @param restarted - whether the new rows replace all earlier rows of the run */
  add(id: string, rows: readonly RunRow[], restarted: boolean): void;
  draw(): void;
}

export function createRunsScreen(runs: readonly ShownRun[], screen: Screen): RunsScreen {
  const views = new Map<string, RunView>(runs.map(({ id }) => [id, createRunView()]));
  return {
    add(id, rows, restarted) {
      if (restarted) views.set(id, createRunView());
      foldRows(views.get(id)!, rows);
    },
    draw() {
      const options = { nowMs: Date.now(), columns: screen.columns, color: screen.color };
      screen.draw(runs.map((run) => renderRun(views.get(run.id)!, run, options)).join('\n\n'));
    },
  };
}
