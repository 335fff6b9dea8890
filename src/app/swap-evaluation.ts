/**
 * Evaluates a swap in three steps: a forecast from stored episodes, a comparison of the teams on the test
 * split, and an acceptance test on the validation split.
 * @module
 */
import type { Model } from '../engine/engine.ts';
import { decideSwap, evaluateCandidate, withModel } from '../swap/acceptance.ts';
import { signTest } from '../swap/sign-test.ts';
import type { Distillation, SwapContender, SwapRecord } from '../swap/swap-record.ts';
import type { Team } from '../team/team.ts';
import type { RunContext } from '../train/context.ts';
import { untrainedAgent } from '../train/state.ts';
import type { Composition } from './compose.ts';
import { evaluationStream } from './evaluation-stream.ts';
import {
  type Candidate,
  type CandidateParts,
  copyModel,
  createCandidate,
  type WriteModel,
} from './swap-candidate.ts';
import { distilReplacement } from './swap-distillation.ts';
import { storedEpisodes } from './swap-episodes.ts';

/** Facts about a swap that its record contains. */
export interface SwapFacts {
  readonly run: string;
  readonly checkpoint: string;
  /** The replacement model as the user named it: a hub reference or a folder. */
  readonly replacement: string;
  readonly dryRun: boolean;
}

/** @returns the record of the swap, and a function that writes the model folder of the swapped agent */
export async function evaluateSwap(
  composition: Composition,
  parts: CandidateParts,
  { context, ...facts }: SwapFacts & { readonly context: RunContext },
): Promise<{ readonly record: SwapRecord; readonly write: WriteModel }> {
  const { team, agent, replacement, settings } = parts;
  const { train } = composition.config;
  const { mode, delta0 } = settings;
  const candidate = createCandidate(parts);
  const forecast = await signTest(team, storedEpisodes(facts.run, agent), {
    agent,
    replacement,
    ...(candidate?.model.handover && { mixture: candidate.model }),
    temperature: train.temperature,
    maxTokens: train.max_completion_length,
    ...(context.signal && { signal: context.signal }),
  });
  const incumbent = team.agents[agent]?.model as Model;
  const seatModel = candidate?.model ?? replacement;
  const base = {
    run: facts.run,
    checkpoint: facts.checkpoint,
    agent: { id: agent, name: team.agents[agent]?.name ?? `agent_${agent}` },
    replacement: facts.replacement,
    mode,
    ...(mode !== 'raw' && { delta0 }),
    parameters: {
      incumbent: incumbent.parameterCount,
      replacement: replacement.parameterCount,
      seat: seatModel.parameterCount,
    },
    seatBytes: seatModel.parameterCount * Float32Array.BYTES_PER_ELEMENT,
    forecast,
  };
  const contest = facts.dryRun
    ? { contenders: [] }
    : await compareTeams(composition, parts, { candidate, context });
  return {
    record: { ...base, ...contest, notes: candidate?.notes() ?? [], dryRun: facts.dryRun },
    write: candidate?.write ?? (async (dir, sources) => copyModel(sources.replacement, dir)),
  };
}

type Contest = Pick<SwapRecord, 'prompts' | 'samples' | 'contenders'> & {
  readonly decision: NonNullable<SwapRecord['decision']>;
  readonly distillation?: Distillation;
};

/**
 * Evaluates the old team, the team with the unchanged replacement model, and the team with the candidate
 * model of the swap's mode, all on the same prompts of the test split. Then runs the acceptance test.
 */
async function compareTeams(
  { config, task }: Composition,
  parts: CandidateParts,
  { candidate, context }: { readonly candidate: Candidate | undefined; readonly context: RunContext },
): Promise<Contest> {
  const { team, agent, replacement, settings } = parts;
  const options = {
    split: 'test',
    prompts: config.eval.prompts,
    samples: config.eval.k,
    temperature: config.train.temperature,
    maxTokens: config.train.max_completion_length,
    truncated: config.train.truncated,
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
  // the unchanged replacement was evaluated above, because distillation changes its weights
  const distillation = settings.mode === 'distil' ? await distilReplacement(context, parts) : undefined;
  if (candidate) {
    const after = withModel(team, agent, candidate.model);
    entries.push(await evaluateCandidate({ label: candidate.label, team: after }, task, paired));
    teams.push(after);
  }
  const { path: _, ...decision } = await decideSwap(context, { before: team, after: teams.at(-1) as Team });
  context.state.agents[agent] = untrainedAgent(context.options.beta);
  return {
    prompts: before.evaluation.prompts,
    samples: options.samples,
    contenders: entries.map(({ evaluation, difference }, index): SwapContender => {
      const own = evaluation.agents[agent];
      return {
        label: evaluation.label,
        team: evaluation.team.avg,
        ...(team.protocol.agentsAnswer && own && { agent: own.avg }),
        ...(difference && { difference }),
        parameters: (teams[index] as Team).agents.reduce((sum, { model }) => sum + model.parameterCount, 0),
        tokensPerAnswer: evaluation.tokens / (evaluation.prompts * evaluation.samples),
      };
    }),
    decision,
    ...(distillation && { distillation }),
  };
}
