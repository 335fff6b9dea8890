/**
 * Update of one agent within a stage: trains the agent on its batch and keeps the update only if it stays in
 * the trust region (gate 1).
 * @see SAT (arXiv 2605.05216) Algorithm 1
 * @module
 */
import { concurrencyOf, runConcurrently } from '../team/concurrency.ts';
import type { Agent, Team } from '../team/team.ts';
import { batchAdvantages } from './advantages.ts';
import { type Batch, ownTrajectories, type SequenceWeights, sequenceWeights } from './batch.ts';
import { progressOf, type RunContext } from './context.ts';
import { type OptimizeOutcome, optimize } from './optimize.ts';
import type { TrainOptions } from './options.ts';
import { trainStream } from './streams.ts';
import { recordPrediction } from './update-order.ts';

/**
 * Outcome of an agent's update before its acceptance test (gate 2), with the batch that the agent learned
 * from and the importance weights of that batch.
 */
export interface AgentUpdate {
  readonly batch: Batch;
  readonly weights: SequenceWeights;
  readonly outcome: OptimizeOutcome;
}

/** Computes importance weights and advantages of the batch and trains the agent's model on them, in place. */
export async function updateAgent(
  context: RunContext,
  team: Team,
  {
    batch,
    stage,
    agent,
    options,
    signal,
  }: {
    readonly batch: Batch;
    readonly stage: number;
    readonly agent: Agent;
    readonly options: TrainOptions;
    readonly signal: AbortSignal | undefined;
  },
): Promise<AgentUpdate> {
  const { id, model } = agent;
  await recordPrediction(context, team, { batch, agent, options }); // E65
  const weights = sequenceWeights(batch); // rho, c, omega: E10-E13
  const advantages_N = batchAdvantages(batch, id, { weights, options }); // advantages A_tilde: E19-E21
  // an agent is updated once per stage, so its update starts from the weights that sampled the batch
  const trajectories = ownTrajectories(batch, id, { advantages_N, truncated: options.truncated });
  const outcome = await optimize(model, trajectories, {
    options,
    state: context.state.agents[id],
    stream: trainStream(options.seed, 'minibatch', stage, id),
    signal,
    onProgress: (phase, done, total) => progressOf(context, { stage, agent: id }, phase)(done, total),
  }); // gate 1: E22-E38
  return { batch, weights, outcome };
}

/**
 * In simultaneous mode (all agents are updated from the team at the start of the stage), runs the agents'
 * updates concurrently if their models have their own devices.
 *
 * @returns updates by agent id; empty for sequential updates and for models that share a device
 */
export async function updateSimultaneously(
  { options, signal }: RunContext,
  { agents }: Team,
  sigma: readonly number[],
  update: (agent: Agent, signal?: AbortSignal) => Promise<AgentUpdate>,
): Promise<ReadonlyMap<number, AgentUpdate>> {
  if (options.updateSchedule !== 'simultaneous' || concurrencyOf(agents) <= 1) return new Map();
  const updated = await runConcurrently(
    sigma.map((i) => agents[i]),
    update,
    signal,
  );
  return new Map(sigma.map((i, position) => [i, updated[position]]));
}
