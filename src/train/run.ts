/**
 * Runs a training from its first stage, or from its last checkpoint, to its end: it runs the stages, tests
 * whether to promote the team (gate 2), and writes checkpoints. Every decision is an event. No decision
 * depends on the clock or on interruptions, so a run that was killed and resumed ends with the same bytes as
 * an uninterrupted one.
 * @module
 */
import { join } from 'node:path';
import type { Model } from '../engine/engine.ts';
import type { Task } from '../task/task.ts';
import { runConcurrently } from '../team/concurrency.ts';
import type { Team } from '../team/team.ts';
import { checkTeam } from './collect.ts';
import { createContext, progressOf, type RunContext } from './context.ts';
import type { EventSink, GateRecord, RunEvent } from './events.ts';
import { testCandidate } from './gate.ts';
import { Interrupted } from './interrupted.ts';
import { metricsOf } from './metrics.ts';
import type { TrainOptions } from './options.ts';
import { checkRun, startWarnings } from './preflight.ts';
import { runStage } from './stage.ts';
import { evaluateStage } from './stage-evaluation.ts';
import { initialState, type RunState, resumeState } from './state.ts';
import { type Checkpoint, checkpointName, type RunStore } from './store-port.ts';
import { snapshotTeam, snapshotWithOwnModels, type TeamSnapshot } from './team-snapshot.ts';

export interface TrainingRun {
  /** The base team, trained in place. Unused if the store has a checkpoint to resume from. */
  readonly team: Team;
  readonly task: Task;
  readonly options: TrainOptions;
  readonly store: RunStore;
  /** Further event sinks; the store always receives the events. */
  readonly sinks?: readonly EventSink[];
  /** Interrupts the run. A write to the store is never interrupted. */
  readonly signal?: AbortSignal;
  /** Loads an agent's model and optimizer state from the folder of a checkpoint. */
  readonly loadAgent: (dir: string, agent: number) => Promise<Model>;
  /** Called after the last checkpoint; the returned events are recorded before `run_finished`. */
  readonly evaluate?: (outcome: TrainingOutcome) => Promise<readonly RunEvent[]>;
}

export interface TrainingOutcome {
  /** The team after the last stage; the caller closes its models. */
  readonly team: Team;
  /**
   * The champion: the last promoted team. Present with gate kind `promotion` only. Loading it may replace the
   * weights of `team`, because both may share their models.
   */
  readonly champion?: TeamSnapshot;
  /**
   * State at the end of the run, e.g. the numbers of acceptance tests, promotions, rollbacks and sampled
   * tokens.
   */
  readonly state: RunState;
}

/**
 * Trains until `options.stages` stages are complete.
 *
 * @throws ConfigError if a model or an option does not support the run; nothing was written
 * @throws EngineError if the log-probabilities of sampler and trainer disagree (E9)
 * @throws Interrupted if the signal aborted
 */
export async function runTraining(run: TrainingRun): Promise<TrainingOutcome> {
  checkRun(run);
  const { store, options, signal } = run;
  const checkpoint = store.lastCheckpoint();
  const state = checkpoint
    ? resumeState(checkpoint.state, run.team.agents.length)
    : initialState(run.team.agents.length, options.beta);
  const context = contextOf(run, state);
  const fromStage = checkpoint?.stage ?? 0;
  const agents = run.team.agents.map(({ name }) => name);
  context.emit({ kind: 'run_started', stages: options.stages, agents, fromStage });
  try {
    const start = checkpoint ? await resume(run, checkpoint) : await startFresh(run, context);
    // for every agent, sampler and trainer must agree on log-probabilities (E9)
    await checkTeam(context, start.team);
    const end = await runStages(run, context, start, fromStage);
    const outcome = { ...end, state };
    for (const event of (await run.evaluate?.(outcome)) ?? []) context.emit(event);
    context.emit({ kind: 'run_finished', stage: options.stages });
    return outcome;
  } catch (error) {
    if (signal?.aborted) throw interruption(run, context, error);
    throw error;
  }
}

/**
 * Creates a run folder without training: writes the event `run_started`, and the evaluation and the
 * checkpoint of the base team.
 *
 * @param state - initial state; it contains the numbers of used prompts and of acceptance tests of an
 *   earlier run
 */
export async function initializeRun(run: Omit<TrainingRun, 'loadAgent'>, state: RunState): Promise<void> {
  const { team, options } = run;
  const context = contextOf(run, state);
  const agents = team.agents.map(({ name }) => name);
  context.emit({ kind: 'run_started', stages: options.stages, agents, fromStage: 0 });
  await recordBaseTeam(run, context, team);
}

/**
 * The team in training and, with gate kind `promotion`, the champion: the last promoted team, which is
 * deployed.
 */
type TrainingState = Pick<TrainingOutcome, 'team' | 'champion'>;

/**
 * Starts a run at stage 0: saves the base team as the first checkpoint. With acceptance tests it is also the
 * first champion, i.e. the team to deploy until a better one is proved.
 */
async function startFresh(run: TrainingRun, context: RunContext): Promise<TrainingState> {
  const { team, task, options } = run;
  for (const message of startWarnings(options, task)) context.emit({ kind: 'warning', stage: 0, message });
  const champion = options.gate.kind === 'promotion' ? await snapshotTeam(team) : undefined;
  await recordBaseTeam(run, context, team);
  return { team, ...(champion && { champion }) };
}

/** Evaluates the base team and saves it as the checkpoint of stage 0. */
async function recordBaseTeam(run: Pick<TrainingRun, 'options' | 'store'>, context: RunContext, team: Team) {
  await evaluateStage(context, team, 0);
  await save(run, context, { team, stage: 0, isChampion: run.options.gate.kind !== 'off' });
}

/**
 * Loads weights and optimizer states from the checkpoint. Loads the champion (the last promoted team) from
 * its own checkpoint into separate models.
 */
async function resume(run: TrainingRun, checkpoint: Checkpoint): Promise<TrainingState> {
  const team = await loadTeam(run, checkpoint);
  if (run.options.gate.kind !== 'promotion') return { team };
  const champion = run.store.champion();
  return {
    team,
    champion:
      champion === undefined || champion.stage === checkpoint.stage
        ? await snapshotTeam(team)
        : snapshotWithOwnModels(await loadTeam(run, champion)),
  };
}

async function loadTeam({ team, loadAgent }: TrainingRun, { path }: Checkpoint): Promise<Team> {
  const agents = [];
  for (const agent of team.agents)
    agents.push({ ...agent, model: await loadAgent(agentFolder(path, agent.id), agent.id) });
  return { ...team, agents };
}

async function runStages(
  run: TrainingRun,
  context: RunContext,
  start: TrainingState,
  fromStage: number,
): Promise<TrainingState> {
  const { options, state } = context;
  let { team, champion } = start;
  for (let stage = fromStage + 1; stage <= options.stages; stage++) {
    context.signal?.throwIfAborted();
    const tokensBefore = state.tokens;
    const { certificate, ...played } = await runStage(context, team, stage);
    const tokens = state.tokens - tokensBefore;
    const summary = { stage, ...played, tokens, ...(certificate && { certificate }) };
    context.emit({ kind: 'stage_finished', ...summary });
    const isLast = stage === options.stages;
    const isTested = champion !== undefined && (isLast || stage % options.gate.every === 0);
    let decision: GateRecord['decision'] = 'keep';
    if (champion !== undefined && isTested)
      ({ team, champion, decision } = await testCandidate(context, stage, { team, champion }));
    await evaluateStage(context, team, stage);
    const promoted = decision === 'promote';
    // Every acceptance test is followed by a checkpoint. Without the checkpoint, a run resumed after a crash
    // could test another candidate on prompts that were already used.
    if (isTested || isLast || stage % options.saveSteps === 0)
      await save(run, context, { team, stage, isChampion: promoted || options.gate.kind === 'step' });
  }
  return { team, ...(champion && { champion }) };
}

/**
 * Writes a checkpoint.
 *
 * @param at.isChampion - whether the saved team becomes the champion, i.e. the team to deploy. With gate
 *   kind `step` every checkpoint does, because every update passed its own acceptance test.
 */
async function save(
  run: Pick<TrainingRun, 'store'>,
  context: RunContext,
  { team, stage, isChampion }: { readonly team: Team; readonly stage: number; readonly isChampion: boolean },
): Promise<void> {
  const { state, prompts } = context;
  const name = checkpointName(stage);
  state.prompts.train = prompts.train.position;
  state.prompts.validation = prompts.validation.position;
  progressOf(context, { stage }, 'checkpoint')(0, team.agents.length);
  // emitted before the write, so that the checkpoint includes the event
  context.emit({ kind: 'checkpoint', stage, name });
  await run.store.writeCheckpoint({
    stage,
    state,
    ...(isChampion && { champion: name }),
    async save(dir) {
      await runConcurrently(team.agents, ({ id, model }) => model.save(agentFolder(dir, id)));
    },
  });
}

function agentFolder(dir: string, agent: number): string {
  return join(dir, `agent_${agent}`);
}

function contextOf(
  { task, options, store, sinks = [], signal }: Omit<TrainingRun, 'team' | 'loadAgent'>,
  state: RunState,
): RunContext {
  return createContext({
    ...{ task, options, state, signal },
    emit(event) {
      for (const sink of [store, ...sinks]) sink.emit(event);
      const row = metricsOf(event, { options, tokens: state.tokens });
      if (row !== undefined) store.appendMetrics(row);
    },
    transcribe: (stage, rows) => store.appendCompletions(stage, rows),
  });
}

/**
 * Emits a warning that names the last checkpoint, and returns the error of the interrupted run. The resumed
 * run removes the warning from the event log.
 */
function interruption({ store }: TrainingRun, context: RunContext, cause: unknown): Interrupted {
  const last = store.lastCheckpoint();
  const message = last
    ? `interrupted; everything up to ${last.name} is saved, resume with --resume`
    : 'interrupted before the first checkpoint; nothing to resume from';
  context.emit({ kind: 'warning', stage: last?.stage ?? 0, message });
  return new Interrupted(message, cause);
}
