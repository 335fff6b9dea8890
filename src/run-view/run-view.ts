/**
 * The state of a run, folded from its rows: the one reducer behind the terminal, `troupe watch`, the
 * dashboard, reports and comparisons. Counts, rates and curves are derived from it by the functions of
 * `selectors.ts` and `pace.ts`. The state is mutable so that adding a row takes constant time. No Node
 * imports: the dashboard's page bundles this file.
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

/** One acceptance test and its stage. */
export type GateView = GateRecord & { readonly stage: number };

export interface StageView {
  readonly stage: number;
  /** In the order of the updates. */
  readonly updates: UpdateRecord[];
  readonly gates: GateView[];
  /** Tokens sampled for training. */
  tokens: number;
  /** Mean team reward of the training episodes; absent until the stage is finished. */
  reward?: number;
  rewardSe?: number;
  certificate?: CertificateRecord;
  evaluation?: StageEvaluationRow;
  clock?: ClockRow;
}

/** An accepted or rejected update, with the step test that decided it, or a promotion test. */
export type Decision =
  | { readonly kind: 'update'; readonly update: UpdateRecord; readonly test?: GateView }
  | { readonly kind: 'gate'; readonly gate: GateView };

export interface RunView {
  agents: readonly string[];
  /** Number of stages the run was started for. */
  plannedStages: number;
  /** Stage in progress, or the last finished one; 0 before the first. */
  stage: number;
  /** By stage number; 0 is the base team. */
  readonly stages: Map<number, StageView>;
  /** In order. */
  readonly decisions: Decision[];
  /** Mean reward of the newest rollout: the only reward known within the first stage. */
  latestReward?: number;
  /** Newest evaluation of each label. */
  evaluations: (EvaluationRecord & { readonly stage: number })[];
  comparisons: { readonly label: string; readonly difference: DifferenceRecord }[];
  readonly warnings: { readonly stage: number; readonly message: string }[];
  now?: NowRow;
  status: RunStatus;
  problem?: string;
  /** Stage whose team won the last promotion; absent: the base team, or a run without promotion tests. */
  championStage?: number;
  /** Number of folded rows; a view redraws when it changes. */
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
    status: 'stopped',
    version: 0,
  };
}

/** Adds rows to a view, in their order. */
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
    default: // checkpoint, run_finished and kinds of newer versions change nothing in the view
  }
}

function foldUpdate(view: RunView, update: Extract<RunEvent, { kind: 'update' }>): void {
  stageOf(view, update.stage).updates.push(update);
  // the event of a step test directly precedes the update that the test decides
  const before = view.decisions.at(-1);
  const test = before?.kind === 'gate' && before.gate.gate === 'step' ? before.gate : undefined;
  if (test !== undefined) view.decisions.pop();
  view.decisions.push({ kind: 'update', update, ...(test && { test }) });
}

function foldGate(view: RunView, gate: Extract<RunEvent, { kind: 'gate' }>): void {
  stageOf(view, gate.stage).gates.push(gate);
  view.decisions.push({ kind: 'gate', gate });
  // a passed step test keeps an update; only a promotion test changes the champion
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
  view.plannedStages = Math.max(view.plannedStages, stage); // a resumed run may have more stages than at first
}

function stageOf({ stages }: RunView, stage: number): StageView {
  const known = stages.get(stage);
  if (known !== undefined) return known;
  const fresh: StageView = { stage, updates: [], gates: [], tokens: 0 };
  stages.set(stage, fresh);
  return fresh;
}
