/**
 * A run as its views show it, folded from rows: by stage, with what its agents did. Mutable, because a
 * page adds thousands of rows; needs no Node, because pages import it.
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
import type { ClockRow, NowRow, RunStatus, StageEvaluationRow, WatchRow } from './rows.ts';

/** One acceptance test and the stage it belongs to. */
export type GateView = GateRecord & { readonly stage: number };

export interface StageView {
  readonly stage: number;
  /** In the order they were made. */
  readonly updates: UpdateRecord[];
  readonly gates: GateView[];
  /** Sampled for training. */
  tokens: number;
  /** Absent until the stage is finished. */
  reward?: number;
  rewardSe?: number;
  accepted?: number;
  certificate?: CertificateRecord;
  evaluation?: StageEvaluationRow;
  checkpoint?: string;
  clock?: ClockRow;
}

/** Something that happened, in order: what the list of decisions shows. */
export type Decision =
  | { readonly kind: 'update'; readonly update: UpdateRecord; readonly test?: GateView }
  | { readonly kind: 'gate'; readonly gate: GateView };

export interface RunView {
  agents: readonly string[];
  /** Stages the run was asked for. */
  planned: number;
  /** By stage number; 0 is the base team. */
  readonly stages: Map<number, StageView>;
  readonly decisions: Decision[];
  evaluations: (EvaluationRecord & { readonly stage: number })[];
  comparisons: { readonly label: string; readonly difference: DifferenceRecord }[];
  readonly warnings: { readonly stage: number; readonly message: string }[];
  now?: NowRow;
  status: RunStatus;
  problem?: string;
  /** The last team proved better; undefined: the base team, or no gate. */
  championStage?: number;
  /** Rows folded so far: what a view is worth redrawing for. */
  version: number;
}

export function createRunView(): RunView {
  return {
    agents: [],
    planned: 0,
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
export function foldRows(view: RunView, rows: readonly WatchRow[]): void {
  for (const row of rows) foldRow(view, row);
  view.version += rows.length;
}

function foldRow(view: RunView, row: WatchRow): void {
  switch (row.kind) {
    case 'run_started':
      view.agents = row.agents;
      view.planned = row.stages;
      return;
    case 'rollout':
      stageOf(view, row.stage).tokens += row.tokens;
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
    case 'checkpoint':
      stageOf(view, row.stage).checkpoint = row.name;
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
    default: // stage_started and run_finished say nothing more, later versions' kinds nothing known
  }
}

function foldUpdate(view: RunView, update: Extract<RunEvent, { kind: 'update' }>): void {
  const stage = stageOf(view, update.stage);
  stage.updates.push(update);
  // a step test stands right before the update it decided
  const before = view.decisions.at(-1);
  const test = before?.kind === 'gate' && before.gate.gate === 'step' ? before.gate : undefined;
  if (test !== undefined) view.decisions.pop();
  view.decisions.push({ kind: 'update', update, ...(test && { test }) });
}

function foldGate(view: RunView, gate: Extract<RunEvent, { kind: 'gate' }>): void {
  stageOf(view, gate.stage).gates.push(gate);
  view.decisions.push({ kind: 'gate', gate });
  if (gate.gate === 'promotion' && gate.decision === 'promote') view.championStage = gate.stage;
}

function foldStage(
  view: RunView,
  { stage, reward, rewardSe, accepted, certificate }: Extract<RunEvent, { kind: 'stage_finished' }>,
): void {
  Object.assign(stageOf(view, stage), {
    reward,
    accepted,
    ...(rewardSe !== undefined && { rewardSe }),
    ...(certificate && { certificate }),
  });
  view.planned = Math.max(view.planned, stage); // a run that went on may have been given more stages
}

function stageOf({ stages }: RunView, stage: number): StageView {
  const known = stages.get(stage);
  if (known !== undefined) return known;
  const fresh: StageView = { stage, updates: [], gates: [], tokens: 0 };
  stages.set(stage, fresh);
  return fresh;
}

/** Stages in order, the base team's (0) left out. */
export function playedStages({ stages }: RunView): StageView[] {
  return [...stages.values()].filter(({ stage }) => stage > 0).sort((a, b) => a.stage - b.stage);
}

/** Stages that are finished. */
export function finishedStages(view: RunView): StageView[] {
  return playedStages(view).filter(({ reward }) => reward !== undefined);
}

/** All stage evaluations, the base team's first. */
export function stageEvaluations({ stages }: RunView): StageEvaluationRow[] {
  return [...stages.values()]
    .flatMap(({ evaluation }) => (evaluation === undefined ? [] : [evaluation]))
    .sort((a, b) => a.stage - b.stage);
}

/** Promotion tests and step tests in order. */
export function gatesOf(view: RunView): GateView[] {
  return [...view.stages.values()].flatMap(({ gates }) => gates).sort((a, b) => a.index - b.index);
}

/** Name of an agent, for a run whose beginning was not read too. */
export function agentName({ agents }: Pick<RunView, 'agents'>, agent: number): string {
  return agents[agent] ?? `agent ${agent}`;
}
