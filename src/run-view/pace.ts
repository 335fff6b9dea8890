/**
 * Estimates the speed of a run and its remaining time from the clock rows of its stages. No Node imports,
 * because the dashboard's page bundles this file.
 * @module
 */
import type { ClockRow } from './rows.ts';
import type { RunView, StageView } from './run-view.ts';
import { finishedStages, sampledTokens } from './selectors.ts';

/** Number of most recent stages over which the estimates average. */
const RECENT_STAGES = 5;

/** Duration of a stage, ms. */
export function stageMs({ startMs, endMs, phases }: ClockRow): number {
  if (endMs !== undefined) return endMs - startMs;
  return Object.values(phases).reduce((sum, ms) => sum + ms, 0);
}

/** Returns the finished stages whose duration is known. */
export function timedStages(view: RunView): (StageView & { reward: number; clock: ClockRow })[] {
  return finishedStages(view).filter(
    (stage): stage is StageView & { reward: number; clock: ClockRow } => stage.clock !== undefined,
  );
}

/**
 * Mean duration of the most recent stages, ms; undefined before the first stage is finished. The first stage of a run takes
 * longer because of probes, so it counts only as long as there is no other one.
 */
export function stagePaceMs(view: RunView): number | undefined {
  const timed = timedStages(view);
  const later = timed.filter(({ stage }) => stage > 1);
  const recent = (later.length > 0 ? later : timed).slice(-RECENT_STAGES);
  if (recent.length === 0) return undefined;
  return recent.reduce((sum, { clock }) => sum + stageMs(clock), 0) / recent.length;
}

/**
 * Estimates the time until the last stage of the run ends. Evaluations after it are not included.
 *
 * @returns ms; undefined before the first stage is finished and after the last stage
 */
export function timeLeftMs(view: RunView, nowMs: number): number | undefined {
  const pace = stagePaceMs(view);
  if (pace === undefined) return undefined;
  const whole = view.plannedStages - view.stage;
  const current = view.stages.get(view.stage);
  const runningSinceMs = current?.reward === undefined ? current?.clock?.startMs : undefined;
  if (runningSinceMs !== undefined) return whole * pace + Math.max(0, pace - (nowMs - runningSinceMs));
  return whole > 0 ? whole * pace : undefined;
}

/** Smallest finished share of a task from which its duration is extrapolated; the time of the first part includes loading. */
const MIN_SHARE = 0.05;

/**
 * Extrapolates the time until a task ends from its finished parts.
 *
 * @returns ms; undefined if too few parts are finished, or all
 */
export function extrapolatedLeftMs({
  done,
  total,
  elapsedMs,
}: {
  readonly done: number;
  readonly total: number;
  readonly elapsedMs: number;
}): number | undefined {
  if (done < Math.max(1, MIN_SHARE * total) || done >= total) return undefined;
  return (elapsedMs / done) * (total - done);
}

/**
 * Extrapolates the time until the current phase ends; for a test, until it has used all its prompts.
 *
 * @returns ms; undefined if the phase reports no progress, or too little
 */
export function phaseLeftMs({ now }: RunView, nowMs: number): number | undefined {
  if (now?.done === undefined || now.total === undefined) return undefined;
  const { done, total, sinceMs, doneBefore = 0 } = now;
  return extrapolatedLeftMs({
    done: done - doneBefore,
    total: total - doneBefore,
    elapsedMs: nowMs - sinceMs,
  });
}

/** Start time and current time of the process that builds the view; both in ms of the same clock. */
export interface ProcessTime {
  readonly startedMs: number;
  readonly nowMs: number;
}

/** Number of tokens sampled for training per second since the process started. */
export function tokensPerSecond(view: RunView, { startedMs, nowMs }: ProcessTime): number {
  const seconds = (nowMs - startedMs) / 1000;
  return seconds > 0 ? sampledTokens(view) / seconds : 0;
}
