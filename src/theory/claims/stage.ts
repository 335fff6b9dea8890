/**
 * Claims about monotone improvement: exact steps of one agent after the other never decrease the expected
 * return J; simultaneous exact steps can decrease J.
 * @see docs/algorithm.md, section 4.1 and worked example G1
 * @module
 */
import { randomOrder } from '../../core/order.ts';
import { randomStream } from '../../core/rng.ts';
import { mean } from '../../core/stats.ts';
import { evaluateTeam } from '../../core/tabular/evaluate.ts';
import type { TeamMdp, TeamPolicy } from '../../core/tabular/mdp.ts';
import { randomTeam } from '../../core/tabular/random-worlds.ts';
import { runExactStage, simultaneousUpdate } from '../../core/tabular/stage.ts';
import { binaryTeam, matrixGame } from '../../core/tabular/worlds.ts';
import type { Chart, ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { Maximum, sampleWorlds, short } from '../sampling.ts';

const G1 = matrixGame([
  [0, 2],
  [2, -1],
]);

/**
 * Tolerance for the rounding error of the expected return J. J is multiplied by 1 - gamma before the
 * comparison, because the error grows with the discount.
 */
const ROUNDING = 1e-10;

function sequentialNeverFalls(context: TheoryContext): Finding {
  const fall = new Maximum();
  let decreases = 0;
  for (const { mdp, team, stream } of sampleWorlds(context, 41)) {
    const order = randomOrder(team.length, [stream.uniform(), stream.uniform(), stream.uniform()]);
    const deltas = team.map(() => 10 ** (1 - 5 * stream.uniform()));
    const { objective } = runExactStage(mdp, team, { order, deltas });
    for (let k = 1; k < objective.length; k++) {
      const change = (objective[k] - objective[k - 1]) * (1 - mdp.gamma);
      fall.include(-change);
      if (change < -ROUNDING) decreases++;
    }
  }
  return {
    holds: decreases === 0,
    figures: `${decreases} decreases in ${fall.count} steps, any order, radii 1e-4 to 10; smallest gain ${short(-fall.value)}`,
  };
}

/** Yields random one-shot games with a random team. */
function* games({ worlds, seed }: TheoryContext, key: number) {
  for (let k = 0; k < worlds; k++) {
    const stream = randomStream(seed, key, k);
    const row = () => [stream.normal(), stream.normal()];
    const game = matrixGame([row(), row()]);
    yield { game, team: randomTeam(stream.int(2 ** 30), game) };
  }
}

function simultaneousNeverFalls(context: TheoryContext): Finding {
  let [worlds, inWorlds, inGames] = [0, 0, 0];
  const fall = new Maximum();
  const decreasesJ = (mdp: TeamMdp, team: TeamPolicy, delta: number): boolean => {
    const after = simultaneousUpdate(
      mdp,
      team,
      team.map(() => delta),
    );
    const change = evaluateTeam(mdp, after).objective - evaluateTeam(mdp, team).objective;
    fall.include(-change);
    return change * (1 - mdp.gamma) < -ROUNDING;
  };
  for (const { mdp, team, stream } of sampleWorlds(context, 42)) {
    worlds++;
    if (decreasesJ(mdp, team, 10 ** (1 - 3 * stream.uniform()))) inWorlds++;
  }
  for (const { game, team } of games(context, 43)) if (decreasesJ(game, team, 0.5)) inGames++;
  const inG1 = decreasesJ(G1, binaryTeam(0.38, 0.38), 0.01);
  return {
    holds: inWorlds + inGames + Number(inG1) === 0,
    figures: `J decreased in ${inWorlds} of ${worlds} random worlds and ${inGames} of ${worlds} random games${inG1 ? ' and in G1' : ''}, worst by ${short(fall.value)}`,
  };
}

function coordinationGame(): Finding {
  const start = binaryTeam(0.38, 0.38);
  const deltas = [0.01, 0.01];
  const first = runExactStage(G1, start, { order: [0, 1], deltas });
  const reversed = runExactStage(G1, start, { order: [1, 0], deltas });
  const together = evaluateTeam(G1, simultaneousUpdate(G1, start, deltas)).objective;
  const sequential: number[] = [first.objective[0]];
  const simultaneous: number[] = [first.objective[0]];
  let [ahead, atOnce]: [TeamPolicy, TeamPolicy] = [start, start];
  for (let stage = 0; stage < 6; stage++) {
    const next = runExactStage(G1, ahead, { order: [0, 1], deltas });
    sequential.push(...next.objective.slice(1));
    ahead = next.policies;
    atOnce = simultaneousUpdate(G1, atOnce, deltas);
    const { objective } = evaluateTeam(G1, atOnce);
    simultaneous.push(objective, objective); // both agents' updates
  }
  const points = (values: readonly number[]) => values.map((value, k) => [k, value] as const);
  const chart: Chart = {
    name: 'sequential-simultaneous',
    title: 'G1: sequential and simultaneous exact steps of radius 0.01',
    x: { label: 'agent updates' },
    y: { label: 'J' },
    series: [
      { name: 'sequential', points: points(sequential) },
      { name: 'simultaneous', points: points(simultaneous) },
    ],
  };
  return {
    holds:
      Math.abs(together - 0.7878345614) < 1e-9 &&
      Math.abs(first.objective[2] - 0.8216352563) < 1e-9 &&
      Math.abs(reversed.objective[2] - 0.8216352563) < 1e-9,
    figures: `J0 ${short(first.objective[0], 6)}, simultaneous ${short(together, 10)}, sequential ${short(first.objective[1], 10)} then ${short(first.objective[2], 10)}`,
    charts: [chart],
  };
}

/** All orders of 0..n-1. */
function permutations(n: number): number[][] {
  if (n === 0) return [[]];
  return permutations(n - 1).flatMap((rest) =>
    Array.from({ length: n }, (_, at) => [...rest.slice(0, at), n - 1, ...rest.slice(at)]),
  );
}

function orderMatters(context: TheoryContext): Finding {
  const spreads: number[] = [];
  for (const { mdp, team } of sampleWorlds(context, 44)) {
    const finals = permutations(team.length).map((order) => {
      let policies = team;
      let last = Number.NaN;
      for (let stage = 0; stage < 4; stage++) {
        const next = runExactStage(mdp, policies, { order, deltas: team.map(() => 0.2) });
        policies = next.policies;
        last = next.objective.at(-1) ?? last;
      }
      return last;
    });
    spreads.push(Math.max(...finals) - Math.min(...finals));
  }
  const sorted = [...spreads].sort((a, b) => a - b);
  const chart: Chart = {
    name: 'order-spread',
    title: 'J after four exact stages (delta 0.2): best order minus worst order',
    x: { label: 'share of random worlds' },
    y: { label: 'spread of J over orders, at most', log: true },
    series: [
      {
        name: 'worlds sorted by spread',
        points: sorted.map((spread, k) => [(k + 1) / sorted.length, spread]),
      },
    ],
  };
  return {
    holds: spreads.every((spread) => spread < 1e-9),
    figures: `mean spread of J over orders ${short(mean(spreads))}, largest ${short(sorted.at(-1) ?? 0)}, over ${spreads.length} worlds`,
    charts: [chart],
  };
}

export const stageClaims: ClaimGroup = {
  title: 'Monotone improvement',
  claims: [
    {
      name: 'exact sequential steps',
      statement: 'exact steps with fresh advantages never decrease J, for any order and radii',
      source: 'E39, 4.1',
      predicted: 'holds',
      check: sequentialNeverFalls,
    },
    {
      name: 'exact simultaneous steps',
      statement: 'simultaneous exact steps on stage-start advantages never decrease J',
      source: '4.1',
      predicted: 'fails',
      check: simultaneousNeverFalls,
    },
    {
      name: 'coordination game',
      statement:
        'the exact numbers of the example: J increases with sequential steps in both orders and decreases with simultaneous steps',
      source: 'G1',
      predicted: 'holds',
      check: coordinationGame,
    },
    {
      name: 'order',
      statement: 'the final J of a run does not depend on the order of updates',
      source: '4.1',
      predicted: 'fails',
      check: orderMatters,
    },
  ],
};
