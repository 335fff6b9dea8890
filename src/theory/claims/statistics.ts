/**
 * Claims about statistics: confidence radii, the betting test, importance weights and their truncation,
 * information gain.
 * @see docs/algorithm.md, E33, E34, E61-E65; errors P8-P11 of the paper
 * @module
 */
import {
  createBettingTest,
  effectiveSampleSize,
  empiricalBernsteinLower,
  hoeffdingLower,
  truncationBias,
} from '../../core/acceptance.ts';
import { crossFittedGain, kappaFromScores } from '../../core/information-gain.ts';
import { dkwMinimumSize, orderStatisticMinimumSize, orderStatisticUpperBound } from '../../core/quantile.ts';
import { type RandomStream, randomStream } from '../../core/rng.ts';
import { normalQuantile } from '../../core/special.ts';
import { mean } from '../../core/stats.ts';
import type { ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { Maximum, percent, short } from '../sampling.ts';

/**
 * Checks that a rate is at most three standard errors above its nominal value. A valid test fails this check
 * once in 1,000.
 */
function withinError(rate: number, nominal: number, runs: number): boolean {
  return rate <= nominal + 3 * Math.sqrt((nominal * (1 - nominal)) / runs);
}

/**
 * Returns the exact probability that the mean of N fair +-1 coins is farther than `radius` from 0, P(|2
 * Bin(N, 1/2)/N - 1| > radius).
 */
function coinLeaves(radius: number, N: number): number {
  let logTerm = -N * Math.LN2;
  let outside = 0;
  for (let k = 0; k <= N; k++) {
    if (Math.abs((2 * k) / N - 1) > radius) outside += Math.exp(logTerm);
    logTerm += Math.log((N - k) / (k + 1));
  }
  return outside;
}

function printedHoeffding(): Finding {
  const sizes = [10, 100, 1000];
  const radius = (N: number) => Math.sqrt(Math.log(2 / 0.05) / (2 * N)); // as printed, for |X| <= 1
  const printed = sizes.map((N) => coinLeaves(radius(N), N));
  const right = sizes.map((N) => coinLeaves(2 * radius(N), N));
  return {
    holds: printed.every((rate) => rate <= 0.05),
    figures: `the mean of a fair +-1 coin is outside the printed 95% radius in ${printed.map(percent).join(', ')} of samples of ${sizes.join(', ')}, outside twice the radius in ${right.map(percent).join(', ')}`,
  };
}

function fairCoin(stream: RandomStream, N: number): Float64Array {
  return Float64Array.from({ length: N }, () => (stream.uniform() < 0.5 ? -1 : 1));
}

function boundOnTheChosen({ seed }: TheoryContext): Finding {
  const [runs, N, candidates] = [400, 60, 64];
  const options = { lo: -1, hi: 1, delta: 0.05 };
  let [reused, heldOut] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const stream = randomStream(seed, 61, run);
    let best = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < candidates; k++) best = Math.max(best, hoeffdingLower(fairCoin(stream, N), options));
    if (best > 0) reused++;
    if (hoeffdingLower(fairCoin(stream, N), options) > 0) heldOut++;
  }
  return {
    holds: withinError(reused / runs, 0.05, runs),
    figures: `the best of ${candidates} candidates without a gain has a positive bound on its own batch in ${percent(reused / runs)} of ${runs} runs at nominal 5%, on other data in ${percent(heldOut / runs)}`,
  };
}

/**
 * Returns the mean of a chain of dependent +-1 values. At each step the value is redrawn with probability
 * 1/mixing, and otherwise stays. The true mean is 0.
 */
function stickyMean(stream: RandomStream, N: number, mixing: number): number {
  let sum = 0;
  for (let done = 0; done < N; ) {
    const length = Math.min(
      N - done,
      1 + Math.floor(Math.log(1 - stream.uniform()) / Math.log(1 - 1 / mixing)),
    );
    sum += stream.uniform() < 0.5 ? -length : length;
    done += length;
  }
  return sum / N;
}

function mixingSamples({ seed }: TheoryContext): Finding {
  const [runs, N, mixing] = [20_000, 2000, 50];
  // for this chain the mixing coefficient is beta(k) = (1 - 1/mixing)^k / 2
  const effective = N / (1 + (mixing - 1));
  const radius = (scale: number) => scale * Math.sqrt(Math.log(2 / 0.01) / (2 * effective));
  let [printed, right] = [0, 0];
  for (let run = 0; run < runs; run++) {
    const centre = Math.abs(stickyMean(randomStream(seed, 62, run), N, mixing));
    if (centre > radius(1)) printed++;
    if (centre > radius(2)) right++;
  }
  return {
    holds: withinError(right / runs, 0.01, runs),
    figures: `the mean of a sticky chain is outside the radius with N/(1 + 2 sum beta) in ${percent(right / runs)} of ${runs} runs at nominal 1%, with the printed constant in ${percent(printed / runs)}`,
  };
}

/**
 * Draws a paired difference of 0/1 scores: it is non-zero with probability `discordant` and has mean `gain`.
 */
function pairedDifference(stream: RandomStream, discordant: number, gain: number): number {
  const u = stream.uniform();
  if (u >= discordant) return 0;
  return u < (discordant + gain) / 2 ? 1 : -1;
}

function accepts(
  stream: RandomStream,
  { discordant, gain, nPlan }: { readonly discordant: number; readonly gain: number; readonly nPlan: number },
): boolean {
  const test = createBettingTest({ alpha: 0.05, lo: -1, hi: 1, nPlan });
  for (;;) {
    const { decided } = test.observe(pairedDifference(stream, discordant, gain));
    if (decided !== undefined) return decided === 'accept';
  }
}

const NULL_RUNS = 2000;

function falseAcceptances({ seed }: TheoryContext): Finding {
  let accepted = 0;
  for (let run = 0; run < NULL_RUNS; run++)
    if (accepts(randomStream(seed, 63, run), { discordant: 0.2, gain: 0, nPlan: 600 })) accepted++;
  const rate = accepted / NULL_RUNS;
  return {
    holds: accepted > 0 && withinError(rate, 0.05, NULL_RUNS),
    figures: `${percent(rate)} of ${NULL_RUNS} null runs accepted at alpha 5% (at most ${percent(0.05 + 3 * Math.sqrt((0.05 * 0.95) / NULL_RUNS))}), 20% discordant pairs, N 600`,
  };
}

/**
 * Table of the power of the betting test (E64): share of prompts on which the scores of the two teams differ,
 * true gain, and number of prompts for 80% power.
 */
const POWER_TABLE = [
  [0.1, 0.02, 2044],
  [0.1, 0.05, 346],
  [0.3, 0.02, 6916],
  [0.3, 0.05, 1050],
  [0.3, 0.1, 262],
] as const;

function powerOfBetting({ seed }: TheoryContext): Finding {
  const runs = 300;
  const powers = POWER_TABLE.map(([discordant, gain, nPlan], row) => {
    let accepted = 0;
    for (let run = 0; run < runs; run++)
      if (accepts(randomStream(seed, 64, row, run), { discordant, gain, nPlan })) accepted++;
    return accepted / runs;
  });
  const error = 3 * Math.sqrt((0.8 * 0.2) / runs);
  return {
    holds: powers.every((power) => Math.abs(power - 0.8) <= error + 0.02),
    figures: POWER_TABLE.map(
      ([discordant, gain, nPlan], row) => `${discordant}/+${gain} N ${nPlan}: ${percent(powers[row])}`,
    ).join(', '),
  };
}

function bettingBeatsBernstein({ seed }: TheoryContext): Finding {
  const [runs, nPlan] = [300, 600];
  let [betting, bernstein] = [0, 0];
  for (let run = 0; run < runs; run++) {
    if (accepts(randomStream(seed, 65, run), { discordant: 0.2, gain: 0.05, nPlan })) betting++;
    const stream = randomStream(seed, 65, run);
    const values = Float64Array.from({ length: nPlan }, () => pairedDifference(stream, 0.2, 0.05));
    if (empiricalBernsteinLower(values, { lo: -1, hi: 1, delta: 0.05 }) > 0) bernstein++;
  }
  return {
    holds: betting > 5 * bernstein,
    figures: `power at +0.05, 20% discordant, N 600: betting ${percent(betting / runs)}, empirical Bernstein ${percent(bernstein / runs)}`,
  };
}

/**
 * Returns E[min(w, C)] and the relative effective sample size (E w)^2 / E w^2 of a log-normal weight w with
 * mean 1, for the given truncation C and KL per message, by quadrature.
 */
function logNormalWeight(kl: number, cap: number): { readonly kept: number; readonly essShare: number } {
  const points = 20000;
  const sd = Math.sqrt(2 * kl);
  const weights = Float64Array.from({ length: points }, (_, k) =>
    Math.exp(sd * normalQuantile((k + 0.5) / points) - kl),
  );
  return {
    kept: mean(weights.map((w) => Math.min(w, cap))),
    essShare: effectiveSampleSize(weights) / points,
  };
}

function truncationMass(): Finding {
  const [one, two] = [1, 2].map((cap) => 1 - logNormalWeight(0.05, cap).kept);
  return {
    holds: Math.abs(one - 0.126) < 0.001 && Math.abs(two - 0.0023) < 0.0002,
    figures: `mass lost at message KL 0.05: ${short(one)} at C = 1, ${short(two)} at C = 2`,
  };
}

function effectiveShare(): Finding {
  const kls = [0.05, 0.43, 0.86];
  const shares = kls.map((kl) => logNormalWeight(kl, 2).essShare);
  return {
    holds: kls.every((kl, k) => Math.abs(shares[k] - Math.exp(-2 * kl)) < 0.03),
    figures: kls
      .map((kl, k) => `KL ${kl}: ${short(shares[k])} (exp(-2 KL) ${short(Math.exp(-2 * kl))})`)
      .join(', '),
  };
}

function quantileBounds({ seed }: TheoryContext): Finding {
  const tail = { alpha: 0.01, eta: 0.05 };
  const [order, dkw] = [orderStatisticMinimumSize(tail), dkwMinimumSize(tail)];
  const runs = 1000;
  let covered = 0;
  for (let run = 0; run < runs; run++) {
    const stream = randomStream(seed, 66, run);
    const bound = orderStatisticUpperBound(
      Float64Array.from({ length: order }, () => stream.uniform()),
      tail,
    );
    if ((bound?.value ?? 0) >= 0.99) covered++;
  }
  return {
    holds: order === 299 && dkw === 14979 && withinError(1 - covered / runs, 0.05, runs),
    figures: `a bound on the 99% quantile needs ${order} trajectories with order statistics (coverage ${percent(covered / runs)}), ${dkw} with DKW`,
  };
}

function informationGainOfNoise({ seed }: TheoryContext): Finding {
  const [N, D, delta] = [128, 1000, 0.01];
  const sample = (key: number) => {
    const stream = randomStream(seed, 67, key);
    return {
      scores: Array.from({ length: N }, () => Float64Array.from({ length: D }, () => stream.normal())),
      advantages_N: Float64Array.from({ length: N }, () => stream.normal()),
    };
  };
  const [fit, heldOut] = [sample(0), sample(1)];
  const { kappa } = kappaFromScores(fit, { epsilon: 1e-6 });
  const squares = mean(fit.advantages_N.map((a) => a * a));
  const { claimed, gain } = crossFittedGain(fit, heldOut, { delta, epsilon: 1e-6 });
  return {
    holds: gain > claimed / 2,
    figures: `pure noise, N ${N} < D ${D}: kappa ${short(kappa, 5)} = sqrt(2 mean A^2) ${short(Math.sqrt(2 * squares), 5)}; claimed gain ${short(claimed)}, cross-fitted ${short(gain)}`,
  };
}

/**
 * Checks |E[w f] - E[min(w, C) f]| <= F (1 - E[min(w, C)]) for random discrete weights w of mean 1,
 * truncation C, and values f with |f| <= F.
 */
function truncationBiasIsBounded({ worlds, seed }: TheoryContext): Finding {
  const excess = new Maximum();
  for (let k = 0; k < worlds; k++) {
    const stream = randomStream(seed, 68, k);
    const raw = Array.from({ length: 12 }, () => Math.exp(2 * stream.normal()));
    const weights = raw.map((w) => w / mean(raw));
    const values = raw.map(() => 2 * stream.uniform() - 1);
    for (const cap of [1, 2, 4]) {
      const cut = weights.map((w) => Math.min(w, cap));
      const bias = Math.abs(mean(weights.map((w, n) => (w - cut[n]) * values[n])));
      excess.include(bias - truncationBias(weights, { bound: 1, delta: 0.05, cap }).plugIn);
    }
  }
  return { holds: excess.value <= 1e-12, figures: `bias - zeta at most ${excess} cases` };
}

function bernsteinCovers({ seed }: TheoryContext): Finding {
  const [runs, N] = [2000, 100];
  let missed = 0;
  for (let run = 0; run < runs; run++) {
    const stream = randomStream(seed, 69, run);
    // rare events have a skewed distribution
    const values = Float64Array.from({ length: N }, () => Number(stream.uniform() < 0.05));
    if (empiricalBernsteinLower(values, { lo: 0, hi: 1, delta: 0.05 }) > 0.05) missed++;
  }
  return {
    holds: withinError(missed / runs, 0.05, runs),
    figures: `bound above the mean in ${percent(missed / runs)} of ${runs} samples of ${N} rare events at nominal 5%`,
  };
}

export const statisticsClaims: ClaimGroup = {
  title: 'Statistics',
  claims: [
    {
      name: 'printed Hoeffding radius',
      statement: 'the printed finite-sample radius has its nominal confidence',
      source: 'P9',
      predicted: 'fails',
      check: printedHoeffding,
    },
    {
      name: 'bound on the chosen',
      statement: 'a bound is valid for a candidate that was chosen on the same sample',
      source: 'P10',
      predicted: 'fails',
      check: boundOnTheChosen,
    },
    {
      name: 'mixing samples',
      statement: 'N dependent samples are equivalent to N/(1 + 2 sum beta) independent ones',
      source: 'P11',
      predicted: 'fails',
      check: mixingSamples,
    },
    {
      name: 'false acceptances',
      statement: 'the betting test accepts a null with probability at most alpha, at any stopping time',
      source: 'E64',
      predicted: 'holds',
      check: falseAcceptances,
    },
    {
      name: 'power of the betting test',
      statement:
        'the betting test has 80% power at the numbers of prompts of the table (discordant share / gain)',
      source: 'E64',
      predicted: 'holds',
      check: powerOfBetting,
    },
    {
      name: 'betting against Bernstein',
      statement: 'the betting test detects gains that an empirical Bernstein bound does not',
      source: 'E63, E64',
      predicted: 'holds',
      check: bettingBeatsBernstein,
    },
    {
      name: 'empirical Bernstein bound',
      statement: 'the empirical Bernstein bound has its nominal confidence',
      source: 'E63',
      predicted: 'holds',
      check: bernsteinCovers,
    },
    {
      name: 'bias of truncated weights',
      statement:
        'truncating weights of mean 1 at C changes the mean of values of at most F by at most F (1 - E[min(w, C)])',
      source: 'E61',
      predicted: 'holds',
      check: truncationBiasIsBounded,
    },
    {
      name: 'truncated weights',
      statement:
        'at a message KL of 0.05, truncation at 1 loses an eighth of the mass of the weights, truncation at 2 a quarter of a percent',
      source: 'E61',
      predicted: 'holds',
      check: truncationMass,
    },
    {
      name: 'effective sample size',
      statement: 'the effective sample size of a reused batch is about exp(-2 KL) of its episodes',
      source: 'E60a',
      predicted: 'holds',
      check: effectiveShare,
    },
    {
      name: 'quantile bounds',
      statement:
        'a bound on the 99% quantile needs 299 trajectories with order statistics and 14,979 with DKW',
      source: 'E33, E34',
      predicted: 'holds',
      check: quantileBounds,
    },
    {
      name: 'information gain of noise',
      statement:
        'with fewer trajectories than parameters, kappa sqrt(delta) is a gain that independent data confirm',
      source: 'E65',
      predicted: 'fails',
      check: informationGainOfNoise,
    },
  ],
};
