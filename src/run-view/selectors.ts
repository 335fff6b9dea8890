/**
 * Derives results from the state of a run (run-view.ts) with pure functions, which displays call when they
 * draw. No Node imports, because the dashboard's page bundles this file.
 * @module
 */
import type { UpdateRecord, UpdateStatus } from '../train/events.ts';
import type { StageEvaluationRow } from './rows.ts';
import type { GateView, RunView, StageView } from './run-view.ts';

/** Returns the stages in order, without stage 0, which is the base team. */
export function playedStages({ stages }: Pick<RunView, 'stages'>): StageView[] {
  return [...stages.values()].filter(({ stage }) => stage > 0).sort((a, b) => a.stage - b.stage);
}

/** Returns the finished stages in order. */
export function finishedStages(view: RunView): (StageView & { reward: number })[] {
  return playedStages(view).filter(
    (stage): stage is StageView & { reward: number } => stage.reward !== undefined,
  );
}

/** Mean team reward of each finished stage [stages]. */
export function stageRewards(view: RunView): number[] {
  return finishedStages(view).map(({ reward }) => reward);
}

/** Mean reward of the last finished stage; before the first stage is finished, that of the newest rollout. */
export function newestReward(view: RunView): number | undefined {
  return finishedStages(view).at(-1)?.reward ?? view.latestReward;
}

/** Returns the stage evaluations in order; the first one is that of the base team. */
export function stageEvaluations({ stages }: Pick<RunView, 'stages'>): StageEvaluationRow[] {
  return [...stages.values()]
    .flatMap(({ evaluation }) => (evaluation === undefined ? [] : [evaluation]))
    .sort((a, b) => a.stage - b.stage);
}

/** Returns all promotion tests and step tests in order. */
export function gatesOf({ stages }: Pick<RunView, 'stages'>): GateView[] {
  return [...stages.values()].flatMap(({ gates }) => gates).sort((a, b) => a.index - b.index);
}

/** Returns the name of an agent, or a text like `agent 2` if the view has no `run_started` row. */
export function agentName({ agents }: Pick<RunView, 'agents'>, agent: number): string {
  return agents[agent] ?? `agent ${agent}`;
}

/** Returns the updates of one agent in order, or those of all agents if `agent` is undefined. */
export function updatesOf(view: Pick<RunView, 'stages'>, agent?: number): UpdateRecord[] {
  // A loop is faster than array methods: the live view reads thousands of updates ten times a second.
  const found: UpdateRecord[] = [];
  for (const { updates } of playedStages(view))
    for (const update of updates) if (agent === undefined || update.agent === agent) found.push(update);
  return found;
}

/** Number of attempts of an update after its first attempt; each has a smaller step. */
export function backtracksOf({ attempts }: Pick<UpdateRecord, 'attempts'>): number {
  return Math.max(0, attempts.length - 1);
}

export interface UpdateTotals {
  readonly updates: number;
  readonly byStatus: Readonly<Record<UpdateStatus, number>>;
  /** Number of small steps that set the first learning-rate scales; they are not attempts. */
  readonly probes: number;
  readonly attempts: number;
  readonly backtracks: number;
  /** Maximum over accepted updates of KL quantile / trust-region radius; undefined if none was accepted. */
  readonly largestKlShare: number | undefined;
}

export function updateTotals(updates: readonly UpdateRecord[]): UpdateTotals {
  const byStatus = { ACCEPT: 0, REJECT_KL: 0, REJECT_TEST: 0, REJECT_NAN: 0, SKIP: 0 };
  let probes = 0;
  let attempts = 0;
  let backtracks = 0;
  let largestKlShare: number | undefined;
  for (const update of updates) {
    byStatus[update.status]++;
    probes += update.probes?.length ?? 0;
    attempts += update.attempts.length;
    backtracks += backtracksOf(update);
    if (update.status !== 'ACCEPT') continue;
    const share = (update.attempts.at(-1)?.klQuantile ?? Number.NaN) / update.targetKl;
    largestKlShare = Math.max(largestKlShare ?? share, share);
  }
  return { updates: updates.length, byStatus, probes, attempts, backtracks, largestKlShare };
}

/** Shares of messages that were cut off, 0..1. */
export interface CutOffShares {
  /** Share of all messages of the learning agents. */
  readonly all: number;
  /** Share of their messages in episodes with a correct answer; undefined if no run recorded it. */
  readonly rewarded: number | undefined;
}

/** Averages the shares of cut-off messages over updates, weighted by messages; undefined without messages. */
export function cutOffShares(updates: readonly UpdateRecord[]): CutOffShares | undefined {
  let [messages, cut, rewarded, rewardedCut] = [0, 0, 0, 0];
  for (const {
    tokens,
    meanLength,
    clippedRatio,
    rewardedMessages = 0,
    rewardedClippedRatio = 0,
  } of updates) {
    const own = meanLength > 0 ? Math.round(tokens / meanLength) : 0;
    messages += own;
    cut += own * clippedRatio;
    rewarded += rewardedMessages;
    rewardedCut += rewardedMessages * rewardedClippedRatio;
  }
  if (messages === 0) return undefined;
  return { all: cut / messages, rewarded: rewarded === 0 ? undefined : rewardedCut / rewarded };
}

/** Counts the acceptance tests (betting tests, E64) by their decision. */
export function testCounts(view: RunView): Readonly<Record<GateView['decision'], number>> {
  const counts = { promote: 0, keep: 0, rollback: 0 };
  for (const { decision } of gatesOf(view)) counts[decision]++;
  return counts;
}

/**
 * Counts the stages with a certificate (a lower bound of the stage's gain, E66), and the stages whose lower
 * bound is above 0.
 */
export function certificateCounts(view: RunView): { readonly stages: number; readonly positive: number } {
  const certificates = finishedStages(view).flatMap(({ certificate }) => certificate ?? []);
  return {
    stages: certificates.length,
    positive: certificates.filter(({ gainLower }) => gainLower > 0).length,
  };
}

/**
 * Largest absolute difference between the log-probabilities that sampler and trainer give to the same token
 * (E9), over the whole run, nats.
 */
export function logpMismatchMax(view: RunView): number {
  return updatesOf(view).reduce((max, { logpMismatchMax }) => Math.max(max, logpMismatchMax), 0);
}

/** Number of tokens sampled for training, including those of the stage in progress. */
export function sampledTokens({ stages }: Pick<RunView, 'stages'>): number {
  return sum([...stages.values()].map(({ tokens }) => tokens));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
