/**
 * Claims about the trust region and the loss: limits of a quantile, directions of the KL, the effect of beta,
 * normalisation, clipping.
 * @see docs/algorithm.md, E20-E38; errors P7, P8, P12, P13, P18; worked examples G3, G5, G6
 * @module
 */
import { groupNormalizedAdvantages } from '../../core/advantage.ts';
import { exactKl, logSoftmax, sampledKl, stateDivergence } from '../../core/divergence.ts';
import { randomStream } from '../../core/rng.ts';
import { evaluateEpisode } from '../../core/tabular/episode.ts';
import { agentAdvantage, evaluateTeam, surrogateGain } from '../../core/tabular/evaluate.ts';
import { type Policy, type TeamPolicy, withPolicy } from '../../core/tabular/mdp.ts';
import { fullyObserved } from '../../core/tabular/observed-episode.ts';
import { optimizeOneState } from '../../core/tabular/optimize.ts';
import { decideAttempt, measureAttempt, startTrustRegion } from '../../core/trust-region.ts';
import type { Chart, ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { Maximum, median, percent, sampleWorlds, short } from '../sampling.ts';

/**
 * Checks the bound on the KL quantile on example G3: a chain of 200 decisions, of which a single one
 * determines the reward.
 */
function quantileRejectsAll(): Finding {
  const [H, critical] = [200, 100];
  const chain = (p: number) =>
    Array.from({ length: H }, (_, t) => [t === critical ? [p, 1 - p] : [0.5, 0.5], [0.5, 0.5]]);
  const { episode } = fullyObserved({
    // state 1 means that the critical decision was wrong
    transition: Array.from({ length: H - 1 }, (_, t) => [
      [[1, 0], t === critical ? [0, 1] : [1, 0]],
      [
        [0, 1],
        [0, 1],
      ],
    ]),
    reward: Array.from({ length: H }, (_, t) => [t === H - 1 ? [1, 1] : [0, 0], [0, 0]]),
    initial: [1, 0],
    turn: Array.from({ length: H }, () => 0),
  });
  const [before, after] = [chain(0.99), chain(0.01)];
  const objectives = [before, after].map((policy) => evaluateEpisode(episode, policy).objective);
  const logs = (row: ArrayLike<number>) => Float64Array.from(row, Math.log);
  const states = before.map((rows, t) => stateDivergence(logs(after[t][0]), logs(rows[0])));
  const kl = states.map(({ klNewOld }) => klNewOld);
  const readings = { kl, tv: states.map(({ tv }) => tv), messageKl: [kl.reduce((sum, x) => sum + x, 0)] };
  const measured = measureAttempt(readings, { quantile: 0.99, slack: 'none', slackConfidence: 0.05 });
  const verdict = (targetKlMessage?: number) => {
    const rules = {
      targetKl: 0.01,
      maxBacktracks: 0,
      ...(targetKlMessage !== undefined && { targetKlMessage }),
    };
    return decideAttempt(startTrustRegion(rules, 0.001), measured).kind;
  };
  return {
    holds: verdict() !== 'accepted',
    figures: `J ${short(objectives[0])} -> ${short(objectives[1])} with a 99% quantile of ${measured.klQuantile} and a largest KL of ${short(measured.klMax)}: decision of the quantile gate alone ${verdict()}, with a message cap of 0.05 ${verdict(0.05)}`,
  };
}

/** Compares the two directions of the KL when a policy drops a token and when it adds one (example G6). */
function directionsAgree(): Finding {
  const logs = (p: number) => [Math.log1p(-p), Math.log(p)];
  const vanish = stateDivergence(logs(1e-12), logs(0.01));
  const appear = stateDivergence(logs(0.05), logs(1e-6));
  const sampled = sampledKl(logs(0.05)[0] - logs(1e-6)[0], 'k3').value;
  const factors = [vanish.klOldNew / vanish.klNewOld, appear.klNewOld / appear.klOldNew];
  return {
    holds: factors.every((factor) => factor < 2),
    figures: `token dropped: KL(old||new) is ${short(factors[0])} times KL(new||old); token added: KL(new||old) is ${short(factors[1])} times KL(old||new), and the sampled KL at the common token is ${short(sampled)} instead of ${short(appear.klNewOld)}`,
  };
}

function betaHelpsOneStep(): Finding {
  const problem = { logits: [0.3, -0.2, 0.5], advantages: [1, -0.5, 0.2] };
  const options = { targetKl: 10, learningRate: 0.5, maxBacktracks: 0, optimizer: 'sgd' } as const;
  const step = (beta: number, innerSteps: number) =>
    optimizeOneState(problem, { ...options, beta, innerSteps }).logits;
  const moved = (innerSteps: number) =>
    Math.max(...step(0.001, innerSteps).map((z, v) => Math.abs(z - step(100 * 0.001, innerSteps)[v])));
  const slope = Math.max(...exactKl(problem.logits, problem.logits).gradNewOld.map(Math.abs));
  return {
    holds: moved(1) > 0,
    figures: `gradient of the KL at the start ${slope}; 100 times the beta changes the logits by ${moved(1)} after one step and by ${short(moved(2))} after two`,
  };
}

/**
 * Takes a natural-gradient step of one agent in random worlds: the new policy is proportional to old ·
 * exp(eta A) in every state, where A is the advantage and eta is chosen so that the quadratic approximation
 * of the mean KL equals `size`. The approximation is 1/2 D'FD for the change D of the logits and the Fisher
 * matrix F. Returns statistics of the exact KLs.
 */
function naturalStep(context: TheoryContext, key: number, size: number) {
  const ratios = new Maximum();
  let [small, worlds, meanExceeds, maxExceeds] = [Number.POSITIVE_INFINITY, 0, 0, 0];
  for (const { mdp, team } of sampleWorlds(context, key)) {
    const evaluation = evaluateTeam(mdp, team);
    const advantage = agentAdvantage(mdp, team, { agent: 0, evaluation });
    const expected = (values: (s: number, a: number) => number) =>
      advantage.reduce(
        (sum, row, s) =>
          sum + evaluation.occupancy[s] * row.reduce((part, _, a) => part + team[0][s][a] * values(s, a), 0),
        0,
      );
    const eta = Math.sqrt((2 * size) / expected((s, a) => advantage[s][a] ** 2));
    const kls = advantage.map((row, s) => {
      const mass = row.map((x, a) => team[0][s][a] * Math.exp(eta * x));
      const total = mass.reduce((sum, p) => sum + p, 0);
      return mass.reduce((sum, p, a) => sum + (p / total) * Math.log(p / total / team[0][s][a]), 0);
    });
    const mean = kls.reduce((sum, kl, s) => sum + evaluation.occupancy[s] * kl, 0);
    worlds++;
    ratios.include(mean / size);
    small = Math.min(small, mean / size);
    if (mean > size) meanExceeds++;
    if (Math.max(...kls) > size) maxExceeds++;
  }
  return { largest: ratios.value, smallest: small, worlds, meanExceeds, maxExceeds };
}

function fisherIsLocal(context: TheoryContext): Finding {
  const sizes = [1e-8, 1e-6, 1e-4, 1e-2];
  const steps = sizes.map((size) => naturalStep(context, 71, size));
  return {
    holds: steps[0].largest < 1.01 && steps[0].smallest > 0.99,
    figures: sizes
      .map((size, k) => `${short(size)}: ${short(steps[k].smallest)} to ${short(steps[k].largest)}`)
      .join(', '),
  };
}

function naturalStepStaysInside(context: TheoryContext): Finding {
  const { largest, worlds, meanExceeds, maxExceeds } = naturalStep(context, 72, 0.01);
  return {
    holds: maxExceeds === 0,
    figures: `expected KL above delta in ${meanExceeds} of ${worlds} worlds (up to ${short(largest)} times), largest state KL above delta in ${maxExceeds}`,
  };
}

/**
 * Computes the mixed second difference of the stage's objective, L_1(x) + L_2(y; x), in one logit x of the
 * first and one logit y of the second agent. L_1 and L_2 are the agents' surrogate gains. The difference is 0
 * if each term of the objective depends on one agent only.
 */
function separableObjective(context: TheoryContext): Finding {
  const mixed: number[] = [];
  const h = 1e-2;
  const shifted = (policy: Policy, by: number): Policy =>
    policy.map((row) => {
      const mass = Array.from(row, (p, a) => p * Math.exp(a === 0 ? by : 0));
      const total = mass.reduce((sum, p) => sum + p, 0);
      return mass.map((p) => p / total);
    });
  for (const { mdp, team } of sampleWorlds(context, 73, [0.9])) {
    const start = evaluateTeam(mdp, team);
    const stage = (x: number, y: number): number => {
      const first: TeamPolicy = withPolicy(team, 0, shifted(team[0], x));
      const second = withPolicy(first, 1, shifted(team[1], y));
      return surrogateGain(mdp, start, first) + surrogateGain(mdp, evaluateTeam(mdp, first), second);
    };
    mixed.push(Math.abs(stage(h, h) - stage(h, -h) - stage(-h, h) + stage(-h, -h)) / (4 * h * h));
  }
  return {
    holds: Math.max(...mixed) < 1e-6,
    figures: `mixed derivative of two agents' terms: median ${short(median(mixed))}, largest ${short(Math.max(...mixed))} over ${mixed.length} worlds`,
  };
}

function convexBall(): Finding {
  const q = [0.5023, 0.357, 0.1407].map(Math.log);
  const ends = [
    [-1.637, -0.139, -1.904],
    [4.71, 5.49, -13.88],
  ];
  const middle = ends[0].map((z, v) => (z + ends[1][v]) / 2);
  const [a, b, between] = [...ends, middle].map((logits) => exactKl(logits, q).klNewOld);
  return {
    holds: between <= Math.max(a, b),
    figures: `KL ${short(a, 4)} and ${short(b, 4)} at two points, ${short(between, 4)} at their midpoint`,
  };
}

/**
 * Checks the normalised surrogate on example G5: of two prompts, one is rarely solved. The update gains a
 * little on this prompt and loses more on the other.
 */
function normalisedSurrogate(): Finding {
  const before = [0.01098694263059318, 0.5];
  const after = [0.013386917827664779, 0.4950001666600003];
  const J = (p: readonly number[]) => (p[0] + p[1]) / 2;
  const size = 100_000;
  const surrogate = before.reduce((sum, p, prompt) => {
    const solved = Math.round(p * size);
    const returns = Float64Array.from({ length: size }, (_, g) => Number(g < solved));
    const [right, wrong] = [returns[0], returns[size - 1]].map(
      (r) => groupNormalizedAdvantages(returns, new Uint8Array(size), { clip: 1e9 })[r === 1 ? 0 : size - 1],
    );
    return sum + (after[prompt] * right + (1 - after[prompt]) * wrong) / 2;
  }, 0);
  const change = J(after) - J(before);
  return {
    holds: Math.sign(surrogate) === Math.sign(change),
    figures: `normalised surrogate ${short(surrogate)}, J ${short(change)}`,
  };
}

function clipActs(): Finding {
  const largest = (G: number) => {
    const returns = Float64Array.from({ length: G }, (_, g) => Number(g === 0));
    return groupNormalizedAdvantages(returns, new Uint8Array(G), { clip: 1e9 })[0];
  };
  const first = Array.from({ length: 40 }, (_, k) => k + 2).find((G) => largest(G) > 5);
  return {
    holds: largest(4) > 5 || largest(8) > 5,
    figures: `largest normalised advantage ${short(largest(4), 4)} at G 4, ${short(largest(8), 4)} at G 8; a clip of 5 has an effect from G ${first} on`,
  };
}

/**
 * Computes the share of messages whose summed log-ratio lies inside the clip range, if the log-ratio of each
 * token is normal with mean -v/2 and variance v.
 */
function clipAtLength({ seed }: TheoryContext): Finding {
  const lengths = [32, 512, 4096, 32768];
  const draws = 4000;
  const variance = 1e-4; // a token's log-ratio has standard deviation 0.01, so the KL per token is 5e-5
  const shares = lengths.map((length) => {
    const stream = randomStream(seed, 74, length);
    let inside = 0;
    for (let k = 0; k < draws; k++) {
      const u = Math.sqrt(length * variance) * stream.normal() - (length * variance) / 2;
      if (u > Math.log(0.8) && u < Math.log(1.2)) inside++;
    }
    return inside / draws;
  });
  const chart: Chart = {
    name: 'clip-at-length',
    title: 'Messages inside the clip [0.8, 1.2], token KL 5e-5',
    x: { label: 'tokens of the message', log: true },
    y: { label: 'share', range: [0, 1.02] },
    series: [
      { name: 'summed log-ratio (E22)', points: lengths.map((length, k) => [length, shares[k]] as const) },
    ],
  };
  const expected = [0.999, 0.63, 0.239, 0.06];
  return {
    holds: shares.every((share, k) => Math.abs(share - expected[k]) < 0.03),
    figures: lengths.map((length, k) => `${length} tokens ${percent(shares[k])}`).join(', '),
    charts: [chart],
  };
}

/**
 * Computes the KL between a policy at temperature 0.8 and the same policy at temperature 1, before any
 * update.
 */
function otherTemperature({ seed }: TheoryContext): Finding {
  const kls = [1, 2, 4].map((sd) => {
    const stream = randomStream(seed, 75, sd);
    const logits = Float64Array.from({ length: 2000 }, () => sd * stream.normal());
    return stateDivergence(logSoftmax(logits, 0.8), logSoftmax(logits)).klNewOld;
  });
  return {
    holds: Math.max(...kls) < 0.01,
    figures: `KL at zero update ${kls.map((kl) => short(kl)).join(', ')} nats per token for logits with standard deviation 1, 2, 4; typical radii are 0.01 to 0.05`,
  };
}

/**
 * Checks that a gradient step of size 1/L_blk gains at least |g|^2 / (2 L_blk), for one agent's softmax
 * table. g is the gradient and L_blk a bound on the smoothness of the objective.
 */
function oneBlockAscends(context: TheoryContext): Finding {
  const shortfall = new Maximum();
  for (const { mdp, team } of sampleWorlds(context, 76)) {
    const evaluation = evaluateTeam(mdp, team);
    const advantage = agentAdvantage(mdp, team, { agent: 0, evaluation });
    const gradient = advantage.map((row, s) =>
      row.map((x, a) => (evaluation.occupancy[s] * team[0][s][a] * x) / (1 - mdp.gamma)),
    );
    // smoothness bound L_blk = A_max B1^2 / (1 - gamma), where A_max is the largest advantage and B1 bounds
    // the norm of the score; B1^2 <= 2 for a softmax table
    const lipschitz = (2 * evaluation.aMax) / (1 - mdp.gamma);
    const moved = team[0].map((row, s) => {
      const mass = Array.from(row, (p, a) => p * Math.exp(gradient[s][a] / lipschitz));
      const total = mass.reduce((sum, p) => sum + p, 0);
      return mass.map((p) => p / total);
    });
    const gain = surrogateGain(mdp, evaluation, withPolicy(team, 0, moved));
    const square = gradient.flatMap((row) => [...row]).reduce((sum, g) => sum + g * g, 0);
    shortfall.include((square / (2 * lipschitz) - gain) * (1 - mdp.gamma));
  }
  return {
    holds: shortfall.value <= 1e-12,
    figures: `guaranteed gain - actual gain at most ${shortfall} worlds`,
  };
}

export const trustRegionClaims: ClaimGroup = {
  title: 'Trust region and loss',
  claims: [
    {
      name: 'quantile gate',
      statement: 'a gate on the 99% quantile of the per-state KL rejects a catastrophic update',
      source: 'P8, G3',
      predicted: 'fails',
      check: quantileRejectsAll,
    },
    {
      name: 'directions of the KL',
      statement: 'KL(new||old) and KL(old||new) are about equal, so that either can be measured',
      source: 'P18, G6',
      predicted: 'fails',
      check: directionsAgree,
    },
    {
      name: 'another temperature',
      statement: 'scoring at temperature 1 tokens that were sampled at 0.8 gives a negligible KL',
      source: 'E9',
      predicted: 'fails',
      check: otherTemperature,
    },
    {
      name: 'beta alone',
      statement: 'a larger beta changes a retry with a single step',
      source: 'E37',
      predicted: 'fails',
      check: betaHelpsOneStep,
    },
    {
      name: 'Fisher and KL',
      statement:
        "E[KL] / (1/2 D'FD) converges to 1 for small natural-gradient steps (range of the ratio by size of the step)",
      source: 'E65',
      predicted: 'holds',
      check: fisherIsLocal,
    },
    {
      name: 'natural step',
      statement: 'the natural-gradient step with gain kappa sqrt(delta) is within the radius delta',
      source: 'P12',
      predicted: 'fails',
      check: naturalStepStaysInside,
    },
    {
      name: 'one block ascends',
      statement: "a gradient step of size 1/L_blk on one agent's table gains at least |g|^2 / (2 L_blk)",
      source: '4.1',
      predicted: 'holds',
      check: oneBlockAscends,
    },
    {
      name: 'separable objective',
      statement: "a stage's objective is a sum of terms that depend on one agent each",
      source: 'P13',
      predicted: 'fails',
      check: separableObjective,
    },
    {
      name: 'convex ball',
      statement: 'the KL ball is convex in the logits',
      source: 'P13',
      predicted: 'fails',
      check: convexBall,
    },
    {
      name: 'normalised surrogate',
      statement: 'a step that increases the surrogate of group-normalised advantages increases J',
      source: 'P7, G5',
      predicted: 'fails',
      check: normalisedSurrogate,
    },
    {
      name: 'advantage clip',
      statement: 'an advantage clip of 5 has an effect at group sizes 4 and 8',
      source: 'E21, P6',
      predicted: 'fails',
      check: clipActs,
    },
    {
      name: 'clip at length',
      statement:
        'the summed log-ratio of nearly all messages of 32 tokens lies inside the clip, of messages of 32,768 tokens one in twenty',
      source: 'E26',
      predicted: 'holds',
      check: clipAtLength,
    },
  ],
};
