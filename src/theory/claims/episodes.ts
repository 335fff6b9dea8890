/**
 * Claims about episodes without discount, the setting of teams of language models: cases in which the
 * surrogate gain equals the true gain, and the likelihood ratio of a whole episode, which needs no occupancy
 * bound.
 * @see docs/algorithm.md, E57-E60a
 * @module
 */
import { truncatedGain } from '../../core/acceptance.ts';
import { stateDivergence } from '../../core/divergence.ts';
import { dot } from '../../core/linear.ts';
import { marginalHorizonPenalty } from '../../core/penalty.ts';
import { randomStream } from '../../core/rng.ts';
import {
  type Episode,
  type EpisodePolicy,
  episodeChange,
  evaluateEpisode,
} from '../../core/tabular/episode.ts';
import { perturbed, randomEpisode, randomEpisodePolicy } from '../../core/tabular/random-worlds.ts';
import type { ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { enumeratePlays } from '../plays.ts';
import { Maximum, short } from '../sampling.ts';

/** Yields episodes with a policy, and with the same policy after a change of one agent at its turns. */
function* changedEpisodes({ worlds, seed }: TheoryContext, key: number, turn: readonly number[]) {
  for (let k = 0; k < worlds; k++) {
    const stream = randomStream(seed, key, k);
    const worldSeed = stream.int(2 ** 30);
    const episode = randomEpisode(worldSeed, { states: 2, actions: 2, turn });
    const old = randomEpisodePolicy(worldSeed, episode);
    const agent = turn[stream.int(turn.length)];
    const next = changed(episode, old, { agent, seed: worldSeed, share: stream.uniform() });
    yield { episode, agent, old, next, stream, seed: worldSeed };
  }
}

function changed(
  { turn }: Episode,
  policy: EpisodePolicy,
  { agent, seed, share }: { readonly agent: number; readonly seed: number; readonly share: number },
): EpisodePolicy {
  return policy.map((rows, t) => (turn[t] === agent ? perturbed(seed + t, rows, share) : rows));
}

function actOnce(context: TheoryContext): Finding {
  const error = new Maximum();
  for (const { episode, agent, old, next } of changedEpisodes(context, 31, [0, 1, 2])) {
    const { objectiveOld, objectiveNew, surrogate } = episodeChange(episode, { old, new: next }, agent);
    error.include(Math.abs(objectiveNew - objectiveOld - surrogate));
  }
  return { holds: error.value < 1e-12, figures: `largest |dJ - L| ${error} episodes` };
}

function actOften(context: TheoryContext): Finding {
  const expected = new Maximum();
  const coupled = new Maximum();
  const marginal = new Maximum();
  const simple = new Maximum();
  const used = new Maximum();
  for (const { episode, agent, old, next } of changedEpisodes(context, 32, [0, 1, 0, 0, 1])) {
    const change = episodeChange(episode, { old, new: next }, agent);
    const error = Math.abs(change.objectiveNew - change.objectiveOld - change.surrogate);
    const ownTurns = [...episode.turn.keys()].filter((t) => episode.turn[t] === agent);
    const klOldNewMean = ownTurns.map((t) =>
      dot(
        change.law[t],
        old[t].map((row, s) => klOldNew(next[t][s], row)),
      ),
    );
    expected.include(error - change.penalty);
    coupled.include(error - change.coupledPenalty);
    marginal.include(
      error - marginalHorizonPenalty({ span: change.span, tvMax: change.ownTvMax, klOldNewMean }),
    );
    const largest = Math.max(...change.ownTvMax);
    simple.include(error - ownTurns.length * (ownTurns.length - 1) * change.span * largest ** 2);
    used.include(error / change.penalty);
  }
  return {
    holds: [expected, coupled, marginal, simple].every(({ value }) => value <= 1e-12),
    figures: `|dJ - L| - bound at most ${short(expected.value)} (E58), ${short(coupled.value)} (E59), ${short(marginal.value)} (E59b), ${short(simple.value)} (m(m-1) span TV^2), over ${expected.count} episodes; at most ${short(used.value)} of E58's bound is used`,
  };
}

function klOldNew(next: ArrayLike<number>, old: ArrayLike<number>): number {
  return stateDivergence(Float64Array.from(next, Math.log), Float64Array.from(old, Math.log)).klOldNew;
}

function sequenceRatio(context: TheoryContext): Finding {
  const fresh = new Maximum();
  const reused = new Maximum();
  for (const { episode, agent, old, next, stream, seed } of changedEpisodes(context, 33, [0, 1, 0])) {
    const truth = evaluateEpisode(episode, next).objective;
    let estimate = 0;
    for (const play of enumeratePlays(episode, old))
      estimate += play.probability * play.ratio(next) * play.total;
    fresh.include(Math.abs(estimate - truth));
    // The other agent is updated first. Episodes that were sampled before both updates are weighted by the
    // likelihood ratios of both agents.
    const done = changed(episode, old, { agent: 1 - agent, seed: seed + 9, share: stream.uniform() });
    const both = done.map((rows, t) => (episode.turn[t] === agent ? next[t] : rows));
    let weighted = 0;
    for (const play of enumeratePlays(episode, old))
      weighted += play.probability * play.ratio(done) * play.ratio(next) * play.total;
    reused.include(Math.abs(weighted - evaluateEpisode(episode, both).objective));
  }
  return {
    holds: fresh.value < 1e-12 && reused.value < 1e-12,
    figures: `|E[r R] - J| at most ${fresh} episodes, |E[w r R] - J| at most ${short(reused.value)}`,
  };
}

/**
 * Checks that the expected truncated gain (E62) is at most the true gain and increases with the cap, by
 * enumeration.
 */
function conservativeGain(context: TheoryContext): Finding {
  const excess = new Maximum();
  const order = new Maximum();
  for (const { episode, old, next } of changedEpisodes(context, 34, [0, 1, 0])) {
    const gain = evaluateEpisode(episode, next).objective - evaluateEpisode(episode, old).objective;
    const plays = [...enumeratePlays(episode, old)];
    const range = { lo: 0, hi: 3 }; // three rewards in [0, 1]
    const expected = [1, 2, 5, 1e9].map((cap) => {
      const weights = plays.map((play) => play.ratio(next));
      const totals = plays.map(({ total }) => total);
      const { gain_N } = truncatedGain(weights, totals, { ...range, cap });
      return plays.reduce((sum, { probability }, n) => sum + probability * gain_N[n], 0);
    });
    for (const value of expected) excess.include(value - gain);
    for (const [k, value] of expected.slice(1).entries()) order.include(expected[k] - value);
    excess.include(Math.abs(expected[3] - gain));
  }
  return {
    holds: excess.value <= 1e-12 && order.value <= 1e-12,
    figures: `E[X] - gain at most ${short(excess.value)} at caps 1, 2, 5 and none, larger caps never give less (${excess.count} values)`,
  };
}

export const episodeClaims: ClaimGroup = {
  title: 'Episodes',
  claims: [
    {
      name: 'one turn per agent',
      statement: 'for an agent that acts at most once per episode the surrogate equals the true gain',
      source: 'E58',
      predicted: 'holds',
      check: actOnce,
    },
    {
      name: 'many turns per agent',
      statement: '|dJ - L| is at most the expected-TV, the coupled and the Pinsker bound',
      source: 'E57-E59b',
      predicted: 'holds',
      check: actOften,
    },
    {
      name: 'sequence ratio',
      statement:
        "E[ratio * return] is exactly the new team's J, for fresh and for reused episodes, without an occupancy term",
      source: 'E60a',
      predicted: 'holds',
      check: sequenceRatio,
    },
    {
      name: 'conservative gain',
      statement:
        'the expectation of the truncated, reweighted gain is at most the true gain, and equals it without a cap',
      source: 'E62',
      predicted: 'holds',
      check: conservativeGain,
    },
  ],
};
