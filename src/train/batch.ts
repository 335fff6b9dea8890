/**
 * A batch of episodes for updates: the messages of each agent, their log-probabilities under the weights that sampled
 * them, and the importance weights of the episodes after updates of teammates.
 * @module
 */
import { effectiveSampleSize } from '../core/acceptance.ts';
import { mean } from '../core/stats.ts';
import { type MessageRatio, messageLogRatio, turnLogRatios, turnWeights } from '../core/weights.ts';
import { isCutOff } from '../team/cut-off.ts';
import type { TeamMessage, Trajectory } from '../team/team.ts';
import { joinRows, type OwnTrajectory } from './minibatch.ts';
import type { TrainOptions } from './options.ts';
import type { Mismatch } from './self-check.ts';

/** The messages of one agent in all trajectories of a batch. */
export interface OwnMessages {
  readonly messages: readonly TeamMessage[];
  /** Index of each message's trajectory. */
  readonly trajectoryOf: readonly number[];
}

export interface Batch {
  readonly trajectories: readonly Trajectory[];
  /** By agent id. */
  readonly own: readonly OwnMessages[];
  /**
   * logp_old of the scored agents by agent id, per own message [T], nats. It stays fixed after the rollout,
   * unlike in the paper's Algorithm 1, which overwrites it (P3).
   */
  readonly logpOld: ReadonlyMap<number, readonly Float32Array[]>;
  /** Maximum and mean of |logp_sampler - logp_trainer| of each scored agent (E9), by agent id, nats. */
  readonly mismatch: ReadonlyMap<number, Mismatch>;
  /**
   * New log-probabilities of the messages of agents that were updated after the rollout of this batch (`done`
   * of E10), by agent id, per own message [T], nats.
   */
  readonly done: Map<number, readonly Float32Array[]>;
}

/** Groups the messages of all trajectories by agent; the result is indexed by agent id. */
export function ownMessages(trajectories: readonly Trajectory[], agents: number): OwnMessages[] {
  return Array.from({ length: agents }, (_, agent) => {
    const owned = trajectories.flatMap((trajectory, n) =>
      trajectory.messages.filter((message) => message.agent === agent).map((message) => ({ message, n })),
    );
    return { messages: owned.map(({ message }) => message), trajectoryOf: owned.map(({ n }) => n) };
  });
}

/** Importance weights that correct a batch's episodes, sampled by an earlier team, for the current team. */
export interface SequenceWeights {
  /**
   * Truncated ratios c_t = min(1, rho_t) of each turn, per trajectory [N][turns]; rho_t is the ratio of the
   * current to the sampling team's probability of the turn.
   */
  readonly c_N: readonly Float64Array[];
  /** Truncated importance weight omega(tau) = prod_t c_t, per trajectory [N]. */
  readonly omega_N: Float64Array;
  /** Logarithm of the untruncated importance weight, sum_t log rho_t, per trajectory [N], nats. */
  readonly logWeight_N: Float64Array;
  /** Mean of `logWeight_N`, nats: an estimate of -KL(old team || current team). */
  readonly meanLogWeight: number;
  /** Effective sample size of the untruncated weights prod_t rho_t, divided by N; 0..1 (E66). */
  readonly essShare: number;
}

/**
 * Computes, for every trajectory, the ratio rho_t of the current to the sampling team's probability of each
 * turn t, the truncated ratios c_t and the importance weight omega (E10-E13).
 *
 * @returns weights that are all 1 if no agent was updated since the rollout
 */
export function sequenceWeights({ trajectories, own, logpOld, done }: Batch): SequenceWeights {
  const ratios: MessageRatio[][] = trajectories.map(() => []);
  for (const [agent, logpNew] of done) {
    const { messages, trajectoryOf } = own[agent];
    const old = logpOld.get(agent) ?? [];
    for (const [m, { turn }] of messages.entries()) {
      const logRatio = messageLogRatio(logpNew[m], old[m]);
      ratios[trajectoryOf[m]].push({ turn, agent, logRatio });
    }
  }
  const updated = new Set(done.keys());
  const weights = trajectories.map(({ messages }, n) => {
    const turns = messages.reduce((last, { turn }) => Math.max(last, turn + 1), 0);
    return turnWeights(turnLogRatios(ratios[n], updated, turns));
  });
  const logWeight_N = Float64Array.from(weights, ({ logRho }) => logRho.reduce((sum, x) => sum + x, 0));
  return {
    c_N: weights.map(({ c }) => c),
    omega_N: Float64Array.from(weights, ({ omega }) => omega),
    logWeight_N,
    meanLogWeight: mean(logWeight_N),
    essShare: effectiveSampleSize(logWeight_N.map(Math.exp)) / trajectories.length,
  };
}

/**
 * Returns the trajectories that contain messages of the agent, each with these messages, their logp_old and
 * the trajectory's advantage A_tilde. With `truncated: mask` the loss leaves out cut-off messages, except in a
 * trajectory with cut-off messages only, whose advantage is 0.
 */
export function ownTrajectories(
  { own, logpOld }: Batch,
  agent: number,
  { advantages_N, truncated }: { readonly advantages_N: Float64Array } & Pick<TrainOptions, 'truncated'>,
): OwnTrajectory[] {
  const { messages, trajectoryOf } = own[agent];
  const logp = logpOld.get(agent) ?? [];
  const indices = new Map<number, number[]>(); // index of a trajectory -> indices of its messages
  for (const [m, n] of trajectoryOf.entries()) indices.set(n, [...(indices.get(n) ?? []), m]);
  return [...indices].map(([n, own]) => {
    const complete = truncated === 'mask' ? own.filter((m) => !isCutOff(messages[m])) : own;
    const trained = complete.length > 0 ? complete : own;
    const masked = own.filter((m) => !trained.includes(m)).map((m) => messages[m]);
    return {
      advantage: advantages_N[n],
      sequences: trained.map((m) => messages[m]),
      logpOld: joinRows(trained.map((m) => logp[m])),
      ...(masked.length > 0 && { masked }),
    };
  });
}
