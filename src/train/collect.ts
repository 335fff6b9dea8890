/**
 * ROLLOUT and RESCORE of Algorithm 1: episodes of the team as it is now, and their log-probabilities by
 * the trainer's own forward pass.
 * @module
 */
import { mean } from '../core/stats.ts';
import { soloProtocol } from '../team/solo-protocol.ts';
import { runConcurrently } from '../team/concurrency.ts';
import type { Agent, Team, Trajectory } from '../team/team.ts';
import { type Batch, ownMessages } from './batch.ts';
import { type PhaseScope, progressOf, type RunContext } from './context.ts';
import { playEpisodes } from './episodes.ts';
import { LogpScorer } from './logp-scorer.ts';
import { checkSampledLogp, type Mismatch } from './self-check.ts';
import { trainStream } from './streams.ts';
import { transcripts } from './transcripts.ts';

/** Prompts of each batch whose transcripts are kept for reading. */
const TRANSCRIBED_PROMPTS = 4;

/** Prompts and samples of the check before the first stage. */
const CHECK = { prompts: 2, samples: 2 } as const;

/**
 * Rolls out `numGenerations` episodes for each of the next `promptsPerStep` train prompts and scores what
 * the given agents wrote; logp_old of the others is not needed   (RUN_STAGE, E9). With credit `own` the
 * agent the batch is for plays it alone.
 *
 * @param place - the stage, and the agent the batch is for if it is for one
 * @param scored - agents whose log-probabilities are frozen as logp_old and compared with the sampler's
 * @throws EngineError if sampler and trainer disagree
 */
export async function collectBatch(
  context: RunContext,
  team: Team,
  { scored, ...place }: PhaseScope & { readonly scored: readonly Agent[] },
): Promise<Batch> {
  const { options, prompts, state } = context;
  const { stage, agent } = place;
  const isAlone = options.credit === 'own' && agent !== undefined;
  const players = isAlone ? { ...team, protocol: soloProtocol(team.protocol, agent) } : team;
  const scores = new LogpScorer(context, scored);
  const trajectories = await playEpisodes(context, players, {
    stage,
    onAgentTurn: (speaker, messages) => scores.start(speaker, messages),
    items: prompts.train.take(options.promptsPerStep),
    samples: options.numGenerations,
    stream: trainStream(options.seed, 'rollout', stage, agent === undefined ? 0 : agent + 1),
    ...(options.companions === 'shared' && agent !== undefined && { learner: agent }),
    onProgress: progressOf(context, place, 'rollout'),
  });
  const tokens = sampledTokens(trajectories);
  state.tokens += tokens;
  context.transcribe(stage, transcripts(trajectories, { ...place, prompts: TRANSCRIBED_PROMPTS }));
  context.emit({
    kind: 'rollout',
    ...place,
    reward: mean(trajectories.map(({ reward }) => reward)),
    trajectories: trajectories.length,
    tokens,
  });
  return scoreBatch(context, team, { trajectories, scores, place });
}

/** Tokens that were sampled: a companion's message that several episodes share counts once. */
function sampledTokens(trajectories: readonly Trajectory[]): number {
  const messages = new Set(trajectories.flatMap(({ messages }) => messages.map(({ tokens }) => tokens)));
  return [...messages].reduce((sum, tokens) => sum + tokens.length, 0);
}

/** RESCORE: the trainer's logp of every own message, compared with the sampler's (E9). */
export async function scoreBatch(
  context: Pick<RunContext, 'emit'>,
  team: Team,
  {
    trajectories,
    scores,
    place,
  }: {
    readonly trajectories: readonly Trajectory[];
    readonly scores: LogpScorer;
    readonly place: PhaseScope;
  },
): Promise<Batch> {
  const own = ownMessages(trajectories, team.agents.length);
  const logpOld = new Map<number, readonly Float32Array[]>();
  const mismatch = new Map<number, Mismatch>();
  const rows = await runConcurrently(scores.agents, (agent) => {
    const { messages } = own[agent.id];
    progressOf(context, { ...place, agent: agent.id }, 'score')(0, messages.length);
    return scores.logpOf(agent, messages);
  });
  for (const [index, agent] of scores.agents.entries()) {
    mismatch.set(agent.id, checkSampledLogp(agent, own[agent.id].messages, rows[index]));
    logpOld.set(agent.id, rows[index]);
  }
  return { trajectories, own, logpOld, mismatch, done: new Map() };
}

/**
 * E9 for every agent on a few episodes, before anything is trained; they are not trained on.
 *
 * @throws EngineError if sampler and trainer disagree
 */
export async function checkTeam(context: RunContext, team: Team): Promise<void> {
  const { task, options } = context;
  const available = Math.min(CHECK.prompts, task.size('train') ?? CHECK.prompts);
  const trajectories = await playEpisodes(context, team, {
    stage: 0,
    items: Array.from({ length: available }, (_, index) => task.item('train', index)),
    samples: CHECK.samples,
    stream: trainStream(options.seed, 'check'),
  });
  await scoreBatch(context, team, {
    trajectories,
    scores: new LogpScorer(context, team.agents),
    place: { stage: 0 },
  });
}
