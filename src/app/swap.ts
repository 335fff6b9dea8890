/**
 * Replaces the model of one agent of a trained team. Steps: forecast from stored episodes, creation of the
 * candidate (the model that the agent gets), paired comparison of the teams, acceptance test, new run folder.
 * The old run is only read.
 * @module
 */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Override } from '../config/overrides.ts';
import { type ResolvedConfig, resolveRunConfig } from '../config/resolve.ts';
import { trainOptions } from '../config/train-options.ts';
import type { Model } from '../engine/engine.ts';
import { isGgufModel } from '../gguf/model-path.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, readCheckpointState, type StoredTeam } from '../store/read-run.ts';
import { assertFree } from '../store/run-folder.ts';
import { ConfigError } from '../support/errors.ts';
import { weightBytes } from '../support/model-files.ts';
import { isHubReference } from '../support/model-reference.ts';
import { differentVocabularies } from '../swap/mixable.ts';
import { isMixtureFolder } from '../swap/mixture-folder.ts';
import type { SwapRecord } from '../swap/swap-record.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import { createContext, type RunContext } from '../train/context.ts';
import { type RunState, resumeState } from '../train/state.ts';
import { chatSettings, readModelText, requireContextLength } from './compose/agent-text.ts';
import { checkConversations } from './compose/conversations.ts';
import { loadedBytes } from './compose/model-size.ts';
import { type Composition, checkModels, closeTeam, compose, loadTeam, requirePrompts } from './compose.ts';
import { warnIfNotNewest } from './find-team.ts';
import { modelFolder } from './hub-models.ts';
import { limitPrompts, PromptLengths } from './prompt-lengths.ts';
import type { SwapMode, SwapSettings } from './swap-candidate.ts';
import { evaluateSwap } from './swap-evaluation.ts';
import { createSwappedRun } from './swap-folder.ts';
import type { UseCaseOptions } from './use-case.ts';

export interface SwapRequest extends UseCaseOptions {
  /** Run folder (the team to deploy is used), or checkpoint folder in a run. */
  readonly team: string;
  /** Id or name of the agent whose model is replaced. */
  readonly agent: number | string;
  /** The new model: a model folder, a GGUF file, or a reference of a model on the hub. */
  readonly replacement: string;
  /** Default: mixture. */
  readonly mode?: SwapMode | undefined;
  /**
   * Upper bound on the KL divergence of the mixture from the old model: nats per token; in mode `message`,
   * nats per message. Default: 0.05.
   */
  readonly delta0?: number | undefined;
  /** Number of messages that mode `message` draws per answer, even. Default: 8. */
  readonly candidates?: number | undefined;
  /** Number of optimizer steps in mode `distil`. Default: 200. */
  readonly distilSteps?: number | undefined;
  /** Run folder to create for the swapped team. Default: no run folder is written. */
  readonly out?: string | undefined;
  /** Whether to stop after the forecast and the cost: no evaluation, no run folder. */
  readonly dryRun?: boolean | undefined;
  /** Values that override fields of the run's configuration. */
  readonly overrides?: readonly Override[];
}

const DEFAULTS: SwapSettings = { mode: 'mixture', delta0: 0.05, candidates: 8, distilSteps: 200 };

/**
 * Replaces the model of one agent and evaluates the result. After a swap in mode `handover`, call `train({
 * resume: out })`: training then shifts the mixture of old and new model until only the new model is left.
 *
 * @throws TroupeError; the old run is unchanged, and no partial folder is left
 */
export async function swap(request: SwapRequest): Promise<SwapRecord> {
  const checked = await checkRequest(request);
  const { stored, resolved, agent } = checked;
  const { signal, onEvent, env } = request;
  const composed = await compose(resolved, { signal, onEvent, env });
  let team: Team | undefined;
  let replacement: Model | undefined;
  try {
    requirePrompts(composed, 'test', { atLeast: 2, purpose: 'the comparison' });
    const reference = request.replacement;
    const source = await modelFolder(isHubReference(reference) ? reference : resolve(reference), {
      ...composed.context,
      checkFiles: async (dir) => {
        await readModelText(dir, resolved.config, chatSettings(resolved.config, agent));
      },
    });
    requireModelFolder(source, reference);
    requireMemory(source, stored.agents[agent] as string);
    const { task, warnings } = await checkedReplacement(composed, {
      ...{ stored, agent, source, reference },
      mode: checked.settings.mode,
    });
    for (const message of warnings) onEvent?.({ kind: 'warning', message });
    const composition = { ...composed, task };
    team = await loadTeam(composition, { folders: stored.agents, areChecked: true });
    warnIfNotNewest(stored, request);
    replacement = await composition.loadModel({ dir: source, ...chatSettings(composition.config, agent) });
    const slots = resolved.config.engine.decode_batch;
    const parts = { settings: checked.settings, agent, team, replacement, slots };
    const state = resumeState(await readCheckpointState(stored), team.agents.length);
    const context = swapContext(composition, state, request);
    const { record, write } = await evaluateSwap(composition, parts, {
      ...{ run: stored.run, checkpoint: stored.checkpoint, replacement: reference },
      dryRun: request.dryRun ?? false,
      context,
    });
    if (request.dryRun || checked.out === undefined) return record;
    const { out } = checked;
    const sources = { incumbent: stored.agents[agent] as string, replacement: source };
    const others = await createSwappedRun(composition, stored, { out, agent, sources, write, context });
    return { ...record, out, others };
  } finally {
    await closeTeam(team);
    await replacement?.close();
    await composed.engine.close();
  }
}

interface CheckedRequest {
  readonly settings: SwapSettings;
  /** Absolute. */
  readonly out: string | undefined;
  readonly stored: StoredTeam;
  readonly resolved: ResolvedConfig;
  /** Number of the agent. */
  readonly agent: number;
}

/** Checks the request and reads the old run. @throws ConfigError with the name of the invalid flag */
async function checkRequest(request: SwapRequest): Promise<CheckedRequest> {
  const { out } = request;
  const settings: SwapSettings = {
    mode: request.mode ?? DEFAULTS.mode,
    delta0: request.delta0 ?? DEFAULTS.delta0,
    candidates: request.candidates ?? DEFAULTS.candidates,
    distilSteps: request.distilSteps ?? DEFAULTS.distilSteps,
  };
  const { mode, delta0, candidates } = settings;
  if (!(delta0 > 0))
    throw new ConfigError(`--delta0: expected a radius above 0 nats, got ${delta0}; try 0.05`);
  if (candidates % 2 !== 0)
    throw new ConfigError(`--candidates: expected an even number, half from each model, got ${candidates}`);
  if (mode === 'handover' && out === undefined && !request.dryRun)
    throw new ConfigError('--out: expected a folder for the run that hands over, got nothing');
  const stored = await findStoredTeam(request.team);
  if (stored === undefined)
    throw new ConfigError(
      `${request.team}: expected a run folder or a checkpoint inside one, got neither; "troupe train" makes one`,
    );
  if (out !== undefined) assertFree(out);
  const resolved = resolveRunConfig(join(stored.run, CONFIG_FILE), request.overrides);
  return {
    settings,
    out: out === undefined ? undefined : resolve(out),
    stored,
    resolved,
    agent: agentNumber(request.agent, resolved),
  };
}

function agentNumber(agent: number | string, { config }: ResolvedConfig): number {
  const names = config.agents.map(({ name }) => name);
  const named = names.indexOf(String(agent));
  const id = named >= 0 ? named : Number(agent);
  if (Number.isInteger(id) && id >= 0 && id < names.length) return id;
  throw new ConfigError(
    `--agent: expected 0 to ${names.length - 1} or one of ${names.join(', ')}, got ${agent}`,
  );
}

/** Creates the training context of the new run, which continues at the old run's position in the prompts. */
function swapContext(
  { task, resolved }: Composition,
  state: RunState,
  { signal, onEvent }: SwapRequest,
): RunContext {
  const startedMs = performance.now();
  return createContext({
    task,
    options: trainOptions(resolved.config),
    state,
    signal,
    emit(event) {
      if (event.kind !== 'phase' || event.done === undefined) return;
      const { phase: label, done, total = 0 } = event;
      onEvent?.({ kind: 'progress', label, done, total, elapsedMs: performance.now() - startedMs });
    },
    transcribe: () => {},
  });
}

interface ReplacedModel {
  readonly stored: StoredTeam;
  readonly agent: number;
  /** Folder of the new model. */
  readonly source: string;
  /** The new model as the user named it. */
  readonly reference: string;
  readonly mode: SwapMode;
}

/**
 * Checks everything that the small files of the old and the new models decide, before weights are read.
 *
 * @returns the task without prompts that are too long for one of the models
 * @throws ConfigError if the new model does not fit into the team, or cannot be combined with the old one
 */
async function checkedReplacement(
  composition: Composition,
  { stored, agent, source, reference, mode }: ReplacedModel,
): Promise<{ readonly task: Task; readonly warnings: readonly string[] }> {
  const { resolved, config, task, protocol } = composition;
  const texts = await checkModels(composition, { folders: stored.agents });
  const read = await readModelText(source, config, chatSettings(config, agent));
  const incumbent = texts.find(({ id }) => id === agent);
  if (read === undefined || incumbent === undefined) return { task, warnings: [] };
  const replacement = { ...incumbent, ...read };
  const problem = (message: string): ConfigError => new ConfigError(`--with ${reference}: ${message}`);
  requireContextLength(resolved, { ...replacement, name: 'the new model' }, problem);
  checkConversations([replacement, ...texts.filter(({ id }) => id !== agent)], {
    ...{ task, protocol, agents: config.agents.length },
    problem: (_, message) => problem(message),
  });
  const isMixed = mode === 'mixture' || mode === 'handover';
  if (isMixed && !isMixtureFolder(stored.agents[agent] as string)) {
    const reason = differentVocabularies(incumbent, replacement);
    if (reason !== undefined) throw new ConfigError(`agent ${agent}: ${reason}`);
  }
  const limited = limitPrompts(resolved, new PromptLengths([...texts, replacement], composition), task);
  return { task: limited, warnings: (limited.warnings ?? []).slice(task.warnings?.length ?? 0) };
}

/** @throws ConfigError */
function requireModelFolder(folder: string, name: string): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (isGgufModel(folder) ? found?.isFile() : found?.isDirectory()) return;
  throw new ConfigError(
    `--with ${name}: expected a model folder, a GGUF file or hf:OWNER/NAME, got ${existsSync(folder) ? 'a file' : 'nothing there'}`,
  );
}

/**
 * Requires memory for both models: at least the size of their weight files, or of the numbers of a GGUF file.
 *
 * @throws ConfigError if both models are larger than the free memory
 */
function requireMemory(...folders: readonly string[]): void {
  const bytes = folders.reduce(
    (sum, folder) => sum + (isGgufModel(folder) ? loadedBytes(folder) : weightBytes(folder)),
    0,
  );
  const available = process.availableMemory();
  if (bytes <= available) return;
  const gib = (value: number) => `${(value / 2 ** 30).toFixed(1)} GiB`;
  throw new ConfigError(
    `--with: expected room for both models, ${gib(bytes)} of weights, got ${gib(available)} of free memory; use a smaller model or --mode raw on a larger machine`,
  );
}
