/**
 * Adapters that compute the oracle families of policies and their updates: divergences, quantiles,
 * projection, exact step, order, backtracking, chain rule of messages (F09–F12, F20, F21, F28, F29).
 * @module
 */
import { exactKl } from '../../src/core/divergence.ts';
import { exactStep } from '../../src/core/exact-step.ts';
import { greedyOrder, randomOrder, reverseOrder, staticOrder } from '../../src/core/order.ts';
import { projectOntoTrustRegion, swapCovariance } from '../../src/core/projection.ts';
import {
  dkwEpsilon,
  dkwUpperBound,
  inverseCdfQuantile,
  linearQuantile,
  orderStatisticUpperBound,
} from '../../src/core/quantile.ts';
import { type MessageTree, messageDivergence, pinsker } from '../../src/core/tabular/message.ts';
import { optimizeOneState } from '../../src/core/tabular/optimize.ts';
import type { Adapter, CaseInput } from './input.ts';

export const policyAdapters: Readonly<Record<string, Adapter>> = {
  F09_exact_kl: (input) => {
    const kl = exactKl(input.numbers('z_new'), input.numbers('z_cur'), {
      temperature: input.number('temperature'),
    });
    return {
      kl_new_cur: kl.klNewOld,
      kl_cur_new: kl.klOldNew,
      tv: kl.tv,
      grad_new_cur: kl.gradNewOld,
      grad_cur_new: kl.gradOldNew,
    };
  },
  F10_quantile: (input) => {
    const x = input.numbers('x');
    const tail = { alpha: input.number('alpha'), eta: input.number('eta') };
    const order = orderStatisticUpperBound(x, tail);
    return {
      q_inv: inverseCdfQuantile(x, 1 - tail.alpha),
      q_linear: linearQuantile(x, 1 - tail.alpha),
      dkw_two_sided: dkwEpsilon(x.length, tail.eta, { sides: 2 }),
      dkw_one_sided: dkwEpsilon(x.length, tail.eta),
      ucb_dkw: dkwUpperBound(x, tail),
      ucb_binom: order?.value,
      ucb_binom_k: order?.rank,
    };
  },
  F11_projection: (input) => {
    const { pi, w, lam, klOld, klPre, active } = projectOntoTrustRegion(
      input.numbers('pre'),
      input.numbers('cur'),
      input.number('delta'),
    );
    return { pi, w, lam, kl_cur: klOld, kl_pre: klPre, active };
  },
  F12_exact_step: (input) => exactStep(input.numbers('cur'), input.numbers('score'), input.number('delta')),
  F20_order: (input) => {
    const n = input.number('n');
    return {
      greedy: greedyOrder(input.numbers('pred')),
      shuffle: randomOrder(n, input.numbers('uniforms')),
      static: staticOrder(n),
      // agent ids are in execution order, so agent i acts first at turn i
      reverse: reverseOrder(staticOrder(n)),
    };
  },
  F21_backtrack: (input) => {
    const result = optimizeOneState(
      { logits: input.numbers('z0'), advantages: input.numbers('adv') },
      {
        targetKl: input.number('delta'),
        beta: input.number('beta'),
        learningRate: input.number('lr'),
        innerSteps: input.number('inner_steps'),
        maxBacktracks: input.number('max_backtracks'),
        optimizer: input.text('optimizer') === 'sgd' ? 'sgd' : 'adamw',
        epsilon: input.number('clip_eps'),
      },
    );
    return {
      trace: result.trace.map(({ attempt, beta, lrScale, kl, accepted }) => ({
        attempt,
        beta,
        lr_scale: lrScale,
        kl,
        accepted,
      })),
      status: result.status,
      z: result.logits,
      adam_m: result.adamw.m,
      adam_v: result.adamw.v,
      adam_t: result.adamw.t,
      beta_final: result.betaNext,
      gain: result.gain,
    };
  },
  F28_pnp_test: swapTest,
  F29_chain_rule: (input) => {
    const tree = (suffix: string): MessageTree => ({
      logits: input.numbers(`first_${suffix}`),
      next: input.rows(`second_${suffix}`).map((logits) => ({ logits })),
    });
    const { klNewOld, klOldNew, tv, tokenSum } = messageDivergence(tree('new'), tree('cur'));
    return {
      kl_message: klNewOld,
      kl_tokens_sum: tokenSum,
      tv_message: tv,
      pinsker: pinsker(klNewOld),
      kl_message_rev: klOldNew,
    };
  },
};

function swapTest(input: CaseInput): unknown {
  const tables = {
    occupancy_S: input.numbers('d'),
    old_S: input.rows('cur'),
    pre_S: input.rows('pre'),
    advantage_S: input.rows('A'),
  };
  const projections = tables.old_S.map((old, s) =>
    projectOntoTrustRegion(tables.pre_S[s], old, input.number('delta0')),
  );
  const w_S = projections.map((projection) => projection.w);
  const gain = projections.reduce(
    (sum, { pi }, s) =>
      sum + tables.occupancy_S[s] * pi.reduce((inner, p, v) => inner + p * tables.advantage_S[s][v], 0),
    0,
  );
  return { w: w_S, cov_weighted: swapCovariance({ ...tables, w_S }), surrogate_gain: gain };
}
