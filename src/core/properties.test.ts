/**
 * Property tests of `docs/algorithm.md`, section 5.1, that need no engine; each test name starts with the property's
 * number. Properties (7), (8), (10), (12) and (15) need an engine; they are in `src/train/properties.test.ts`.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBettingTest, empiricalBernsteinLower, truncatedGain } from './acceptance.ts';
import { groupNormalizedAdvantages, groupRelativeAdvantages } from './advantage.ts';
import { paperBound } from './certificate.ts';
import { stateDivergence } from './divergence.ts';
import { aggregateOwnTurns, temporalDifferences, truncatedGae } from './estimator.ts';
import { agentObjective, sampledKlPenalty } from './kl-penalty.ts';
import { sequenceObjective } from './objective.ts';
import { horizonPenalty } from './penalty.ts';
import { projectOntoTrustRegion } from './projection.ts';
import { randomStream } from './rng.ts';
import { jointDistribution } from './tabular/mdp.ts';
import { randomDistribution, randomTeam, randomWorld } from './tabular/random-worlds.ts';
import { runExactStage } from './tabular/stage.ts';
import { messageLogRatio, prefixWeights, turnLogRatios, turnWeights } from './weights.ts';

const seeds = fc.integer({ min: 0, max: 1e6 });

/**
 * Returns a batch of groups of G trajectories, each with 0-3 tokens of the agent. The seed determines all
 * numbers.
 */
function batch(seed: number, { groups = 2, size = 4, shift = 0.1 } = {}) {
  const stream = randomStream(seed, 77);
  const rows = Array.from({ length: groups * size }, (_, n) => {
    const logpOld = Array.from({ length: stream.int(4) }, () => -3 * stream.uniform());
    return {
      group: Math.floor(n / size),
      reward: stream.int(3) / 2,
      logpOld,
      logpNew: logpOld.map((x) => x + shift * stream.normal()),
    };
  });
  return {
    rows,
    groups: rows.map((r) => r.group),
    rewards: rows.map((r) => r.reward),
    logpOld: rows.map((r) => r.logpOld),
    logpNew: rows.map((r) => r.logpNew),
  };
}

describe('properties of the algorithm', () => {
  it('(1) an exact stage never decreases J, for any order and radius', () => {
    fc.assert(
      fc.property(
        seeds,
        fc.shuffledSubarray([0, 1, 2]),
        fc.double({ min: 1e-6, max: 3, noNaN: true }),
        (seed, order, delta) => {
          const mdp = randomWorld(seed, { states: 2, actions: [2, 2, 2], gamma: 0.95 });
          const { objective } = runExactStage(mdp, randomTeam(seed, mdp), {
            order,
            deltas: [delta, delta, delta],
          });
          for (let k = 1; k < objective.length; k++)
            expect(objective[k]).toBeGreaterThanOrEqual(objective[k - 1] - 1e-9);
        },
      ),
    );
  });

  it("(2) without updated agents every weight is 1 and the gradient is plain GRPO's", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { rewards, groups, logpOld, logpNew } = batch(seed, { shift: 0.01 });
        const messages = logpNew.map((row, n) => ({
          turn: 0,
          agent: n % 2,
          logRatio: messageLogRatio(row, logpOld[n]),
        }));
        const omega = messages.map((m) => turnWeights(turnLogRatios([m], new Set(), 1)).omega);
        expect(omega).toEqual(omega.map(() => 1));
        const advantages = groupNormalizedAdvantages(groupRelativeAdvantages(rewards, omega, groups), groups);
        const { cotangents } = sequenceObjective({ logpNew, logpOld, advantages });
        // the loss of GRPO by its own formula, with advantage (R - mean)/std and ratio e^u inside the clip,
        // where u is the log-ratio
        const spoken = logpNew.filter((row) => row.length > 0).length;
        rewards.forEach((reward, n) => {
          const members = rewards.filter((_, k) => groups[k] === groups[n]);
          const mean = members.reduce((a, b) => a + b, 0) / members.length;
          const std = Math.sqrt(members.reduce((sum, x) => sum + (x - mean) ** 2, 0) / members.length);
          const advantage = std < 1e-12 ? 0 : (reward - mean) / (std + 1e-8);
          const ratio = Math.exp(logpNew[n].reduce((sum, x, t) => sum + x - logpOld[n][t], 0));
          for (const g of cotangents[n]) expect(g).toBeCloseTo((-ratio * advantage) / spoken, 9);
        });
      }),
    );
  });

  it('(3) at the start of an update loss = -mean(adv), KL = 0 and its cotangents are 0', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { logpOld, rewards } = batch(seed);
        const input = { logpNew: logpOld, logpOld, advantages: rewards };
        const spoken = rewards.filter((_, n) => logpOld[n].length > 0);
        const { loss } = agentObjective(input, { beta: 0.5 });
        const mean = spoken.reduce((a, b) => a + b, 0) / Math.max(1, spoken.length);
        expect(loss).toBeCloseTo(-mean, 12);
        for (const estimator of ['k2', 'k3', 'k3n'] as const) {
          const { klMean, cotangents } = sampledKlPenalty(input, { beta: 0.5, estimator });
          expect(klMean).toBe(0);
          for (const row of cotangents) for (const x of row) expect(x).toBe(0);
        }
      }),
    );
  });

  it('(4) permuting trajectories, relabelling groups or adding silent ones changes nothing', () => {
    const signal = (rows: ReturnType<typeof batch>['rows']) => {
      const groups = rows.map((r) => r.group);
      const raw = groupRelativeAdvantages(
        rows.map((r) => r.reward),
        rows.map(() => 1),
        groups,
      );
      return agentObjective(
        {
          logpNew: rows.map((r) => r.logpNew),
          logpOld: rows.map((r) => r.logpOld),
          advantages: groupNormalizedAdvantages(raw, groups),
        },
        { beta: 0.1 },
      );
    };
    fc.assert(
      fc.property(seeds, fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (seed, order) => {
        const { rows } = batch(seed);
        const plain = signal(rows);
        const moved = signal(order.map((n) => ({ ...rows[n], group: 90 - 7 * rows[n].group })));
        expect(moved.loss).toBeCloseTo(plain.loss, 12);
        order.forEach((n, k) => {
          moved.cotangents[k].forEach((x, t) => {
            expect(x).toBeCloseTo(plain.cotangents[n][t], 12);
          });
        });
        const silent = { group: 55, reward: 1, logpOld: [], logpNew: [] };
        expect(signal([...rows, silent]).loss).toBe(plain.loss);
      }),
    );
  });

  it("(5) the agents' KLs add up to the team's", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const stream = randomStream(seed, 5);
        const actions = [2, 3, 2];
        const team = () => actions.map((n) => [randomDistribution(stream, n)]);
        const [next, old] = [team(), team()];
        const logs = (p: Float64Array) => p.map(Math.log);
        const joint = stateDivergence(
          logs(jointDistribution({ actions }, next, 0)),
          logs(jointDistribution({ actions }, old, 0)),
        );
        const each = actions.map((_, i) => stateDivergence(logs(next[i][0]), logs(old[i][0])));
        expect(each.reduce((sum, d) => sum + d.klNewOld, 0)).toBeCloseTo(joint.klNewOld, 11);
        expect(each.reduce((sum, d) => sum + d.klOldNew, 0)).toBeCloseTo(joint.klOldNew, 11);
      }),
    );
  });

  it('(6) E15 with c = 1 is GAE, and E19 is E15 + E17 + E18 with a constant critic', () => {
    const episode = fc.record({
      rho: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 }),
      reward: fc.double({ min: -1, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(episode, { minLength: 2, maxLength: 6 }), (episodes) => {
        const weights = episodes.map(({ rho }) => turnWeights(rho));
        const omega = weights.map((w) => w.omega);
        const baseline =
          episodes.reduce((sum, { reward }, g) => sum + omega[g] * reward, 0) /
          omega.reduce((a, b) => a + b, 0);
        const want = groupRelativeAdvantages(
          episodes.map((e) => e.reward),
          omega,
          episodes.map(() => 0),
        );
        episodes.forEach(({ rho, reward }, g) => {
          const rewards = rho.map((_, t) => (t === rho.length - 1 ? reward : 0));
          const delta = temporalDifferences(
            rewards,
            rho.map(() => baseline),
          );
          const { c } = weights[g];
          const got = aggregateOwnTurns(
            truncatedGae(delta, c, { lam: 1 }),
            [...rho.keys()],
            prefixWeights(c),
          );
          expect(got).toBeCloseTo(want[g], 10);
          const gae = truncatedGae(
            delta,
            rho.map(() => 1),
            { gamma: 0.9, lam: 0.7 },
          );
          gae.forEach((a, t) => {
            expect(a).toBeCloseTo(delta[t] + 0.63 * (gae[t + 1] ?? 0), 12);
          });
        });
      }),
    );
  });

  it('(9) a projection lies in its ball, w increases with the radius, radius 0 gives old and a huge radius pre', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 1e-7, max: 1, noNaN: true }), (seed, delta) => {
        const stream = randomStream(seed, 9);
        const pre = randomDistribution(stream, 5, 2);
        const old = randomDistribution(stream, 5, 2);
        const here = projectOntoTrustRegion(pre, old, delta);
        expect(here.klOld).toBeLessThanOrEqual(delta);
        expect(projectOntoTrustRegion(pre, old, 2 * delta).w).toBeGreaterThanOrEqual(here.w);
        expect(projectOntoTrustRegion(pre, old, 0).w).toBe(0);
        expect(projectOntoTrustRegion(pre, old, 1e9).w).toBe(1);
      }),
    );
  });

  it('(11) ten times the rewards leave the normalised advantage unchanged and multiply E58, E62 and E63 by ten', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const { rewards, groups } = batch(seed, { size: 6 });
        const stream = randomStream(seed, 11);
        const weights = rewards.map(() => 2 * stream.uniform());
        const tenfold = rewards.map((r) => 10 * r);
        const one = groupNormalizedAdvantages(rewards, groups);
        groupNormalizedAdvantages(tenfold, groups).forEach((a, n) => {
          expect(Math.abs(a - one[n])).toBeLessThan(1e-6);
        });
        const small = truncatedGain(weights, rewards, { lo: 0, hi: 1 });
        const large = truncatedGain(weights, tenfold, { lo: 0, hi: 10 });
        large.gain_N.forEach((x, n) => {
          expect(x).toBeCloseTo(10 * small.gain_N[n], 12);
        });
        const bound = ({ gain_N, lo, hi }: typeof small) =>
          empiricalBernsteinLower(gain_N, { lo, hi, delta: 0.05 });
        expect(bound(large)).toBeCloseTo(10 * bound(small), 9);
        const turns = { tvMax: [0.1, 0.2], tvMean: [0.05, 0.1] };
        expect(horizonPenalty({ ...turns, span: 10 })).toBeCloseTo(
          10 * horizonPenalty({ ...turns, span: 1 }),
          14,
        );
      }),
    );
  });

  it('(13) the betting test accepts under a symmetric null at a rate of at most alpha plus three standard errors', () => {
    for (const nPlan of [200, undefined]) {
      let accepted = 0;
      for (let run = 0; run < 2000; run++) {
        const stream = randomStream(13, run);
        const test = createBettingTest({
          alpha: 0.05,
          lo: -1,
          hi: 1,
          ...(nPlan === undefined ? {} : { nPlan }),
        });
        for (let k = 0; k < 200; k++) {
          const u = stream.uniform();
          if (test.observe(u < 0.1 ? -1 : u < 0.2 ? 1 : 0).decided === 'accept') {
            accepted++;
            break;
          }
        }
      }
      expect(accepted).toBeGreaterThan(0);
      expect(accepted / 2000).toBeLessThanOrEqual(0.05 + 3 * Math.sqrt((0.05 * 0.95) / 2000));
    }
  });

  it("(14) the paper's bound is not positive for gamma >= 1/2 and any possible gain", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.5, max: 0.999, noNaN: true }),
        fc.double({ min: 1e-3, max: 100, noNaN: true }),
        fc.double({ min: 1e-9, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (gamma, aMax, delta, share) => {
          const gain = (share * Math.sqrt(2 * delta) * aMax) / (1 - gamma);
          const figures = { gain: [gain], delta: [delta], zeta: [0], trajectories: [1e12] };
          expect(paperBound({ ...figures, gamma, aMax, confidence: 0.05 }).lower).toBeLessThanOrEqual(0);
        },
      ),
    );
  });
});
