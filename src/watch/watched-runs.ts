/**
 * Several runs watched together: their followers, looked at again and again, and what each was started
 * with. A run that cannot be read any further says so in its rows; the others go on.
 * @module
 */
import { basename, dirname, resolve } from 'node:path';
import type { RunFacts, RunRow, StatusRow } from '../run-view/rows.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';
import { readRunFacts } from './run-facts.ts';
import { createRunFollower, type RunFollower } from './run-follower.ts';
import { createTranscriptReader, type TranscriptReader } from './transcripts.ts';

export interface WatchedRun {
  /** Short and unique; in addresses. */
  readonly id: string;
  /** What people call it: its folder's name, with its parent's where two are called the same. */
  readonly label: string;
  readonly dir: string;
  readonly facts: RunFacts;
  readonly follower: RunFollower;
  readonly transcripts: TranscriptReader;
}

/** Told about news of one run; see `RunListener`. */
export type HubListener = (run: string, rows: readonly RunRow[], restarted: boolean) => void;

export interface WatchHub {
  readonly runs: readonly WatchedRun[];
  subscribe(listener: HubListener): () => void;
  /** Whether some process is writing one of the runs. */
  isRunning(): boolean;
  /** Looks at every run once, besides the regular looks. */
  poll(): void;
  close(): void;
}

export interface HubOptions {
  /** Between two looks, ms; default 400: often enough to seem at once, rare enough to cost nothing. */
  readonly everyMs?: number;
}

/**
 * Opens run folders for looking.
 *
 * @throws StoreError (exit code 2) when one is no run, of a newer format or damaged
 */
export function openHub(dirs: readonly string[], { everyMs = 400 }: HubOptions = {}): WatchHub {
  const paths = [...new Set(dirs.map((dir) => resolve(dir)))];
  if (paths.length === 0) throw new ConfigError('watch: expected a run folder, got nothing');
  const runs = paths.map((dir, k): WatchedRun => {
    const facts = readRunFacts(dir);
    const follower = createRunFollower(dir);
    follower.poll(); // a damaged file is said before anything is shown
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
  const listeners = new Set<HubListener>();

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
  const timer = setInterval(poll, everyMs).unref();

  return {
    runs,
    poll,
    subscribe(listener) {
      const ends = runs.map(({ id, follower }) =>
        follower.subscribe((rows, restarted) => listener(id, rows, restarted)),
      );
      for (const [id, problem] of problems) listener(id, [problemRow(problem)], false);
      listeners.add(listener);
      return () => {
        for (const end of ends) end();
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
