/**
 * Watches several runs together: reads the settings of each run and polls its files at a fixed interval. If
 * the files of a run can no longer be read, a row of the run reports the error and the other runs continue.
 * @module
 */
import { basename, dirname, resolve } from 'node:path';
import type { RunFacts, RunRow, StatusRow } from '../run-view/rows.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';
import { readRunFacts } from './run-facts.ts';
import { createRunFollower, type RunFollower } from './run-follower.ts';
import { createTranscriptReader, type TranscriptReader } from './transcripts.ts';

export interface WatchedRun {
  /** Short unique id, which is part of the URLs of the dashboard. */
  readonly id: string;
  /** Name for display: the folder's name, prefixed by the parent folder's name if two runs share a name. */
  readonly label: string;
  readonly dir: string;
  readonly facts: RunFacts;
  readonly follower: RunFollower;
  readonly transcripts: TranscriptReader;
}

/** Receives new rows of one run. @param run - id of the run. The other parameters are as in `RunListener`. */
export type WatchedRunsListener = (run: string, rows: readonly RunRow[], restarted: boolean) => void;

export interface WatchedRuns {
  readonly runs: readonly WatchedRun[];
  /** Calls the listener with all rows so far, then with new rows. @returns a function that unsubscribes */
  subscribe(listener: WatchedRunsListener): () => void;
  /** Whether a process is writing at least one of the runs. */
  isRunning(): boolean;
  /** Polls every run once now, in addition to the regular polls. */
  poll(): void;
  close(): void;
}

export interface WatchOptions {
  /** Time between two polls, ms; default 400. */
  readonly pollIntervalMs?: number;
}

/**
 * Opens run folders and starts to poll them.
 *
 * @throws StoreError (exit code 2) if a folder is not a run, has another format or is damaged
 */
export function watchRuns(dirs: readonly string[], { pollIntervalMs = 400 }: WatchOptions = {}): WatchedRuns {
  const paths = [...new Set(dirs.map((dir) => resolve(dir)))];
  if (paths.length === 0) throw new ConfigError('watch: expected a run folder, got nothing');
  const runs = paths.map((dir, k): WatchedRun => {
    const facts = readRunFacts(dir);
    const follower = createRunFollower(dir);
    follower.poll(); // throws if a file is damaged, before anything is displayed
    return {
      id: String(k),
      label: labelOf(dir, paths),
      dir,
      facts,
      follower,
      transcripts: createTranscriptReader(dir),
    };
  });
  const problems = new Map<string, string>();
  const listeners = new Set<WatchedRunsListener>();

  const poll = (): void => {
    for (const { id, follower } of runs) {
      if (problems.has(id)) continue;
      try {
        follower.poll();
      } catch (error) {
        const problem = error instanceof TroupeError ? error.message : String(error);
        problems.set(id, problem);
        for (const listener of listeners) listener(id, [problemRow(problem)], false);
      }
    }
  };
  const timer = setInterval(poll, pollIntervalMs).unref();

  return {
    runs,
    poll,
    subscribe(listener) {
      const unsubscribes = runs.map(({ id, follower }) =>
        follower.subscribe((rows, restarted) => listener(id, rows, restarted)),
      );
      for (const [id, problem] of problems) listener(id, [problemRow(problem)], false);
      listeners.add(listener);
      return () => {
        for (const unsubscribe of unsubscribes) unsubscribe();
        listeners.delete(listener);
      };
    },
    isRunning: () => runs.some(({ id, follower }) => follower.status === 'running' && !problems.has(id)),
    close: () => clearInterval(timer),
  };
}

function problemRow(problem: string): StatusRow {
  return { kind: 'status', status: 'stopped', problem };
}

function labelOf(dir: string, all: readonly string[]): string {
  const isUnique = all.filter((other) => basename(other) === basename(dir)).length === 1;
  return isUnique ? basename(dir) : `${basename(dirname(dir))}/${basename(dir)}`;
}
