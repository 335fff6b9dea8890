/**
 * Adapters that compute the oracle families of the certificate: bounds, penalties, tests, information gain
 * (F13–F19).
 * @module
 */
import {
  createBettingTest,
  effectiveSampleSize,
  empiricalBernsteinLower,
  hoeffdingLower,
  truncatedGain,
  truncationBias,
} from '../../src/core/acceptance.ts';
import { paperBound } from '../../src/core/certificate.ts';
import { informationGain, type KappaRoute, kappaFromScores } from '../../src/core/information-gain.ts';
import {
  coupledHorizonPenalty,
  expectedTvPenalty,
  horizonPenalty,
  occupancyShift,
  paperOccupancyPenalty,
  sharpOccupancyShift,
  sharpPenalty,
  trpoPenalty,
} from '../../src/core/penalty.ts';
import { mean, sampleVariance } from '../../src/core/stats.ts';
import { mismatches } from './compare.ts';
import type { Adapter, CaseInput } from './input.ts';

export const certificateAdapters: Readonly<Record<string, Adapter>> = {
  F13_cert_paper: (input) => {
    const bound = paperBound({
      gain: input.numbers('gain'),
      delta: input.numbers('delta'),
      zeta: input.numbers('zeta'),
      trajectories: input.numbers('N'),
      gamma: input.number('gamma'),
      aMax: input.number('A_max'),
      confidence: input.number('delta_conf'),
    });
    const { gain, occupancy, bias, finiteSample, lower } = bound;
    return { gain, occ: occupancy, bias, finite: finiteSample, lower };
  },
  F14_penalties: (input) => {
    const gamma = input.number('gamma');
    const aMax = input.number('A_max');
    const size = { gamma, aMax, tvMax: input.number('tv_max') };
    const turns = {
      span: input.number('span'),
      tvMax: input.numbers('own_turn_tv_max'),
      tvMean: input.numbers('own_turn_tv_mean'),
    };
    return {
      paper: paperOccupancyPenalty({ gamma, aMax, klMax: input.number('delta') }),
      trpo: trpoPenalty(size),
      trpo_tight: sharpPenalty(size),
      cpo: expectedTvPenalty({ gamma, fMax: input.number('f_inf'), tvMean: input.number('tv_mean') }),
      horizon_mean: horizonPenalty(turns),
      horizon_coupled: coupledHorizonPenalty(turns),
      occ_l1_paper: occupancyShift(size),
      occ_l1_tight: sharpOccupancyShift(size),
    };
  },
  F15_lcb: (input) => {
    const x = input.numbers('x');
    const options = { lo: input.number('lo'), hi: input.number('hi'), delta: input.number('delta') };
    return {
      mean: mean(x),
      var: sampleVariance(x),
      hoeffding: hoeffdingLower(x, options),
      empirical_bernstein: empiricalBernsteinLower(x, options),
    };
  },
  F16_trunc_is: truncatedImportance,
  F17_eprocess: (input) => {
    const nPlan = input.optionalNumber('n_plan');
    const run = bettingPath(input.numbers('d'), {
      alpha: input.number('alpha'),
      lo: input.number('lo'),
      hi: input.number('hi'),
      c: input.number('c'),
      ...(nPlan === undefined ? {} : { nPlan }),
    });
    return { wealth: run.path.map((s) => s.wealth), lam: run.path.map((s) => s.lam), stop: run.stop };
  },
  F18_info_gain: (input) => {
    const { kappa, a, lambdaMin, gain, step } = informationGain(
      { gradient: input.numbers('g'), fisher: input.rows('F'), lipschitz: input.number('L_loc') },
      { delta: input.number('delta'), epsilon: input.number('eps') },
    );
    return { kappa, a, lam_min: lambdaMin, gain, step };
  },
  F19_kappa: (input) => {
    const [direct, ...others] = (['direct', 'gram', 'cg'] as const).map((route) => kappaBy(route, input));
    for (const other of others)
      if (mismatches(other, direct, 1e-9).length > 0)
        throw new Error(`the routes disagree: ${JSON.stringify(direct)} and ${JSON.stringify(other)}`);
    return direct;
  },
};

function truncatedImportance(input: CaseInput): unknown {
  const span = input.number('span');
  const cap = input.number('C');
  const delta = input.number('delta');
  const weights = input.numbers('u').map(Math.exp);
  const { gain_N, lo, hi } = truncatedGain(weights, input.numbers('R'), { lo: 0, hi: span, cap });
  const zeta = truncationBias(weights, { bound: span, delta, cap });
  const { path, stop } = bettingPath(gain_N, { alpha: delta, lo, hi });
  return {
    mean_gain: mean(gain_N),
    lcb_eb: empiricalBernsteinLower(gain_N, { lo, hi, delta }),
    zeta_plugin: zeta.plugIn,
    zeta_ucb: zeta.upper,
    ess: effectiveSampleSize(weights),
    mean_w: mean(weights),
    betting_final_wealth: path.at(-1)?.wealth,
    betting_stop: stop,
  };
}

/**
 * Passes all observations to a betting test. `stop` is the 1-based index of the observation at which it
 * accepts, or null.
 */
function bettingPath(differences: ArrayLike<number>, options: Parameters<typeof createBettingTest>[0]) {
  const test = createBettingTest(options);
  const path = Array.from(differences, (d) => test.observe(d));
  const accepted = path.findIndex((step) => step.decided === 'accept');
  return { path, stop: accepted < 0 ? null : accepted + 1 };
}

function kappaBy(route: KappaRoute, input: CaseInput) {
  const sample = { scores: input.rows('S'), advantages_N: input.numbers('A') };
  const { gradient, quad, kappa, natural } = kappaFromScores(sample, { epsilon: input.number('eps'), route });
  return { g: Array.from(gradient), quad, kappa, natgrad: Array.from(natural) };
}
