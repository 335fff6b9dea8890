/**
 * What a run came to, counted from its events: the numbers of the closing summary and of `report.md`.
 * @module
 */
import type {
  DifferenceRecord,
  EvaluationRecord,
  RunEvent,
  UpdateRecord,
  UpdateStatus,
} from '../train/events.ts';
import { isPromotion } from './progress.ts';

export interface AgentTally {
  readonly name: string;
  readonly updates: number;
  readonly accepted: number;
  readonly backtracks: number;
  /** Largest quantile of the KL among accepted updates, as a share of its radius; undefined: none accepted. */
  readonly largestShare: number | undefined;
  /** beta after the last update. */
  readonly beta: number | undefined;
}

export interface Tally {
  readonly agents: readonly AgentTally[];
  readonly stages: number;
  readonly updates: number;
  readonly byStatus: Readonly<Record<UpdateStatus, number>>;
  readonly attempts: number;
  readonly backtracks: number;
  readonly largestShare: number | undefined;
  /** Acceptance tests (E64) by what came of them. */
  readonly tests: { readonly promote: number; readonly keep: number; readonly rollback: number };
  readonly gate: 'promotion' | 'step' | undefined;
  readonly championStage: number | undefined;
  /** Stages with a certificate (E66), and those of them whose lower bound lies above 0. */
  readonly certificates: { readonly stages: number; readonly positive: number };
  /** Largest |sampler - trainer| logp per token of the whole run (E9), nats. */
  readonly logpMismatchMax: number;
  readonly tokens: number;
  /** Mean team reward per stage. */
  readonly rewards: readonly number[];
  readonly evaluations: readonly EvaluationRecord[];
  readonly comparisons: readonly { readonly label: string; readonly difference: DifferenceRecord }[];
  readonly warnings: readonly string[];
}

/** @param events - of one run, in order */
export function tallyRun(events: readonly RunEvent[]): Tally {
  const of = <K extends RunEvent['kind']>(kind: K): Extract<RunEvent, { kind: K }>[] =>
    events.filter((event): event is Extract<RunEvent, { kind: K }> => event.kind === kind);
  const updates = of('update');
  const gates = of('gate');
  const names = of('run_started').at(-1)?.agents ?? [];
  const stages = of('stage_finished');
  return {
    agents: names.map((name, id) =>
      tallyAgent(
        name,
        updates.filter(({ agent }) => agent === id),
      ),
    ),
    stages: stages.length,
    updates: updates.length,
    byStatus: countStatuses(updates),
    attempts: sum(updates.map(({ attempts }) => attempts.length)),
    backtracks: sum(updates.map(backtracksOf)),
    largestShare: largestShare(updates),
    tests: {
      promote: gates.filter(({ decision }) => decision === 'promote').length,
      keep: gates.filter(({ decision }) => decision === 'keep').length,
      rollback: gates.filter(({ decision }) => decision === 'rollback').length,
    },
    gate: gates.at(-1)?.gate,
    championStage: gates.filter(isPromotion).at(-1)?.stage,
    certificates: {
      stages: stages.filter(({ certificate }) => certificate !== undefined).length,
      positive: stages.filter(({ certificate }) => certificate && certificate.gainLower > 0).length,
    },
    logpMismatchMax: updates.reduce((max, { logpMismatchMax }) => Math.max(max, logpMismatchMax), 0),
    tokens: sum(of('rollout').map(({ tokens }) => tokens)),
    rewards: stages.map(({ reward }) => reward),
    evaluations: of('evaluation'),
    comparisons: of('comparison'),
    warnings: of('warning').map(({ message }) => message),
  };
}

function tallyAgent(name: string, updates: readonly UpdateRecord[]): AgentTally {
  return {
    name,
    updates: updates.length,
    accepted: updates.filter(({ status }) => status === 'ACCEPT').length,
    backtracks: sum(updates.map(backtracksOf)),
    largestShare: largestShare(updates),
    beta: updates.at(-1)?.betaNext,
  };
}

function countStatuses(updates: readonly UpdateRecord[]): Record<UpdateStatus, number> {
  const counts = { ACCEPT: 0, REJECT_KL: 0, REJECT_TEST: 0, REJECT_NAN: 0, SKIP: 0 };
  for (const { status } of updates) counts[status]++;
  return counts;
}

function backtracksOf({ attempts }: UpdateRecord): number {
  return Math.max(0, attempts.length - 1);
}

function largestShare(updates: readonly UpdateRecord[]): number | undefined {
  const shares = updates
    .filter(({ status }) => status === 'ACCEPT')
    .map(({ attempts, targetKl }) => (attempts.at(-1)?.klQuantile ?? Number.NaN) / targetKl);
  return shares.length === 0 ? undefined : Math.max(...shares);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
