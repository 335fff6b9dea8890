/**
 * Adapters that compute the oracle families of the learning signal: advantages, weights, losses, optimizer
 * (F01–F08, F27, F30).
 * @module
 */
import { adamwStep, initialAdamW } from '../../src/core/adamw.ts';
import { groupNormalizedAdvantages, groupRelativeAdvantages } from '../../src/core/advantage.ts';
import { type KlEstimator, sampledKl } from '../../src/core/divergence.ts';
import {
  aggregateOwnTurns,
  temporalDifferences,
  truncatedGae,
  vtraceAdvantages,
} from '../../src/core/estimator.ts';
import { agentObjective } from '../../src/core/kl-penalty.ts';
import { sequenceObjective } from '../../src/core/objective.ts';
import { messageLogRatio, prefixWeights, turnLogRatios, turnWeights } from '../../src/core/weights.ts';
import type { Adapter, CaseInput } from './input.ts';

const ESTIMATORS: readonly KlEstimator[] = ['k1', 'k2', 'k3', 'k1n', 'k3n'];

export const learningAdapters: Readonly<Record<string, Adapter>> = {
  F01_group_normalise: (input) => ({ adv: normalised(input, input.numbers('A')) }),
  F02_gae_trunc: (input) => {
    const { active_agent, rho, c, delta, gae } = multiStep(input);
    return { active_agent, rho, c, delta, A: gae };
  },
  F03_gae_vtrace: (input) => {
    const { rho, c, delta, options } = multiStep(input);
    return { rho, A: vtraceAdvantages(delta, { rho, c }, options) };
  },
  F04_weights_aggregate: (input) => {
    const { active_agent, own_turns, c, gae } = multiStep(input);
    const W = prefixWeights(c);
    return {
      active_agent,
      own_turns,
      W,
      Ahat_weighted: aggregateOwnTurns(gae, own_turns, W),
      Ahat_paper: aggregateOwnTurns(gae, own_turns),
    };
  },
  F05_group_relative: (input) => {
    const Ahat = groupRelativeAdvantages(input.numbers('R'), input.numbers('omega'), input.numbers('groups'));
    return { Ahat, adv: normalised(input, Ahat) };
  },
  F06_seq_loss: sequenceLoss,
  F07_seq_loss_variants: sequenceLoss,
  F08_kl_estimators: (input) =>
    Object.fromEntries(
      ESTIMATORS.map((estimator) => {
        const terms = input.numbers('x').map((x) => sampledKl(x, estimator));
        return [estimator, { value: terms.map((k) => k.value), grad: terms.map((k) => k.slope) }];
      }),
    ),
  F27_agent_loss: agentLoss,
  F30_adamw_restore: (input) => {
    const options = {
      learningRate: input.number('lr'),
      beta1: input.number('beta1'),
      beta2: input.number('beta2'),
      epsilon: input.number('eps'),
      weightDecay: input.number('wd'),
    };
    const theta = input.numbers('theta');
    const g2 = input.numbers('g2');
    const first = adamwStep(initialAdamW(theta.length), theta, input.numbers('g1'), options);
    const second = adamwStep(first.state, first.parameters, g2, options);
    const halved = { ...options, learningRate: options.learningRate / 2 };
    const reversed = g2.map((g) => -g);
    return {
      after1: first.parameters,
      m1: first.state.m,
      v1: first.state.v,
      after2: second.parameters,
      m2: second.state.m,
      v2: second.state.v,
      after_restore_step: adamwStep(first.state, first.parameters, reversed, halved).parameters,
    };
  },
};

function normalised(input: CaseInput, values: ArrayLike<number>): Float64Array {
  return groupNormalizedAdvantages(values, input.numbers('groups'), {
    clip: input.number('a_clip'),
    epsilon: input.number('eps'),
  });
}

function sequenceLoss(input: CaseInput): unknown {
  const dualClip = input.optionalNumber('c_dual');
  const { u_N, ratio_N, gated_N, count, loss, cotangents } = sequenceObjective({
    logpNew: input.rows('logp_new'),
    logpOld: input.rows('logp_cur'),
    advantages: input.numbers('adv'),
    epsilon: input.number('eps'),
    ratioNorm: input.text('ratio_norm') === 'mean' ? 'mean' : 'sum',
    maxLogRatio: input.number('u_max'),
    ...(dualClip === undefined ? {} : { dualClip }),
  });
  return { u: u_N, r: ratio_N, gated: gated_N, N: count, loss, dloss_dlogp: cotangents };
}

/**
 * Reads the turns of one episode, and computes their weights for an update of agent `order[step]` after the
 * agents `order[:step]`.
 */
function episodeOf(input: CaseInput, { order, step, cbar }: { order: number[]; step: number; cbar: number }) {
  const active = order[step];
  const turns = input.objects('turns').map((turn) => ({
    agent: turn.number('agent'),
    logpOld: turn.numbers('logp_beh'),
    logpNew: turn.numbers('logp_tar'),
    reward: turn.number('reward'),
    value: turn.number('value'),
  }));
  const ratios = turns.map(({ agent, logpOld, logpNew }, turn) => ({
    turn,
    agent,
    logRatio: messageLogRatio(logpNew, logpOld),
  }));
  const weights = turnWeights(turnLogRatios(ratios, new Set(order.slice(0, step)), turns.length), { cbar });
  const own_turns = turns.flatMap(({ agent }, t) => (agent === active ? [t] : []));
  return { active, turns, weights, own_turns };
}

function multiStep(input: CaseInput) {
  const { active, turns, weights, own_turns } = episodeOf(input, {
    order: input.numbers('order'),
    step: input.number('step'),
    cbar: input.number('cbar'),
  });
  const options = { gamma: input.number('gamma'), lam: input.number('lam') };
  const delta = temporalDifferences(
    turns.map((t) => t.reward),
    turns.map((t) => t.value),
    { gamma: options.gamma, lastValue: input.number('last_value') },
  );
  const { rho, c } = weights;
  return { active_agent: active, own_turns, rho, c, delta, options, gae: truncatedGae(delta, c, options) };
}

function agentLoss(input: CaseInput): unknown {
  const gamma = input.number('gamma');
  const lam = input.number('lam');
  const order = input.numbers('order');
  const step = input.number('step');
  const trajectories = input.objects('trajectories');
  const groups = trajectories.map((trajectory) => trajectory.number('group'));
  const episodes = trajectories.map((trajectory) => episodeOf(trajectory, { order, step, cbar: 1 }));
  const omega = episodes.map((episode) => episode.weights.omega);
  const Ahat =
    input.text('mode') === 'group'
      ? groupRelativeAdvantages(
          episodes.map(({ turns }) => turns.reduce((sum, turn, t) => sum + gamma ** t * turn.reward, 0)),
          omega,
          groups,
        )
      : episodes.map(({ turns, weights: { c }, own_turns }) => {
          const delta = temporalDifferences(
            turns.map((t) => t.reward),
            turns.map((t) => t.value),
            { gamma },
          );
          return aggregateOwnTurns(truncatedGae(delta, c, { gamma, lam }), own_turns, prefixWeights(c));
        });
  const adv = groupNormalizedAdvantages(Ahat, groups, { clip: input.number('a_clip') });
  const tokens = (key: 'logpNew' | 'logpOld') =>
    episodes.map(({ turns, own_turns }) => own_turns.flatMap((t) => turns[t][key]));
  const objective = agentObjective(
    {
      logpNew: tokens('logpNew'),
      logpOld: tokens('logpOld'),
      advantages: adv,
      epsilon: input.number('eps'),
    },
    { beta: input.number('beta'), estimator: estimatorNamed(input.text('kl_estimator')) },
  );
  return {
    active_agent: order[step],
    omega,
    Ahat,
    adv,
    u: objective.u_N,
    r: objective.ratio_N,
    N: objective.count,
    kl_mean: objective.klMean,
    loss: objective.loss,
    dloss_dlogp: objective.cotangents,
  };
}

function estimatorNamed(name: string): KlEstimator {
  const found = ESTIMATORS.find((estimator) => estimator === name);
  if (!found) throw new Error(`input.kl_estimator: expected one of ${ESTIMATORS.join(', ')}, got "${name}"`);
  return found;
}
