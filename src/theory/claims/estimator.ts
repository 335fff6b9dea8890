/**
 * Claims about advantages from reused episodes: the bias that truncated weights correct, the bias that they
 * introduce, and the effect of aggregation over turns on a gradient. Expectations are exact, by enumeration
 * of all trajectories.
 * @see docs/algorithm.md, E14-E18; errors P2, P4, P5 of the paper
 * @module
 */
import {
  temporalDifferences,
  truncatedGae,
  truncatedGaeBiasBound,
  vtraceAdvantages,
} from '../../core/estimator.ts';
import { randomStream } from '../../core/rng.ts';
import { type Episode, type EpisodePolicy, evaluateEpisode } from '../../core/tabular/episode.ts';
import { perturbed, randomEpisode, randomEpisodePolicy } from '../../core/tabular/random-worlds.ts';
import { prefixWeights, suffixWeights, turnWeights } from '../../core/weights.ts';
import type { ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { enumeratePlays, type Play } from '../plays.ts';
import { Maximum, median, short } from '../sampling.ts';

const LAM = 0.9;

/**
 * Yields three-turn episodes with the policy that sampled the rollout and the policy of the intermediate team
 * (the team after the preceding updates of the stage).
 */
function* reusedEpisodes({ worlds, seed }: TheoryContext, key: number) {
  for (let k = 0; k < worlds; k++) {
    const stream = randomStream(seed, key, k);
    const worldSeed = stream.int(2 ** 30);
    const episode = randomEpisode(worldSeed, { states: 2, actions: 2, turn: [0, 1, 2] });
    const behaviour = randomEpisodePolicy(worldSeed, episode);
    const target = behaviour.map((rows, t) => perturbed(worldSeed + t, rows, stream.uniform()));
    yield { episode, behaviour, target };
  }
}

type Reused = {
  readonly episode: Episode;
  readonly behaviour: EpisodePolicy;
  readonly target: EpisodePolicy;
};

/** Returns the log-ratio log rho_t of each turn of a trajectory. */
function logRatios({ behaviour, target }: Reused, { states, actions }: Play): number[] {
  return actions.map((a, t) => Math.log(target[t][states[t]][a] / behaviour[t][states[t]][a]));
}

/**
 * Returns the largest error of an estimator of the target's advantage at turn 0. The error is that of the
 * mean over trajectories of `behaviour`, with an exact critic.
 */
function biasOfFirstTurn(
  reused: Reused,
  estimate: (play: Play, delta: Float64Array) => Float64Array,
): number {
  const { episode, behaviour, target } = reused;
  const truth = evaluateEpisode(episode, target);
  const sums = new Map<string, { weight: number; total: number }>();
  for (const play of enumeratePlays(episode, behaviour)) {
    const values = play.states.map((s, t) => truth.value[t][s]);
    const key = `${play.states[0]} ${play.actions[0]}`;
    const sum = sums.get(key) ?? { weight: 0, total: 0 };
    sum.weight += play.probability;
    sum.total += play.probability * estimate(play, temporalDifferences(play.rewards, values))[0];
    sums.set(key, sum);
  }
  let worst = 0;
  for (const [key, { weight, total }] of sums) {
    const [s, a] = key.split(' ').map(Number);
    worst = Math.max(worst, Math.abs(total / weight - (truth.q[0][s][a] - truth.value[0][s])));
  }
  return worst;
}

/**
 * Returns the largest absolute advantage of the target policy and the largest TV between the target and the
 * behaviour policy.
 */
function sizesOf({ episode, behaviour, target }: Reused) {
  const { q, value } = evaluateEpisode(episode, target);
  const aMax = Math.max(
    ...q.flatMap((rows, t) => rows.flatMap((row, s) => Array.from(row, (x) => Math.abs(x - value[t][s])))),
  );
  const tv = behaviour.flatMap((rows, t) =>
    rows.map((row, s) => Array.from(row).reduce((sum, p, a) => sum + Math.abs(p - target[t][s][a]), 0) / 2),
  );
  return { aMax, tvMax: Math.max(...tv) };
}

function truncationBias(context: TheoryContext): Finding {
  const share = new Maximum();
  const biases: number[] = [];
  for (const reused of reusedEpisodes(context, 51)) {
    const bias = biasOfFirstTurn(reused, (play, delta) =>
      truncatedGae(delta, turnWeights(logRatios(reused, play)).c, { lam: LAM }),
    );
    biases.push(bias);
    share.include(bias / truncatedGaeBiasBound(sizesOf(reused), { lam: LAM }));
  }
  return {
    holds: share.value <= 1,
    figures: `bias with an exact critic up to ${short(Math.max(...biases))}, median ${short(median(biases))}; at most ${short(share.value)} of its bound, over ${share.count} episodes`,
  };
}

function truncationIsUnbiased(context: TheoryContext): Finding {
  const bias = new Maximum();
  for (const reused of reusedEpisodes(context, 52))
    bias.include(
      biasOfFirstTurn(reused, (play, delta) =>
        truncatedGae(delta, turnWeights(logRatios(reused, play)).c, { lam: LAM }),
      ),
    );
  return { holds: bias.value < 1e-9, figures: `bias up to ${bias} episodes` };
}

function vtraceIsUnbiased(context: TheoryContext): Finding {
  const bias = new Maximum();
  for (const reused of reusedEpisodes(context, 53))
    bias.include(
      biasOfFirstTurn(reused, (play, delta) =>
        vtraceAdvantages(delta, turnWeights(logRatios(reused, play)), { lam: LAM }),
      ),
    );
  return { holds: bias.value < 1e-12, figures: `bias at most ${bias} episodes` };
}

/**
 * Returns the error of the surrogate, |E_old[W r_i R] - J(pi_hat^i)|, for the middle one of three agents that
 * act in turn. W is the importance weight of the updated agents, r_i the ratio of agent i, R the return and
 * pi_hat^i the team after agent i's update. The agents in `done` are already updated. The weights are not
 * truncated, so that the error shows which weights are needed.
 */
function surrogateErrors(
  reused: Reused,
  done: readonly number[],
): { readonly prefix: number; readonly suffix: number } {
  const { episode, behaviour, target } = reused;
  const own = 1;
  const changed = (agents: readonly number[]) =>
    behaviour.map((rows, t) => (agents.includes(episode.turn[t]) ? target[t] : rows));
  const truth = evaluateEpisode(episode, changed([...done, own])).objective;
  let [prefix, suffix] = [0, 0];
  for (const play of enumeratePlays(episode, behaviour)) {
    const logs = logRatios(reused, play);
    const rho = Float64Array.from(logs, (log, t) => (done.includes(episode.turn[t]) ? Math.exp(log) : 1));
    const credit = play.probability * Math.exp(logs[own]) * play.total;
    prefix += credit * prefixWeights(rho)[own];
    suffix += credit * suffixWeights(rho)[own];
  }
  return { prefix: Math.abs(prefix - truth), suffix: Math.abs(suffix - truth) };
}

function suffixIsEnough(context: TheoryContext): Finding {
  const forward = new Maximum();
  for (const reused of reusedEpisodes(context, 54)) forward.include(surrogateErrors(reused, [0]).suffix);
  return {
    holds: forward.value < 1e-12,
    figures: `forward order, weights of later turns only: error of the surrogate up to ${forward} episodes, returns in [0, 3]`,
  };
}

function ordersAndWeights(context: TheoryContext): Finding {
  const forward = new Maximum();
  const reverse = new Maximum();
  for (const reused of reusedEpisodes(context, 55)) {
    forward.include(surrogateErrors(reused, [0]).prefix);
    reverse.include(surrogateErrors(reused, [2]).suffix);
  }
  return {
    holds: forward.value < 1e-12 && reverse.value < 1e-12,
    figures: `forward order with prefix weights ${short(forward.value)}, reverse order with suffix weights ${short(reverse.value)}, over ${forward.count} episodes`,
  };
}

/**
 * Returns the weight of each turn's policy gradient in the sum of advantages: the gradient of E[r sum_t A_t]
 * with respect to a logit of the turn, divided by the gradient of E[R], at r = 1. r is the likelihood ratio,
 * A_t the advantage at turn t and R the return.
 */
function gradientWeights(lam: number, seed: number): number[] {
  const episode = randomEpisode(seed, { states: 2, actions: 2, turn: [0, 0, 0] });
  const policy = randomEpisodePolicy(seed, episode);
  const { value } = evaluateEpisode(episode, policy);
  const aggregated = [0, 0, 0];
  const exact = [0, 0, 0];
  for (const play of enumeratePlays(episode, policy)) {
    const values = play.states.map((s, t) => value[t][s]);
    const delta = temporalDifferences(play.rewards, values);
    const sum = truncatedGae(delta, [1, 1, 1], { lam }).reduce((total, a) => total + a, 0);
    for (const [t, a] of play.actions.entries()) {
      if (play.states[t] !== 0) continue;
      // the factor in brackets is d log p(a) / d logit of action 0
      const slope = play.probability * (Number(a === 0) - policy[t][0][0]);
      aggregated[t] += slope * sum;
      exact[t] += slope * play.total;
    }
  }
  return aggregated.map((x, t) => x / exact[t]);
}

function aggregateIsUniform({ seed }: TheoryContext): Finding {
  const weights = gradientWeights(0.95, seed);
  const atOne = gradientWeights(1, seed);
  return {
    holds: Math.max(...weights) - Math.min(...weights) < 1e-6,
    figures: `weights of the turns ${weights.map((x) => short(x, 5)).join(', ')} at lam 0.95, and ${atOne.map((x) => short(x)).join(', ')} at lam 1; up to ${short(1 / (1 - 0.9405))} in long episodes`,
  };
}

/**
 * Checks the paper's Algorithm 1 as printed. It sets the behaviour policy to the current team after every
 * agent's update, so that every importance ratio rho is 1.
 */
function overwrittenBehaviour(context: TheoryContext): Finding {
  const error = new Maximum();
  for (const reused of reusedEpisodes(context, 56)) {
    const { episode, behaviour, target } = reused;
    const changed = (agents: readonly number[]) =>
      behaviour.map((rows, t) => (agents.includes(episode.turn[t]) ? target[t] : rows));
    // the log-ratio log(pi_hat / pi_old) is 0, because Algorithm 1 as printed sets pi_old to pi_hat
    const { rho } = turnWeights([0, 0, 0]);
    const estimate = [...enumeratePlays(episode, behaviour)].reduce(
      (sum, play) => sum + play.probability * prefixWeights(rho)[1] * play.ratio(changed([1])) * play.total,
      0,
    );
    error.include(Math.abs(estimate - evaluateEpisode(episode, changed([0, 1])).objective));
  }
  return {
    holds: error.value < 1e-12,
    figures: `error of the surrogate up to ${error} episodes, returns in [0, 3]`,
  };
}

export const estimatorClaims: ClaimGroup = {
  title: 'Reused episodes',
  claims: [
    {
      name: 'bias of truncation',
      statement:
        'the bias of c-truncated GAE with an exact critic is at most gamma lam A_max TV / (1 - gamma lam)',
      source: 'E15',
      predicted: 'holds',
      check: truncationBias,
    },
    {
      name: 'truncation is unbiased',
      statement: 'c-truncated GAE with an exact critic is unbiased',
      source: 'P4',
      predicted: 'fails',
      check: truncationIsUnbiased,
    },
    {
      name: 'V-trace',
      statement: 'the V-trace form with an exact critic is unbiased',
      source: 'E16',
      predicted: 'holds',
      check: vtraceIsUnbiased,
    },
    {
      name: 'weights of later turns',
      statement: 'weights inside the advantage recursion correct for the agents updated earlier in the stage',
      source: 'P2',
      predicted: 'fails',
      check: suffixIsEnough,
    },
    {
      name: 'overwritten behaviour',
      statement:
        'Algorithm 1 as printed, which overwrites the behaviour policy inside the loop, corrects for the agents updated earlier in the stage',
      source: 'P3',
      predicted: 'fails',
      check: overwrittenBehaviour,
    },
    {
      name: 'orders and weights',
      statement: 'prefix weights are exact for the forward order, suffix weights for the reverse order',
      source: 'E17, E43',
      predicted: 'holds',
      check: ordersAndWeights,
    },
    {
      name: 'aggregate over turns',
      statement: 'a sum of advantages with a sequence ratio gives every turn the same weight',
      source: 'E18, P5',
      predicted: 'fails',
      check: aggregateIsUniform,
    },
  ],
};
