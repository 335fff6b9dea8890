/**
 * Updates the agents of a team one after the other (RUN_STAGE, Algorithm 1 of the paper). Each agent learns
 * from the distribution of the current team, which includes the earlier updates of this stage. The comments
 * name the equations of `docs/algorithm.md`; the mathematics is in `core/`.
 * Differs from the paper: logp_old stays frozen (the paper's Algorithm 1 overwrites the old policy pi_old
 * inside the loop, so every ratio of new to old policy is 1), and updates that leave the trust region are not
 * kept.
 * @see SAT (arXiv 2605.05216) Algorithm 1
 * @module
 */
import { mean } from '../core/stats.ts';
import type { Agent, Team } from '../team/team.ts';
import { type AgentUpdate, updateAgent, updateSimultaneously } from './agent-update.ts';
import type { Batch } from './batch.ts';
import { type Certifier, createCertifier } from './certificate.ts';
import { collectBatch } from './collect.ts';
import type { RunContext } from './context.ts';
import type { CertificateRecord, UpdateRecord, UpdateStatus } from './events.ts';
import { testUpdate } from './gate.ts';
import type { OptimizeOutcome } from './optimize.ts';
import type { TrainOptions } from './options.ts';
import { stageBatches } from './stage-batches.ts';
import { updateOrder } from './update-order.ts';
import { updateRecord } from './update-record.ts';

/** Result of one stage: one update of every agent. */
export interface StageSummary {
  /** Mean team reward of the stage's episodes, reward units. */
  readonly reward: number;
  /** Standard error of `reward` over prompts; absent if a batch has a single prompt. */
  readonly rewardSe?: number;
  /** Number of accepted updates. */
  readonly accepted: number;
  readonly certificate?: CertificateRecord;
}

/**
 * Updates every agent once, in place   (RUN_STAGE). With `updateSchedule: 'simultaneous'` all episodes are
 * played before the first update, so all updates start from pi_old, the team at the start of the stage.
 *
 * Losses, update orders and the KL checks of the trust region use prompts of the train split only. Acceptance
 * tests and certificates (lower bounds on the gain) use prompts of the validation split only.
 *
 * @param stage - number of the stage, >= 1
 * @throws EngineError if the log-probabilities of sampler and trainer disagree (E9)
 */
export async function runStage(context: RunContext, team: Team, stage: number): Promise<StageSummary> {
  const options = withScaledRadius(context);
  // with rollout mode `reuse`, all updates learn from one batch of the team at the start of the stage
  const reused =
    options.rolloutMode === 'reuse'
      ? await collectBatch(context, team, { stage, scored: team.agents })
      : undefined;
  const sigma = await updateOrder(context, team, { options, stage, reused }); // E43
  context.emit({ kind: 'stage_started', stage, order: sigma });
  const batchOf = await stageBatches(context, team, { stage, sigma, reused });
  const certifier = await createCertifier(context, team, stage); // E66
  const records: UpdateRecord[] = [];
  let accepted = 0;

  const update = async ({ id }: Agent, signal?: AbortSignal): Promise<AgentUpdate> => {
    // with fresh rollouts and sequential updates, this batch is sampled by the team after all preceding
    // updates
    const batch = await batchOf(id);
    return updateAgent(context, team, { batch, stage, agent: team.agents[id], options, signal });
  };
  const simultaneous = await updateSimultaneously(context, team, sigma, update);

  for (const i of sigma) {
    const agent = team.agents[i];
    // computes importance ratios and advantages, trains, and checks the trust region (E10-E38)
    const { batch, weights, outcome } = simultaneous.get(i) ?? (await update(agent, context.signal));
    context.state.agents[i] = outcome.next;
    const status = await passGateTwo(context, stage, { team, agent, outcome }); // E64
    const certificate = await certifyAndRelease(certifier, { agent, status, outcome }); // E61-E63
    if (status === 'ACCEPT') {
      accepted++; // from here on the team contains this update
      if (reused && options.updateSchedule === 'sequential') await markDone(reused, agent, options);
    }
    const record = updateRecord(batch, { stage, agent: i, status, outcome, options, weights, certificate });
    records.push(record);
    context.emit({ kind: 'update', ...record });
  }
  const certificate = await certifier.finish();
  return { ...stageReward(records, reused !== undefined), accepted, ...(certificate && { certificate }) };
}

/**
 * Returns the mean reward over the stage's batches and its standard error. Batches of fresh rollouts are
 * independent samples. With `isOneBatch` all updates used one batch, so its standard error is returned
 * unchanged.
 */
function stageReward(
  records: readonly UpdateRecord[],
  isOneBatch: boolean,
): Pick<StageSummary, 'reward' | 'rewardSe'> {
  const reward = mean(records.map((record) => record.reward));
  const errors = records.flatMap(({ rewardSe }) => (rewardSe === undefined ? [] : [rewardSe]));
  // a batch with a single prompt has no standard error
  if (errors.length < records.length) return { reward };
  const rootMeanSquare = Math.sqrt(mean(errors.map((error) => error * error)));
  return { reward, rewardSe: isOneBatch ? rootMeanSquare : rootMeanSquare / Math.sqrt(errors.length) };
}

/**
 * Returns the options with the trust-region radii (KL limits) multiplied by the scale that earlier rollbacks
 * have reduced; see `gate.ts`.
 */
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
 * With gate kind `step`: runs the acceptance test of the update on validation prompts (ACCEPT_TEST of
 * Algorithm 1). If the test does not accept, restores S0, the model before the update.
 */
async function passGateTwo(
  context: RunContext,
  stage: number,
  { team, agent, outcome }: { readonly team: Team; readonly agent: Agent; readonly outcome: OptimizeOutcome },
): Promise<UpdateStatus> {
  if (outcome.status !== 'ACCEPT' || context.options.gate.kind !== 'step') return outcome.status;
  const { start } = outcome;
  if (await testUpdate(context, stage, { team, agent, before: start })) return 'ACCEPT';
  await agent.model.restore(start);
  return 'REJECT_TEST';
}

/**
 * Computes the certificate (lower bound on the gain) of an accepted update and releases the snapshot S0 of
 * the model before the update.
 */
async function certifyAndRelease(
  certifier: Certifier,
  update: { readonly agent: Agent; readonly status: UpdateStatus; readonly outcome: OptimizeOutcome },
): Promise<CertificateRecord | undefined> {
  const { agent, status, outcome } = update;
  if (outcome.status === 'SKIP') return undefined;
  const { start, attempts } = outcome;
  const klMax = attempts.at(-1)?.klMax ?? Number.NaN;
  const certificate = status === 'ACCEPT' ? await certifier.step({ agent, start, klMax }) : undefined;
  agent.model.release(start);
  return certificate;
}

/**
 * Computes the updated agent's log-probabilities on the reused batch, so that the importance weights of later
 * updates include the agent's ratio of new to old policy (E10).
 */
async function markDone(batch: Batch, { id, model }: Agent, { temperature }: TrainOptions): Promise<void> {
  const { messages } = batch.own[id];
  batch.done.set(id, await model.forward(messages, { temperature }));
}
