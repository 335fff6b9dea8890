/**
 * RUN_STAGE, Algorithm 1 of the paper: the agents of a team are updated one after the other, each on what
 * the team does *now*, teammates' updates of this stage included. Every line that computes something
 * names its equation; the mathematics is in `core/`.
 * Differs from the paper: logp_beh stays frozen (its Algorithm 1 overwrites pi_cur inside the loop, which
 * makes every ratio 1), and what leaves the trust region is not kept.
 * @see SAT (arXiv 2605.05216) Algorithm 1
 * @module
 */
import { groupNormalizedAdvantages, groupRelativeAdvantages } from '../core/advantage.ts';
import { randomOrder, reverseOrder, staticOrder } from '../core/order.ts';
import { mean } from '../core/stats.ts';
import type { Agent, Team } from '../team/team.ts';
import { type Batch, ownTrajectories, sequenceWeights } from './batch.ts';
import { collectBatch } from './collect.ts';
import { progressOf, type RunContext } from './context.ts';
import type { UpdateStatus } from './events.ts';
import { testUpdate } from './gate.ts';
import { type OptimizeOutcome, optimize } from './optimize.ts';
import type { TrainOptions } from './options.ts';
import { shuffleDraws, trainStream } from './streams.ts';
import { updateRecord } from './update-record.ts';

/** One pass over the team. */
export interface StageSummary {
  /** Mean team reward of the stage's episodes, reward units. */
  readonly reward: number;
  /** Agents whose update was accepted. */
  readonly accepted: number;
}

/**
 * Updates every agent once, in place   (RUN_STAGE).
 *
 * TRAIN and TEST prompts are different splits of the task, not shares of one batch: losses, orders and
 * gate 1 read `prompts.train` only, acceptance tests `prompts.test` only.
 *
 * @param stage - 1 for the first
 * @throws EngineError if sampler and trainer disagree (E9)
 */
export async function runStage(context: RunContext, team: Team, stage: number): Promise<StageSummary> {
  const options = withScaledRadius(context);
  // reuse: one batch under pi_cur for the whole stage
  const reused =
    options.rolloutMode === 'reuse'
      ? await collectBatch(context, team, { stage, scored: team.agents })
      : undefined;
  const sigma = updateOrder(team, { options, stage, reused }); // E43
  context.emit({ kind: 'stage_started', stage, order: sigma });
  const rewards: number[] = [];
  let accepted = 0;

  for (const i of sigma) {
    const agent = team.agents[i];
    // fresh: a batch under pi_hat^{i-1} for this step; nobody is `done` since it was rolled out
    const batch = reused ?? (await collectBatch(context, team, { stage, agent: i, scored: [agent] }));
    const weights = sequenceWeights(batch); // rho, c, omega: E10-E13
    const advantages = batchAdvantages(batch, weights.omega_N, options); // A_tilde: E19-E21
    // logp_cur is logp_beh: an agent is updated once per stage, so its own weights are still the rollout's
    const trajectories = ownTrajectories(batch, i, advantages);

    const outcome = await optimize(agent.model, trajectories, {
      options,
      state: context.state.agents[i],
      stream: trainStream(options.seed, 'minibatch', stage, i),
      signal: context.signal,
      onProgress: (phase, done, total) => progressOf(context, { stage, agent: i }, phase)(done, total),
    }); // gate 1: E22-E38
    context.state.agents[i] = outcome.next;
    const status = await passGateTwo(context, stage, { team, agent, outcome }); // E64
    if (status === 'ACCEPT') {
      accepted++; // pi_hat^i: the weights in place
      if (reused !== undefined) await markDone(reused, agent, options);
    }
    rewards.push(mean(batch.trajectories.map(({ reward }) => reward)));
    context.emit({
      kind: 'update',
      ...updateRecord(batch, { stage, agent: i, status, outcome, options, weights }),
    });
  }
  return { reward: mean(rewards), accepted };
}

/** Every roll-back halves all radii; see `gate.ts`. */
function withScaledRadius({ options, state }: RunContext): TrainOptions {
  const { targetKl, targetKlMessage, ...rules } = options.trustRegion;
  const scale = state.gate.radiusScale;
  return {
    ...options,
    trustRegion: {
      ...rules,
      targetKl: targetKl * scale,
      ...(targetKlMessage !== undefined && { targetKlMessage: targetKlMessage * scale }),
    },
  };
}

/**
 * sigma   (E43). With fresh rollouts there is no batch yet when `reverse` is asked for, and every agent
 * counts as speaking equally early: n-1..0, which is the rule's own result for ids in speaking order.
 */
function updateOrder(
  { agents: { length: n } }: Team,
  {
    options,
    stage,
    reused,
  }: { readonly options: TrainOptions; readonly stage: number; readonly reused: Batch | undefined },
): number[] {
  switch (options.order) {
    case 'static':
      return staticOrder(n);
    case 'random':
      return randomOrder(n, shuffleDraws(trainStream(options.seed, 'order', stage), n));
    case 'reverse':
      return reverseOrder(staticOrder(n).map((i) => (reused ? meanFirstTurn(reused, i) : 0)));
    default:
      return options.order satisfies never;
  }
}

/** Mean over the batch of the index of the agent's first own turn; NaN if it is silent. */
function meanFirstTurn({ own }: Batch, agent: number): number {
  const { messages, trajectoryOf } = own[agent];
  const first = new Map<number, number>();
  for (const [m, { turn }] of messages.entries()) {
    const n = trajectoryOf[m];
    first.set(n, Math.min(turn, first.get(n) ?? turn));
  }
  return first.size === 0 ? Number.NaN : mean([...first.values()]);
}

/** A_hat = omega (R - b) (E19), normalised within the group (E20) and clipped (E21). */
function batchAdvantages(
  { trajectories }: Batch,
  omega_N: Float64Array,
  { normalise, advantageClip }: TrainOptions,
): Float64Array {
  const groups = trajectories.map(({ group }) => group);
  const returns = trajectories.map(({ reward }) => reward);
  const advantages = groupRelativeAdvantages(returns, omega_N, groups);
  return groupNormalizedAdvantages(advantages, groups, { normalise, clip: advantageClip });
}

/** ACCEPT_TEST where the run asks for it after every step; a failed one restores S0. */
async function passGateTwo(
  context: RunContext,
  stage: number,
  { team, agent, outcome }: { readonly team: Team; readonly agent: Agent; readonly outcome: OptimizeOutcome },
): Promise<UpdateStatus> {
  if (outcome.status === 'SKIP') return 'SKIP';
  const { start } = outcome;
  let status: UpdateStatus = outcome.status;
  if (status === 'ACCEPT' && context.options.gate.kind === 'step') {
    if (!(await testUpdate(context, stage, { team, agent, before: start }))) {
      await agent.model.restore(start);
      status = 'REJECT_TEST';
    }
  }
  agent.model.release(start);
  return status;
}

/** The agent counts in rho from here on: its new logp of the shared batch (E10). */
async function markDone(batch: Batch, { id, model }: Agent, { temperature }: TrainOptions): Promise<void> {
  const { messages } = batch.own[id];
  batch.done.set(id, await model.forward(messages, { temperature }));
}
