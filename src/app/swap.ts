/**
 * What `troupe swap` does, in order: checks, the forecast from episodes already played, the candidate, the
 * paired comparison, the acceptance test, the new run folder. The old team is only read.
 * @module
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ResolvedConfig, resolveConfig } from '../config/resolve.ts';
import { trainOptions } from '../config/train-options.ts';
import type { Model } from '../engine/engine.ts';
import { createProgressLine, type ProgressLine, progressText } from '../observe/progress-line.ts';
import { renderSwap, type SwapContender, type SwapRecord, swapJson } from '../report/swap-report.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, readCheckpointState, type StoredTeam } from '../store/read-run.ts';
import { assertFree } from '../store/run-folder.ts';
import { ConfigError } from '../support/errors.ts';
import { isHubReference } from '../support/model-reference.ts';
import { decideSwap, evaluateCandidate, withModel } from '../swap/acceptance.ts';
import { signTest } from '../swap/sign-test.ts';
import type { Team } from '../team/team.ts';
import { createContext, type RunContext } from '../train/context.ts';
import { type RunState, resumeState } from '../train/state.ts';
import { evaluationStream } from './before-after.ts';
import { type Composition, closeTeam, compose, loadTeam, requirePrompts } from './compose.ts';
import { modelFolder } from './hub-models.ts';
import { listenForInterrupt } from './interrupt.ts';
import {
  type Candidate,
  type CandidateParts,
  copyModel,
  createCandidate,
  type Distillation,
  teachReplacement,
} from './swap-candidate.ts';
import { storedEpisodes } from './swap-episodes.ts';
import { foundSwappedRun } from './swap-folder.ts';
import type { SwapRequest } from './swap-request.ts';
import { train } from './train.ts';

/** A request whose words were all understood. */
interface CheckedRequest extends SwapRequest {
  readonly stored: StoredTeam;
  readonly resolved: ResolvedConfig;
  readonly seat: number;
}

/** @throws TroupeError; nothing was changed, and no folder is left half-made */
export async function swap(request: SwapRequest): Promise<void> {
  const checked = await checkRequest(request);
  const { out, json = false, mode, dryRun } = checked;
  const record = await swapSeat(checked);
  process.stdout.write(json ? swapJson(record) : `${renderSwap(record)}\n`);
  if (mode !== 'handover' || dryRun || out === undefined) return;
  const stages = { flag: '--train.stages', path: ['train', 'stages'], value: checked.handoverStages };
  const resolved = resolveConfig(join(out, CONFIG_FILE), [stages]);
  await train({ resolved, run: out, resume: true, json });
}

/** @throws ConfigError naming the flag */
async function checkRequest(request: SwapRequest): Promise<CheckedRequest> {
  const { mode, delta0, candidates, out } = request;
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
  const resolved = resolveConfig(join(stored.run, CONFIG_FILE), request.overrides);
  const { agents } = resolved.config;
  const names = agents.map(({ name }) => name);
  const named = names.indexOf(request.agent);
  const seat = named >= 0 ? named : Number(request.agent);
  if (!Number.isInteger(seat) || seat < 0 || seat >= agents.length)
    throw new ConfigError(
      `--agent: expected 0 to ${agents.length - 1} or one of ${names.join(', ')}, got ${request.agent}`,
    );
  return {
    ...request,
    ...(out !== undefined && { out: resolve(out) }),
    stored,
    resolved,
    seat,
  };
}

async function swapSeat(request: CheckedRequest): Promise<SwapRecord> {
  const { stored, resolved, seat } = request;
  const composition = await compose(resolved);
  const interruption = listenForInterrupt('stopping; the old team is as it was');
  const line = createProgressLine({ stream: process.stderr });
  let team: Team | undefined;
  let replacement: Model | undefined;
  try {
    requirePrompts(composition, 'test', { atLeast: 2, purpose: 'the comparison' });
    const reference = request.replacement;
    const source = await modelFolder(isHubReference(reference) ? reference : resolve(reference));
    const incumbent = stored.agents[seat] as string;
    requireModel(source, reference);
    requireMemory(source, incumbent);
    team = await loadTeam(composition, { folders: stored.agents });
    replacement = await composition.loadModel({ dir: source });
    requireContext(resolved, replacement, reference);
    const slots = resolved.config.engine.decode_batch;
    const parts: CandidateParts = { request, agent: seat, team, replacement, slots };
    const state = resumeState(await readCheckpointState(stored), team.agents.length);
    const context = swapContext(composition, state, { signal: interruption.signal, line });
    const { record, write } = await rehearse(composition, parts, { request, context });
    if (request.dryRun || request.out === undefined) return record;
    const { out } = request;
    const sources = { incumbent, replacement: source };
    const others = await foundSwappedRun(composition, stored, { out, agent: seat, sources, write, context });
    return { ...record, out, others };
  } finally {
    line.close();
    interruption.release();
    await closeTeam(team);
    await replacement?.close();
    await composition.engine.close();
  }
}

/** The run to be made of the swapped team goes on with the old run's prompts; the seat starts afresh. */
function swapContext(
  { task, resolved }: Composition,
  state: RunState,
  { signal, line }: { readonly signal: AbortSignal; readonly line: ProgressLine },
): RunContext {
  const started = performance.now();
  return createContext({
    task,
    options: trainOptions(resolved.config),
    state,
    signal,
    emit(event) {
      if (event.kind !== 'phase' || event.done === undefined) return;
      const elapsedMs = performance.now() - started;
      line.update(progressText(event.phase, { done: event.done, total: event.total ?? 0, elapsedMs }));
    },
    transcribe: () => {},
  });
}

/** Everything but writing: forecast, candidate, comparison, decision. */
async function rehearse(
  composition: Composition,
  parts: CandidateParts,
  { request, context }: { readonly request: CheckedRequest; readonly context: RunContext },
): Promise<{ readonly record: SwapRecord; readonly write: Candidate['write'] }> {
  const { team, agent, replacement } = parts;
  const { stored, resolved, mode, dryRun = false } = request;
  const { config } = resolved;
  const candidate = createCandidate(parts);
  const forecast = await signTest(team, storedEpisodes(stored.run, agent), {
    agent,
    replacement,
    ...(candidate?.model.handover && { mixture: candidate.model }),
    temperature: config.train.temperature,
    maxTokens: config.train.max_completion_length,
    ...(context.signal && { signal: context.signal }),
  });
  const incumbent = team.agents[agent]?.model as Model;
  const seatModel = candidate?.model ?? replacement;
  const facts = {
    run: stored.run,
    checkpoint: stored.checkpoint,
    agent: { id: agent, name: team.agents[agent]?.name ?? `agent_${agent}` },
    replacement: request.replacement,
    mode,
    ...(mode !== 'raw' && { delta0: request.delta0 }),
    parameters: {
      incumbent: incumbent.parameterCount,
      replacement: replacement.parameterCount,
      seat: seatModel.parameterCount,
    },
    seatBytes: seatModel.parameterCount * Float32Array.BYTES_PER_ELEMENT,
    forecast,
  };
  const write: Candidate['write'] =
    candidate?.write ?? (async (dir, sources) => copyModel(sources.replacement, dir));
  if (dryRun) return { record: { ...facts, contenders: [], notes: candidate?.notes() ?? [], dryRun }, write };

  const played = await contest(composition, parts, { candidate, context });
  return { record: { ...facts, ...played, notes: candidate?.notes() ?? [], dryRun }, write };
}

type Played = Pick<SwapRecord, 'prompts' | 'samples' | 'contenders'> & {
  readonly decision: NonNullable<SwapRecord['decision']>;
  readonly distillation?: Distillation;
};

/** Before, raw and candidate on the same test prompts; then the acceptance test on validation prompts. */
async function contest(
  { resolved, task }: Composition,
  parts: CandidateParts,
  { candidate, context }: { readonly candidate: Candidate | undefined; readonly context: RunContext },
): Promise<Played> {
  const { team, agent, replacement, request } = parts;
  const { config } = resolved;
  const options = {
    split: 'test',
    prompts: config.eval.prompts,
    samples: config.eval.k,
    temperature: config.train.temperature,
    maxTokens: config.train.max_completion_length,
    stream: evaluationStream(config.seed),
    ...(context.signal && { signal: context.signal }),
    onProgress: (done: number, total: number) =>
      context.emit({ kind: 'phase', stage: 0, phase: 'evaluate', done, total }),
  } as const;
  const before = await evaluateCandidate({ label: 'before', team }, task, options);
  const paired = { ...options, against: before.evaluation };
  const raw = withModel(team, agent, replacement);
  const entries = [before, await evaluateCandidate({ label: 'raw swap', team: raw }, task, paired)];
  const teams = [team, raw];
  // distillation changes the replacement, so raw is measured before it
  const distillation = request.mode === 'distil' ? await teachReplacement(context, parts) : undefined;
  if (candidate) {
    const after = withModel(team, agent, candidate.model);
    entries.push(await evaluateCandidate({ label: candidate.label, team: after }, task, paired));
    teams.push(after);
  }
  const { path: _, ...decision } = await decideSwap(context, { before: team, after: teams.at(-1) as Team });
  context.state.agents[agent] = { beta: context.options.beta, lrScale: 1 };
  return {
    prompts: before.evaluation.prompts,
    samples: options.samples,
    contenders: entries.map(({ evaluation, difference }, index): SwapContender => {
      const member = evaluation.agents[agent];
      return {
        label: evaluation.label,
        team: evaluation.team.avg,
        ...(team.protocol.agentsAnswer && member && { member: member.avg }),
        ...(difference && { difference }),
        parameters: (teams[index] as Team).agents.reduce((sum, { model }) => sum + model.parameterCount, 0),
        tokensPerAnswer: evaluation.tokens / (evaluation.prompts * evaluation.samples),
      };
    }),
    decision,
    ...(distillation && { distillation }),
  };
}

/** @throws ConfigError if the team's messages could not fit */
function requireContext({ config }: ResolvedConfig, replacement: Model, name: string): void {
  const { max_completion_length } = config.train;
  const { maxContext } = replacement.capabilities;
  if (max_completion_length < maxContext) return;
  throw new ConfigError(
    `--with ${name}: expected a model that holds more than the team's ${max_completion_length} tokens of a message, got one of ${maxContext} (max_position_embeddings)`,
  );
}

/** @throws ConfigError */
function requireModel(folder: string, name: string): void {
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  if (isFolder) return;
  throw new ConfigError(
    `--with ${name}: expected a model folder or hf:OWNER/NAME, got ${existsSync(folder) ? 'a file' : 'nothing there'}`,
  );
}

/** Weights in float32, gradients and moments aside, of both models at once. @throws ConfigError */
function requireMemory(...folders: readonly string[]): void {
  const bytes = folders.reduce((sum, folder) => sum + weightBytes(folder), 0);
  const available = process.availableMemory();
  if (bytes <= available) return;
  const gib = (value: number) => `${(value / 2 ** 30).toFixed(1)} GiB`;
  throw new ConfigError(
    `--with: expected room for both models, ${gib(bytes)} of weights, got ${gib(available)} of free memory; use a smaller model or --mode raw on a larger machine`,
  );
}

function weightBytes(folder: string): number {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors'))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}
