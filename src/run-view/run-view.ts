/**
 * The state of a run, built by a reducer that adds one row at a time. The terminal, `troupe watch`, the
 * dashboard, reports and comparisons all use this reducer. The functions of `selectors.ts` and `pace.ts`
 * derive counts, rates and curves from the state. The state is mutable so that adding a row takes constant
 * time. No Node imports, because the dashboard's page bundles this file.
 * @module
 */
import type {
  CertificateRecord,
  DifferenceRecord,
  EvaluationRecord,
  GateRecord,
  RunEvent,
  UpdateRecord,
} from '../train/events.ts';
import type { ClockRow, NowRow, RunRow, RunStatus, StageEvaluationRow } from './rows.ts';

/** Result of one acceptance test, with the number of its stage. */
export type GateView = GateRecord & { readonly stage: number };

export interface StageView {
  readonly stage: number;
  /** Updates of the stage, in the order in which they were made. */
  readonly updates: UpdateRecord[];
  readonly gates: GateView[];
  /** Number of tokens sampled for training in this stage. */
  tokens: number;
  /** Mean team reward of the stage's training episodes; absent until the stage is finished. */
  reward?: number;
  rewardSe?: number;
  certificate?: CertificateRecord;
  evaluation?: StageEvaluationRow;
  clock?: ClockRow;
}

/** Either an accepted or rejected update, with its step test if it had one, or a promotion test. */
export type Decision =
  | { readonly kind: 'update'; readonly update: UpdateRecord; readonly test?: GateView }
  | { readonly kind: 'gate'; readonly gate: GateView };

export interface RunView {
  agents: readonly string[];
  /** Number of stages that the run is configured to train. */
  plannedStages: number;
  /** Number of the stage in progress, or else of the last finished stage; 0 before the first stage. */
  stage: number;
  /** Stages by their numbers; stage 0 is the base team. */
  readonly stages: Map<number, StageView>;
  /** All updates and promotion tests, in order of time. */
  readonly decisions: Decision[];
  /** Mean reward of the newest rollout. No other reward is known during the first stage. */
  latestReward?: number;
  /** The newest evaluation of each label (`before`, `after`, ...). */
  evaluations: (EvaluationRecord & { readonly stage: number })[];
  comparisons: { readonly label: string; readonly difference: DifferenceRecord }[];
  readonly warnings: { readonly stage: number; readonly message: string }[];
  /** Number of training episodes that failed because a context left no room for a message. */
  overflows: number;
  now?: NowRow;
  status: RunStatus;
  problem?: string;
  /** Stage of the last promoted team; absent if no team was promoted. */
  championStage?: number;
  /** Number of rows added so far; a display redraws when this number changes. */
  version: number;
}

export function createRunView(): RunView {
  return {
    agents: [],
    plannedStages: 0,
    stage: 0,
    stages: new Map(),
    decisions: [],
    evaluations: [],
    comparisons: [],
    warnings: [],
    overflows: 0,
    status: 'stopped',
    version: 0,
  };
}

/** Adds rows to a view, in order. */
export function foldRows(view: RunView, rows: readonly RunRow[]): void {
  for (const row of rows) foldRow(view, row);
}

/** Adds one row to a view. */
export function foldRow(view: RunView, row: RunRow): void {
  view.version++;
  switch (row.kind) {
    case 'run_started':
      view.agents = row.agents;
      view.plannedStages = row.stages;
      view.stage = row.fromStage;
      return;
    case 'stage_started':
      view.stage = row.stage;
      return;
    case 'rollout':
      stageOf(view, row.stage).tokens += row.tokens;
      view.latestReward = row.reward;
      view.overflows += row.overflows ?? 0;
      return;
    case 'update':
      foldUpdate(view, row);
      return;
    case 'gate':
      foldGate(view, row);
      return;
    case 'stage_finished':
      foldStage(view, row);
      return;
    case 'stage_evaluation':
      stageOf(view, row.stage).evaluation = row;
      return;
    case 'clock':
      stageOf(view, row.stage).clock = row;
      return;
    case 'evaluation':
      view.evaluations = [...view.evaluations.filter(({ label }) => label !== row.label), row];
      return;
    case 'comparison':
      view.comparisons = [...view.comparisons.filter(({ label }) => label !== row.label), row];
      return;
    case 'warning':
      view.warnings.push(row);
      return;
    case 'now':
      view.now = row;
      return;
    case 'status':
      view.status = row.status;
      if (row.problem === undefined) delete view.problem;
      else view.problem = row.problem;
      return;
    default: // events of kind checkpoint or run_finished, and of unknown kinds, do not change the view
  }
}

function foldUpdate(view: RunView, update: Extract<RunEvent, { kind: 'update' }>): void {
  stageOf(view, update.stage).updates.push(update);
  // The event of a step test comes directly before the event of the update that the test decides.
  const before = view.decisions.at(-1);
  const test = before?.kind === 'gate' && before.gate.gate === 'step' ? before.gate : undefined;
  if (test !== undefined) view.decisions.pop();
  view.decisions.push({ kind: 'update', update, ...(test && { test }) });
}

function foldGate(view: RunView, gate: Extract<RunEvent, { kind: 'gate' }>): void {
  stageOf(view, gate.stage).gates.push(gate);
  view.decisions.push({ kind: 'gate', gate });
  // A step test only decides about one update. Only a promotion test changes the champion.
  if (gate.gate === 'promotion' && gate.decision === 'promote') view.championStage = gate.stage;
}

function foldStage(
  view: RunView,
  { stage, reward, rewardSe, certificate }: Extract<RunEvent, { kind: 'stage_finished' }>,
): void {
  Object.assign(stageOf(view, stage), {
    reward,
    ...(rewardSe !== undefined && { rewardSe }),
    ...(certificate && { certificate }),
  });
  view.stage = stage;
  // A run can be resumed with a larger number of stages.
  view.plannedStages = Math.max(view.plannedStages, stage);
}

function stageOf({ stages }: RunView, stage: number): StageView {
  const known = stages.get(stage);
  if (known !== undefined) return known;
  const fresh: StageView = { stage, updates: [], gates: [], tokens: 0 };
  stages.set(stage, fresh);
  return fresh;
}
