/**
 * The steps ROLLOUT and RESCORE of Algorithm 1: plays episodes of the current team, and computes the
 * log-probabilities of the messages with the trainer's own forward pass.
 * @module
 */
import { mean } from '../core/stats.ts';
import { runConcurrently } from '../team/concurrency.ts';
import { firstPrompts } from '../team/first-prompts.ts';
import { soloProtocol } from '../team/solo-protocol.ts';
import type { Agent, Team, Trajectory } from '../team/team.ts';
import { type Batch, ownMessages } from './batch.ts';
import { type PhaseScope, progressOf, type RunContext } from './context.ts';
import { playEpisodes } from './episodes.ts';
import { LogpScorer } from './logp-scorer.ts';
import { checkSampledLogp, type Mismatch } from './self-check.ts';
import { trainStream } from './streams.ts';
import { transcripts } from './transcripts.ts';

/** Number of prompts of each batch whose transcripts are written to the folder `completions/` of the run. */
const TRANSCRIBED_PROMPTS = 4;

/** Number of prompts, and of episodes per prompt, of the log-probability check before the first stage. */
const CHECK = { prompts: 2, samples: 2 } as const;

/**
 * Plays `numGenerations` episodes of each of the next `promptsPerStep` train prompts and computes logp_old of
 * the given agents' messages   (RUN_STAGE, E9). With credit `own` only the learning agent acts in the
 * episodes.
 *
 * @param request.agent - the agent that learns from the batch; absent: all agents learn from it
 * @param request.scored - agents whose log-probabilities are kept as logp_old and compared with the sampler's
 * @throws EngineError if the log-probabilities of sampler and trainer disagree
 */
export async function collectBatch(
  context: RunContext,
  team: Team,
  { scored, ...scope }: PhaseScope & { readonly scored: readonly Agent[] },
): Promise<Batch> {
  const { options, prompts, state } = context;
  const { stage, agent } = scope;
  const isSolo = options.credit === 'own' && agent !== undefined;
  const players = isSolo ? { ...team, protocol: soloProtocol(team.protocol, agent) } : team;
  const scorer = new LogpScorer(context, scored);
  const trajectories = await playEpisodes(context, players, {
    stage,
    onAgentTurn: (agentId, messages) => scorer.start(agentId, messages),
    items: prompts.train.take(options.promptsPerStep),
    samples: options.numGenerations,
    stream: trainStream(options.seed, 'rollout', stage, agent === undefined ? 0 : agent + 1),
    ...(options.companions === 'shared' && agent !== undefined && { learner: agent }),
    onProgress: progressOf(context, scope, 'rollout'),
  });
  const tokens = sampledTokens(trajectories);
  state.tokens += tokens;
  context.transcribe(stage, transcripts(trajectories, { ...scope, prompts: TRANSCRIBED_PROMPTS }));
  const overflows = trajectories.filter(({ overflow }) => overflow !== undefined);
  context.emit({
    kind: 'rollout',
    ...scope,
    reward: mean(trajectories.map(({ reward }) => reward)),
    trajectories: trajectories.length,
    tokens,
    ...(overflows.length > 0 && { overflows: overflows.length }),
  });
  warnOnceOfOverflow(context, stage, overflows[0]);
  return scoreBatch(context, team, { trajectories, scorer, scope });
}

/** Emits a warning about the first episode of the run whose context was full; the report counts all of them. */
function warnOnceOfOverflow({ state, emit }: RunContext, stage: number, first: Trajectory | undefined): void {
  if (first === undefined || state.overflowed === true) return;
  state.overflowed = true;
  emit({
    kind: 'warning',
    stage,
    message: `an episode on ${first.item.id} counts as wrong: ${first.verdict.reason}; in a new run, lower train.max_completion_length, or use shorter prompts or fewer rounds`,
  });
}

/** Returns the number of sampled tokens. A teammate's message that several episodes share counts once. */
function sampledTokens(trajectories: readonly Trajectory[]): number {
  const messages = new Set(trajectories.flatMap(({ messages }) => messages.map(({ tokens }) => tokens)));
  return [...messages].reduce((sum, tokens) => sum + tokens.length, 0);
}

/**
 * Computes the trainer's logp of the scored agents' messages (RESCORE) and compares it with the sampler's
 * logp (E9).
 */
export async function scoreBatch(
  context: Pick<RunContext, 'emit'>,
  team: Team,
  {
    trajectories,
    scorer,
    scope,
  }: {
    readonly trajectories: readonly Trajectory[];
    readonly scorer: LogpScorer;
    readonly scope: PhaseScope;
  },
): Promise<Batch> {
  const own = ownMessages(trajectories, team.agents.length);
  const logpOld = new Map<number, readonly Float32Array[]>();
  const mismatch = new Map<number, Mismatch>();
  const rows = await runConcurrently(scorer.agents, (agent) => {
    const { messages } = own[agent.id];
    progressOf(context, { ...scope, agent: agent.id }, 'score')(0, messages.length);
    return scorer.logpOf(agent, messages);
  });
  for (const [index, agent] of scorer.agents.entries()) {
    mismatch.set(agent.id, checkSampledLogp(agent, own[agent.id].messages, rows[index]));
    logpOld.set(agent.id, rows[index]);
  }
  return { trajectories, own, logpOld, mismatch, done: new Map() };
}

/**
 * Checks before training, on a few episodes, that sampler and trainer of every agent compute equal
 * log-probabilities (E9). The episodes are not used for training.
 *
 * @throws EngineError if the log-probabilities of sampler and trainer disagree
 */
export async function checkTeam(context: RunContext, team: Team): Promise<void> {
  const { task, options } = context;
  const trajectories = await playEpisodes(context, team, {
    stage: 0,
    items: firstPrompts(task, 'train', CHECK.prompts),
    samples: CHECK.samples,
    stream: trainStream(options.seed, 'check'),
  });
  await scoreBatch(context, team, {
    trajectories,
    scorer: new LogpScorer(context, team.agents),
    scope: { stage: 0 },
  });
}
