/**
 * One training run from a checked team file to its report: what `troupe train` and `troupe quickstart`
 * do. Nothing is written before everything that can be checked was checked.
 * @module
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import type { ResolvedConfig } from '../config/resolve.ts';
import { trainOptions } from '../config/train-options.ts';
import type { Model } from '../engine/engine.ts';
import { modelCallRow } from '../observe/model-calls.ts';
import { renderReport, renderSummary } from '../report/summary.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import { listCheckpoints } from '../store/checkpoint-folder.ts';
import type { DiskRunStore } from '../store/disk-run-store.ts';
import { CHECKPOINTS, REPORT_PICTURES } from '../store/layout.ts';
import { readEvents } from '../store/read-run.ts';
import { createRun, openRun } from '../store/run-folder.ts';
import { isHubReference } from '../support/model-reference.ts';
import { isMixtureFolder } from '../swap/mixture-folder.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import type { EventSink, RunEvent } from '../train/events.ts';
import { Interrupted } from '../train/interrupted.ts';
import { checkRun } from '../train/preflight.ts';
import { runTraining, type TrainingOutcome } from '../train/run.ts';
import { beforeAfter } from './before-after.ts';
import {
  type Composition,
  closeTeam,
  compose,
  composeSink,
  loadTeam,
  requirePrompts,
  templateSwitches,
} from './compose.ts';
import { cleanTask } from './decontaminate.ts';
import { pinModels } from './hub-models.ts';
import { listenForInterrupt } from './interrupt.ts';
import { packageVersion } from './package-version.ts';
import { recovering } from './recover.ts';
import { unreadablePrompts } from './tokenizer-coverage.ts';

export interface TrainingRequest {
  readonly resolved: ResolvedConfig;
  /** Run folder. */
  readonly run: string;
  /** Go on with the run that is there. */
  readonly resume: boolean;
  /** Events as JSON lines instead of a view for people. */
  readonly json: boolean;
  /** Called with the run folder once it is there: starts what looks on. @returns ends it */
  readonly onOpen?: ((dir: string) => Promise<() => unknown>) | undefined;
}

/**
 * What dies under it, a worker or a node of a cluster, costs what was not saved yet ({@link recovering}).
 *
 * @throws TroupeError of any kind; a folder that was there before is as it was, or can be resumed
 */
export async function train(request: TrainingRequest): Promise<void> {
  const { run, onOpen } = request;
  let watching: (() => unknown) | undefined; // from the first attempt to the end of the last
  const lookOn = async (dir: string) => {
    watching ??= await onOpen?.(dir);
    return () => {};
  };
  try {
    await recovering(run, request.resume, {
      attempt: (resume) => trainOnce({ ...request, resume, ...(onOpen && { onOpen: lookOn }) }),
      tell: (line) => process.stderr.write(`${line}\n`),
    });
  } finally {
    await watching?.();
  }
}

async function trainOnce(request: TrainingRequest): Promise<void> {
  const closing: (() => unknown)[] = [];
  try {
    await trainOpening(request, (close) => closing.push(close));
  } finally {
    for (const close of closing.reverse()) await close();
  }
}

/** @param defer - takes what must be given back at the end, however it comes */
async function trainOpening(
  { resolved: asked, run, resume, json, onOpen }: TrainingRequest,
  defer: (close: () => unknown) => void,
): Promise<void> {
  const work: { store?: DiskRunStore; stage: number } = { stage: 0 };
  const whole = await compose(asked, (call) => work.store?.recordModelCall(modelCallRow(call, work.stage)));
  const { engine } = whole;
  defer(() => engine.close());
  const task = await cleanTask(asked, whole.task);
  const composed: Composition = { ...whole, task };
  requirePrompts(composed, 'train', { atLeast: 1, purpose: 'training' });
  requirePrompts(composed, 'test', { atLeast: 2, purpose: 'the closing comparison' });
  const resolved = await pinModels(asked);
  const { config } = resolved;
  const composition: Composition = { ...composed, resolved, config };
  const options = trainOptions(config);
  const settings = { config: resolved.resolvedYaml, keepLast: config.train.save_total_limit };

  if (resume) checkContinuation(resolved, run);
  const opened = resume ? await openRun(run, settings) : undefined;
  if (opened) defer(() => opened.close());
  const start = startingPoint(opened, config.agents.length);
  const team = await loadTeam(composition, { ...start, training: true });
  defer(() => closeTeam(team));
  checkRun({ team, task, options });
  const store = opened ?? (await createRun(run, { ...settings, manifest: manifest(team) }));
  if (!opened) defer(() => store.close());
  work.store = store;
  const stageSink: EventSink = {
    emit(event) {
      if ('stage' in event) work.stage = event.stage;
    },
  };

  if (onOpen !== undefined) defer(await onOpen(store.dir));
  const sink = composeSink({ json });
  defer(() => sink.close?.());
  const { signal, release } = listenForInterrupt('stopping after the write that is under way');
  defer(release);
  // in the log they stand once, before everything a checkpoint covers
  if (store.lastCheckpoint() === undefined)
    for (const event of warningsOf(task, team)) for (const to of [store, sink]) to.emit(event);
  try {
    const outcome = await runTraining({
      team,
      task,
      options,
      store,
      sinks: [sink, stageSink],
      signal,
      loadAgent: agentLoader(composition, team, start),
      evaluate: (reached) => evaluate(composition, reached, { store, sink, signal }),
    });
    await outcome.champion?.release();
    if (outcome.team !== team) await closeTeam(outcome.team);
  } catch (error) {
    throw error instanceof Interrupted ? resumable(error, store, run) : error;
  }
  await sink.close?.();
  await finish(store, { resolved, json });
}

/** What a run that goes on still needs, looked at before its folder is touched. @throws ConfigError */
function checkContinuation(resolved: ResolvedConfig, run: string): void {
  const { agents, train } = resolved.config;
  const done = listCheckpoints(join(run, CHECKPOINTS)).at(-1) ?? 0;
  if (train.stages < done)
    throw resolved.problem([
      {
        path: ['train', 'stages'],
        message: `expected at least ${done}, the stages this run has done, got ${train.stages}`,
      },
    ]);
  const missing = agents.find(
    ({ model }) =>
      !isHubReference(model) && !existsSync(join(model, 'config.json')) && !isMixtureFolder(model),
  );
  if (missing !== undefined)
    throw resolved.problem([
      {
        path: ['agents', agents.indexOf(missing), 'model'],
        message: `expected the base model of "${missing.name}", which the closing comparison needs, got nothing in ${missing.model}; put it back`,
      },
    ]);
}

/** What a user should know about the data before a run. */
function warningsOf(task: Task, team: Team): RunEvent[] {
  const texts = [...(task.warnings ?? []), ...unreadablePrompts(team, task, 'train')];
  return texts.map((text) => ({ kind: 'warning', stage: 0, message: `task ${task.name}: ${text}` }));
}

interface Start {
  /** Model folder of agent 0, 1, ...; absent: the base models of the team file. */
  readonly folders?: readonly string[];
  readonly optimizer?: boolean;
}

/** The newest checkpoint, optimisers included; the base models for a run that starts. */
function startingPoint(store: DiskRunStore | undefined, agents: number): Start {
  const last = store?.lastCheckpoint();
  if (last === undefined) return {};
  return {
    folders: Array.from({ length: agents }, (_, id) => join(last.path, `agent_${id}`)),
    optimizer: true,
  };
}

/** Reads an agent's model from a checkpoint, unless it is the one the team was loaded from. */
function agentLoader(
  { config, loadModel }: Composition,
  team: Team,
  { folders }: Start,
): (dir: string, agent: number) => Promise<Model> {
  const waiting = new Map(team.agents.map(({ id, model }) => [folders?.[id], model]));
  return async (dir, agent) => {
    const loaded = waiting.get(dir);
    waiting.delete(dir); // a second reader, such as the champion, needs weights of its own
    return loaded ?? loadModel({ dir, optimizer: true, ...templateSwitches(config, agent) });
  };
}

/** Before against after; the untrained team is read again, because training changed it in place. */
async function evaluate(
  composition: Composition,
  { team, champion }: TrainingOutcome,
  {
    store,
    sink,
    signal,
  }: { readonly store: DiskRunStore; readonly sink: EventSink; readonly signal: AbortSignal },
): Promise<readonly RunEvent[]> {
  const { config, task } = composition;
  const best = store.champion();
  const isOther = best !== undefined && best.stage > 0 && best.stage !== store.lastCheckpoint()?.stage;
  const untrained = await loadTeam(composition);
  try {
    return await beforeAfter(
      {
        untrained,
        trained: team,
        ...(isOther && champion
          ? {
              champion: {
                stage: best.stage,
                load: async () => {
                  await champion.load();
                  return champion.team;
                },
              },
            }
          : {}),
      },
      {
        task,
        seed: config.seed,
        stage: config.train.stages,
        prompts: config.eval.prompts,
        samples: config.eval.k,
        temperature: config.train.temperature,
        maxTokens: config.train.max_completion_length,
        signal,
        emit: (event) => sink.emit(event),
      },
    );
  } finally {
    await closeTeam(untrained);
  }
}

/** Report and closing words, from the events of the whole run, earlier processes' included. */
async function finish(
  store: DiskRunStore,
  { resolved, json }: Pick<TrainingRequest, 'resolved' | 'json'>,
): Promise<void> {
  const { reportPictures } = await import('../report/report-pictures.ts');
  const { config } = resolved;
  const view = foldEvents(readEvents(store.dir));
  const pictures = reportPictures(view);
  const facts = [
    ['team', `${config.agents.map(({ name }) => name).join(', ')} (${config.protocol.kind})`],
    ['task', config.task.name],
    ['algorithm', config.algorithm],
    ['seed', String(config.seed)],
    ['stages', String(config.train.stages)],
    ['troupe', packageVersion()],
  ] as const;
  store.writeReport(
    renderReport(view, {
      title: config.name,
      facts,
      pictures: pictures.map((picture) => ({ ...picture, path: `${REPORT_PICTURES}/${picture.name}.svg` })),
    }),
    Object.fromEntries(pictures.map(({ name, svg }) => [name, svg])),
  );
  if (json) return;
  const run = relative(process.cwd(), store.dir) || '.';
  process.stdout.write(`\n${renderSummary(view)}\n`);
  process.stdout.write(
    `team to use   ${join(run, 'checkpoints', store.champion() ? 'champion' : (store.lastCheckpoint()?.name ?? ''))}\n`,
  );
  process.stdout.write(`report        ${join(run, 'report.md')}\n`);
}

function resumable(error: Interrupted, store: DiskRunStore, run: string): Interrupted {
  const last = store.lastCheckpoint();
  const kept =
    last === undefined ? 'no checkpoint was written yet' : `everything up to ${last.name} is saved`;
  return new Interrupted(`interrupted; ${kept}; go on with: troupe train --resume ${run}`, error);
}

function manifest({ agents }: Team): Record<string, string | number> {
  const samplers = new Set(agents.map(({ model }) => model.capabilities.sampler ?? 'embedded'));
  return {
    troupe: packageVersion(),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    cores: availableParallelism(),
    sampler: [...samplers].join(', '),
  };
}
