/**
 * Claims about basic identities: performance difference, zero-mean advantages, additivity of divergences.
 * @see docs/algorithm.md, E1-E8, E51
 * @module
 */
import { stateDivergence } from '../../core/divergence.ts';
import { randomStream } from '../../core/rng.ts';
import { evaluateTeam, expectedAdvantage, surrogateGain } from '../../core/tabular/evaluate.ts';
import { jointDistribution, withPolicy } from '../../core/tabular/mdp.ts';
import { type MessageTree, messageDivergence } from '../../core/tabular/message.ts';
import { policyChange } from '../../core/tabular/policy-change.ts';
import { perturbed } from '../../core/tabular/random-worlds.ts';
import type { ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { Maximum, sampleWorlds, short } from '../sampling.ts';

function performanceDifference(context: TheoryContext): Finding {
  const error = new Maximum();
  const centre = new Maximum();
  for (const { mdp, team, seed } of sampleWorlds(context, 1)) {
    const next = team.map((policy, i) => perturbed(seed + i, policy, 0.5));
    const [before, after] = [evaluateTeam(mdp, team), evaluateTeam(mdp, next)];
    const onNew = surrogateGain(mdp, { ...before, occupancy: after.occupancy }, next);
    error.include(Math.abs(after.objective - before.objective - onNew));
    for (const s of mdp.transition.keys())
      centre.include(Math.abs(expectedAdvantage(mdp, before, { policies: team, s })));
  }
  return {
    holds: error.value < 1e-9 && centre.value < 1e-11,
    figures: `largest error ${error} pairs; largest |E[A]| ${short(centre.value)}`,
  };
}

function divergencesAdd(context: TheoryContext): Finding {
  const error = new Maximum();
  for (const { mdp, team, seed } of sampleWorlds(context, 2)) {
    const next = team.map((policy, i) => perturbed(seed + i, policy, 0.7));
    const logs = (p: ArrayLike<number>) => Float64Array.from(p, Math.log);
    const joint = stateDivergence(
      logs(jointDistribution(mdp, next, 0)),
      logs(jointDistribution(mdp, team, 0)),
    );
    const sum = team.reduce(
      (total, policy, i) => total + stateDivergence(logs(next[i][0]), logs(policy[0])).klNewOld,
      0,
    );
    error.include(Math.abs(joint.klNewOld - sum));
  }
  return { holds: error.value < 1e-12, figures: `largest error ${error} teams` };
}

/** Returns a random tree of messages of the given length over two tokens. */
function randomTree(stream: ReturnType<typeof randomStream>, depth: number): MessageTree {
  const logits = [stream.normal(), stream.normal()];
  if (depth === 1) return { logits };
  return { logits, next: logits.map(() => randomTree(stream, depth - 1)) };
}

function messagesAreTokens({ seed, worlds }: TheoryContext): Finding {
  const error = new Maximum();
  for (let k = 0; k < worlds; k++) {
    const stream = randomStream(seed, 3, k);
    const { klNewOld, tokenSum } = messageDivergence(randomTree(stream, 4), randomTree(stream, 4));
    error.include(Math.abs(klNewOld - tokenSum));
  }
  return { holds: error.value < 1e-12, figures: `largest error ${error} message trees of 4 tokens` };
}

function gainCeilings(context: TheoryContext): Finding {
  const gain = new Maximum();
  const size = new Maximum();
  for (const { mdp, team, stream, seed } of sampleWorlds(context, 4)) {
    const agent = stream.int(team.length);
    const after = withPolicy(team, agent, perturbed(seed, team[agent], stream.uniform()));
    const [before, next] = [evaluateTeam(mdp, team), evaluateTeam(mdp, after)];
    const { klMax } = policyChange(team[agent], after[agent], before.occupancy);
    gain.include(next.objective - before.objective - (before.aMax * Math.sqrt(2 * klMax)) / (1 - mdp.gamma));
    const largest = Math.max(...mdp.reward.flatMap((row) => Array.from(row, Math.abs)));
    size.include(before.aMax - (2 * largest) / (1 - mdp.gamma));
  }
  return {
    holds: gain.value <= 1e-12 && size.value <= 1e-12,
    figures: `gain - ceiling at most ${gain} steps; A_max - 2R/(1-gamma) at most ${short(size.value)}`,
  };
}

export const valueClaims: ClaimGroup = {
  title: 'Values and divergences',
  claims: [
    {
      name: 'performance difference',
      statement:
        "J(pi') - J(pi) = E[A^pi] under pi' and its own occupancy, and E_pi[A^pi] = 0 in every state",
      source: 'E5, E7',
      predicted: 'holds',
      check: performanceDifference,
    },
    {
      name: 'divergences add up',
      statement: "the team's KL is the sum of its agents' KLs",
      source: 'E1',
      predicted: 'holds',
      check: divergencesAdd,
    },
    {
      name: 'chain rule',
      statement: 'the KL of a message is the expected sum of the KLs of its tokens',
      source: 'E8',
      predicted: 'holds',
      check: messagesAreTokens,
    },
    {
      name: 'largest gain',
      statement:
        'the gain of a step of one agent is at most A_max sqrt(2 KL) / (1 - gamma), and A_max <= 2R/(1 - gamma)',
      source: 'E51',
      predicted: 'holds',
      check: gainCeilings,
    },
  ],
};
