/**
 * Claims about the replacement of an agent's model by a new model: guarantees of Stage-0 (the projection of
 * the new model's policy onto a trust region around the old model's), and their limits.
 * @see docs/algorithm.md, E40-E42; error P15; worked example G4
 * @module
 */
import { projectOntoTrustRegion, swapCovariance } from '../../core/projection.ts';
import { randomStream } from '../../core/rng.ts';
import { agentAdvantage, evaluateTeam } from '../../core/tabular/evaluate.ts';
import { type Policy, type TeamMdp, type TeamPolicy, withPolicy } from '../../core/tabular/mdp.ts';
import { randomDistribution, randomTeam } from '../../core/tabular/random-worlds.ts';
import { matrixGame } from '../../core/tabular/worlds.ts';
import type { Chart, ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { Maximum, percent, sampleWorlds, short } from '../sampling.ts';

function kl(p: ArrayLike<number>, q: ArrayLike<number>): number {
  return Array.from(p).reduce((sum, x, v) => sum + (x > 0 ? x * Math.log(x / q[v]) : 0), 0);
}

function projectionIsOptimal({ worlds, seed }: TheoryContext): Finding {
  const excess = new Maximum();
  const outside = new Maximum();
  let smallestRise = Number.POSITIVE_INFINITY;
  for (let k = 0; k < worlds; k++) {
    const stream = randomStream(seed, 81, k);
    const [pre, old] = [randomDistribution(stream, 4), randomDistribution(stream, 4)];
    const delta = 10 ** (-3 * stream.uniform());
    const best = projectOntoTrustRegion(pre, old, delta);
    outside.include(best.klOld - delta);
    for (let rival = 0; rival < 40; rival++) {
      const other = randomDistribution(stream, 4);
      // bisection for the last point inside the ball on the line from `old` to a random point
      let [low, high] = [0, 1];
      const at = (share: number) => old.map((p, v) => (1 - share) * p + share * other[v]);
      for (let step = 0; step < 40; step++) {
        const middle = (low + high) / 2;
        if (kl(at(middle), old) <= delta) low = middle;
        else high = middle;
      }
      excess.include(best.klPre - kl(at(low), pre));
    }
    const weights = [delta / 4, delta / 2, delta].map((radius) => projectOntoTrustRegion(pre, old, radius).w);
    smallestRise = Math.min(smallestRise, weights[1] - weights[0], weights[2] - weights[1]);
  }
  return {
    holds: excess.value <= 1e-9 && outside.value <= 1e-12 && smallestRise >= 0,
    figures: `KL to the replacement minus that of any other point of the ball at most ${excess}; w increases with the radius (smallest increase ${short(smallestRise)})`,
  };
}

/**
 * Example G4: the agents get 0.8 if both play L, 1 if both play R, and 0 otherwise. The old models play L,
 * the new model of one agent plays R.
 */
const COORDINATION = matrixGame([
  [0.8, 0],
  [0, 1],
]);
const TEAM_PLAYS: Policy = [[0.95, 0.05]];
const REPLACEMENT_PLAYS: Policy = [[0.02, 0.98]];

function objective(mdp: TeamMdp, team: TeamPolicy): number {
  return evaluateTeam(mdp, team).objective;
}

function aligned(
  pre: Policy,
  old: Policy,
  delta0: number,
): { readonly policy: Policy; readonly w_S: number[] } {
  const projections = old.map((row, s) => projectOntoTrustRegion(pre[s], row, delta0));
  return { policy: projections.map(({ pi }) => pi), w_S: projections.map(({ w }) => w) };
}

function strongerHelps(): Finding {
  const withAgent = (policy: Policy) => objective(COORDINATION, [TEAM_PLAYS, policy]);
  const before = withAgent(TEAM_PLAYS);
  const selfPlay = objective(COORDINATION, [REPLACEMENT_PLAYS, REPLACEMENT_PLAYS]);
  const radii = Array.from({ length: 41 }, (_, k) => 10 ** (-4 + k / 10));
  const stage0 = (delta0: number) => withAgent(aligned(REPLACEMENT_PLAYS, TEAM_PLAYS, delta0).policy);
  const chart: Chart = {
    name: 'stage-0',
    title: 'G4: a stronger agent of another convention joins the team',
    x: { label: 'Stage-0 radius delta_0, nats', log: true },
    y: { label: 'J of the team', range: [0, 1] },
    series: [
      { name: 'after Stage-0', points: radii.map((delta0) => [delta0, stage0(delta0)] as const) },
      { name: 'before the swap', dashed: true, points: radii.map((delta0) => [delta0, before] as const) },
      {
        name: 'raw swap',
        dashed: true,
        points: radii.map((delta0) => [delta0, withAgent(REPLACEMENT_PLAYS)] as const),
      },
      {
        name: 'replacement in self-play',
        dashed: true,
        points: radii.map((delta0) => [delta0, selfPlay] as const),
      },
    ],
  };
  const golden = [0.001, 0.01, 0.05].map(stage0);
  const matches = [0.71737, 0.70056, 0.66611].every((value, k) => Math.abs(golden[k] - value) < 1e-4);
  return {
    holds: withAgent(REPLACEMENT_PLAYS) >= before || golden.some((value) => value >= before) || !matches,
    figures: `team ${short(before, 4)}, replacement in self-play ${short(selfPlay, 4)}; raw swap ${short(withAgent(REPLACEMENT_PLAYS))}, Stage-0 at 0.001 / 0.01 / 0.05: ${golden.map((value) => short(value, 4)).join(' / ')}`,
    charts: [chart],
  };
}

function betterElsewhere(context: TheoryContext): Finding {
  let [swaps, rawHurts, alignedHurts] = [0, 0, 0];
  for (const { mdp, team, stream } of sampleWorlds(context, 82)) {
    const pre = randomTeam(stream.int(2 ** 30), mdp)[0];
    const others = randomTeam(stream.int(2 ** 30), mdp);
    // count only new models that are strictly better than the agent's old model when they play with other
    // partners
    if (objective(mdp, withPolicy(others, 0, pre)) <= objective(mdp, withPolicy(others, 0, team[0])))
      continue;
    swaps++;
    const before = objective(mdp, team);
    if (objective(mdp, withPolicy(team, 0, pre)) < before) rawHurts++;
    if (objective(mdp, withPolicy(team, 0, aligned(pre, team[0], 0.01).policy)) < before) alignedHurts++;
  }
  return {
    holds: rawHurts === 0 && alignedHurts === 0,
    figures: `of ${swaps} replacements that are better with other partners, ${percent(rawHurts / swaps)} decrease this team's J raw, ${percent(alignedHurts / swaps)} after Stage-0`,
  };
}

function signTest(context: TheoryContext): Finding {
  let [swaps, right] = [0, 0];
  for (const { mdp, team, stream } of sampleWorlds(context, 83)) {
    const pre = randomTeam(stream.int(2 ** 30), mdp)[0];
    const evaluation = evaluateTeam(mdp, team);
    const { policy, w_S } = aligned(pre, team[0], 0.01);
    const covariance = swapCovariance({
      occupancy_S: evaluation.occupancy,
      old_S: team[0],
      pre_S: pre,
      advantage_S: agentAdvantage(mdp, team, { agent: 0, evaluation }),
      w_S,
    });
    swaps++;
    const change = objective(mdp, withPolicy(team, 0, policy)) - evaluation.objective;
    if (Math.sign(covariance) === Math.sign(change)) right++;
  }
  return {
    holds: right / swaps > 0.9,
    figures: `right sign in ${percent(right / swaps)} of ${swaps} swaps with Stage-0 at delta_0 0.01`,
  };
}

export const swapClaims: ClaimGroup = {
  title: 'Plug and play',
  claims: [
    {
      name: 'Stage-0 projection',
      statement:
        'the geometric mixture is the policy in the ball that is closest to the replacement, and its weight increases with the radius',
      source: 'E40, E41',
      predicted: 'holds',
      check: projectionIsOptimal,
    },
    {
      name: 'a stronger agent helps',
      statement: 'an agent that is stronger in self-play keeps or improves the team, raw or after Stage-0',
      source: 'P15, G4',
      predicted: 'fails',
      check: strongerHelps,
    },
    {
      name: 'better elsewhere',
      statement: 'a replacement that is strictly better with other partners never decreases J',
      source: 'P15',
      predicted: 'fails',
      check: betterElsewhere,
    },
    {
      name: 'sign test before a swap',
      statement: 'the weighted covariance predicts whether a swap with Stage-0 increases J',
      source: 'E42',
      predicted: 'holds',
      check: signTest,
    },
  ],
};
