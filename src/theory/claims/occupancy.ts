/**
 * Claims about the shift of the state distribution by an update, and about the error of ignoring this shift
 * within a stage.
 * @see docs/algorithm.md, E52, E56, worked examples G2, G7
 * @module
 */
import { occupancyShift, sharpOccupancyShift, staleSurrogateGap } from '../../core/penalty.ts';
import { mean } from '../../core/stats.ts';
import { type Evaluation, evaluateTeam, surrogateGain } from '../../core/tabular/evaluate.ts';
import { type TeamMdp, type TeamPolicy, withPolicy } from '../../core/tabular/mdp.ts';
import { policyChange } from '../../core/tabular/policy-change.ts';
import { perturbed } from '../../core/tabular/random-worlds.ts';
import { exactAgentUpdate } from '../../core/tabular/stage.ts';
import { staleOccupancyStage } from '../../core/tabular/worlds.ts';
import type { Chart, ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { GAMMAS, Maximum, median, sampleWorlds, short, slope } from '../sampling.ts';

function distance(a: Evaluation, b: Evaluation): number {
  return a.occupancy.reduce((sum, d, s) => sum + Math.abs(d - b.occupancy[s]), 0);
}

/**
 * Yields random changes of one agent, each with its TV and the L1 distance between the old and the new
 * occupancy.
 */
function* movedOccupancies(context: TheoryContext, key: number) {
  for (const { mdp, team, stream, seed } of sampleWorlds(context, key)) {
    const agent = stream.int(team.length);
    const after = withPolicy(team, agent, perturbed(seed, team[agent], stream.uniform()));
    const before = evaluateTeam(mdp, team);
    const { tvMax, tvMean } = policyChange(team[agent], after[agent], before.occupancy);
    yield { gamma: mdp.gamma, tvMax, tvMean, moved: distance(evaluateTeam(mdp, after), before) };
  }
}

function occupancyLemma(context: TheoryContext): Finding {
  const printed = new Maximum();
  const sharp = new Maximum();
  const expected = new Maximum();
  for (const { gamma, tvMax, tvMean, moved } of movedOccupancies(context, 11)) {
    printed.include(moved - occupancyShift({ gamma, tvMax }));
    sharp.include(moved - sharpOccupancyShift({ gamma, tvMax }));
    expected.include(moved - occupancyShift({ gamma, tvMax: tvMean }));
  }
  return {
    holds: [printed, sharp, expected].every(({ value }) => value <= 1e-10),
    figures: `moved - bound at most ${printed} (2 gamma TV/(1-gamma)), ${short(sharp.value)} (sharp), ${short(expected.value)} (expected TV)`,
  };
}

/**
 * Returns the L1 distance between the occupancies of two policies on a two-state chain (example G7). Action 1
 * in state 0 moves to an absorbing state. The old policy never takes action 1; the new policy takes it with
 * probability tvMax.
 */
function leavingChain(gamma: number, tvMax: number): number {
  const mdp: TeamMdp = {
    actions: [2],
    transition: [
      [
        [1, 0],
        [0, 1],
      ],
      [
        [0, 1],
        [0, 1],
      ],
    ],
    reward: [
      [0, 0],
      [0, 0],
    ],
    initial: [1, 0],
    gamma,
  };
  const leaving = (p: number) =>
    evaluateTeam(mdp, [
      [
        [1 - p, p],
        [1, 0],
      ],
    ]);
  return distance(leaving(tvMax), leaving(0));
}

function unnormalisedOccupancy(context: TheoryContext): Finding {
  const excess = new Maximum();
  let violations = 0;
  const record = (gamma: number, tvMax: number, moved: number) => {
    const over = moved / (1 - gamma) - occupancyShift({ gamma, tvMax });
    excess.include(over);
    if (over > 1e-9) violations++;
  };
  for (const { gamma, tvMax, moved } of movedOccupancies(context, 12)) record(gamma, tvMax, moved);
  for (const gamma of GAMMAS)
    for (const tvMax of [0.01, 0.1, 0.3]) record(gamma, tvMax, leavingChain(gamma, tvMax));
  return {
    holds: violations === 0,
    figures: `exceeded in ${violations} of ${excess.count} steps (including chains of G7), by up to ${short(excess.value)}`,
  };
}

function sharpIsAttained(): Finding {
  const size = { gamma: 0.9, tvMax: 0.3 };
  const moved = leavingChain(size.gamma, size.tvMax);
  const far = { gamma: 0.99, tvMax: Math.sqrt(0.01 / 2) };
  return {
    holds: Math.abs(moved - sharpOccupancyShift(size)) < 1e-12 && Math.abs(moved - 1.459459459) < 1e-8,
    figures: `moved ${short(moved, 7)}, sharp ${short(sharpOccupancyShift(size), 7)}, printed ${short(occupancyShift(size), 7)}; at gamma 0.99, KL 0.01: sharp ${short(sharpOccupancyShift(far))}, printed ${short(occupancyShift(far))}, no norm exceeds 2`,
  };
}

function staleExample(): Finding {
  const world = { p1: 0.45, b: 0.55, bonus: 0.2 };
  const outcome = staleOccupancyStage({ ...world, deltas: [0.05, 0.05] });
  const radii = Array.from({ length: 31 }, (_, k) => 10 ** (-4 + k / 10));
  const outcomes = radii.map((delta) => staleOccupancyStage({ ...world, deltas: [delta, delta] }));
  const curve = (name: string, value: (one: (typeof outcomes)[number]) => number, dashed = false) => ({
    name,
    dashed,
    points: radii.map((delta, k) => [delta, value(outcomes[k])] as const),
  });
  const chart: Chart = {
    name: 'stale-occupancy',
    title: 'G2: the second agent on stale and on intermediate occupancy',
    x: { label: 'radius delta of both agents, nats', log: true },
    y: { label: 'J after the stage' },
    series: [
      curve('intermediate occupancy', ({ objectiveIntermediate }) => objectiveIntermediate),
      curve('stale occupancy', ({ objectiveStale }) => objectiveStale),
      curve('start', ({ objective }) => objective, true),
    ],
  };
  const { objective, objectiveStale, objectiveIntermediate } = outcome;
  return {
    holds:
      Math.abs(objectiveStale - 0.52449551) < 1e-7 &&
      Math.abs(objectiveIntermediate - 0.6295914) < 1e-7 &&
      objectiveStale < objective &&
      outcomes.every((one) => one.objectiveIntermediate >= one.objectiveAfterAgent0 - 1e-12),
    figures: `J0 ${short(objective, 6)}, stale ${short(objectiveStale, 8)}, intermediate ${short(objectiveIntermediate, 8)}`,
    charts: [chart],
  };
}

/**
 * Runs one exact stage in order 0..n-1. Returns two sums over the agents: the gap between the stale surrogate
 * gain (with the occupancy at the start of the stage) and the intermediate one (with the occupancy after the
 * preceding updates), and the error of the intermediate surrogate gain.
 */
function stageGaps(mdp: TeamMdp, start: TeamPolicy, delta: number) {
  const atStart = evaluateTeam(mdp, start);
  const tvs: number[] = [];
  const excess = new Maximum();
  let [stale, residual] = [0, 0];
  let policies = start;
  let evaluation = atStart;
  for (const agent of start.keys()) {
    const update = exactAgentUpdate(mdp, policies, { agent, delta, evaluation });
    const after = withPolicy(policies, agent, update);
    const surrogate = surrogateGain(mdp, evaluation, after);
    const onStart = surrogateGain(mdp, { ...evaluation, occupancy: atStart.occupancy }, after);
    const { tvMax } = policyChange(policies[agent], update, evaluation.occupancy);
    const next = evaluateTeam(mdp, after);
    const gap = Math.abs(surrogate - onStart);
    excess.include(gap - staleSurrogateGap({ gamma: mdp.gamma, aMax: evaluation.aMax, tvMax }, tvs));
    stale += gap;
    residual += Math.abs(next.objective - evaluation.objective - surrogate);
    tvs.push(tvMax);
    policies = after;
    evaluation = next;
  }
  return { stale, residual, excess: excess.value };
}

function staleGapBound(context: TheoryContext): Finding {
  const excess = new Maximum();
  for (const { mdp, team, stream } of sampleWorlds(context, 13))
    excess.include(stageGaps(mdp, team, 10 ** (-4 * stream.uniform())).excess);
  return { holds: excess.value <= 1e-10, figures: `gap - bound at most ${excess} stages` };
}

function exponentsInDelta(context: TheoryContext): Finding {
  const radii = [1e-6, 1e-5, 1e-4, 1e-3];
  const stale: number[] = [];
  const residual: number[] = [];
  const few = { ...context, worlds: Math.min(context.worlds, 100) };
  for (const { mdp, team } of sampleWorlds(few, 14, [0.9])) {
    const gaps = radii.map((delta) => stageGaps(mdp, team, delta));
    const exponentOf = (of: (gap: (typeof gaps)[number]) => number) =>
      slope(radii.map((delta, k) => [Math.log(delta), Math.log(of(gaps[k]))]));
    stale.push(exponentOf((gap) => gap.stale));
    residual.push(exponentOf((gap) => gap.residual));
  }
  const [first, second] = [median(stale), median(residual)];
  return {
    holds: Math.abs(first - 0.5) < 0.1 || Math.abs(second - 0.5) < 0.1,
    figures: `fitted exponents: stale gap ${short(first)}, dJ - L ${short(second)} (medians of ${stale.length} worlds)`,
  };
}

/**
 * Returns a world of n agents that have the same effect on the transition, and a reward that increases with
 * this effect. Every pair of updates interacts equally, so the error of surrogate gains that use the
 * occupancy at the start of the stage is proportional to the number of pairs.
 */
function symmetricFamily(n: number): { readonly mdp: TeamMdp; readonly team: TeamPolicy } {
  const joint = Array.from(
    { length: 2 ** n },
    (_, a) => [...a.toString(2)].filter((bit) => bit === '1').length,
  );
  return {
    mdp: {
      actions: Array.from({ length: n }, () => 2),
      transition: [0, 1].map(() => joint.map((ones) => [0.9 - 0.1 * ones, 0.1 + 0.1 * ones])),
      reward: [0, 1].map((s) => joint.map((ones) => ones * (1 + s))),
      initial: [0.5, 0.5],
      gamma: 0.9,
    },
    team: Array.from({ length: n }, () => [
      [0.5, 0.5],
      [0.5, 0.5],
    ]),
  };
}

function exponentsInN(): Finding {
  const sizes = [2, 3, 4, 5, 6, 7, 8];
  const gaps = sizes.map((n) => {
    const { mdp, team } = symmetricFamily(n);
    return { n, ...stageGaps(mdp, team, 1e-4) };
  });
  const perPair = gaps.map(({ n, stale }) => stale / ((n * (n - 1)) / 2));
  const perAgent = gaps.map(({ n, residual }) => residual / n);
  const spread = (values: readonly number[]) => (Math.max(...values) - Math.min(...values)) / mean(values);
  const chart: Chart = {
    name: 'stale-growth',
    title: 'Error of the surrogates of a stage by number of agents (delta 1e-4)',
    x: { label: 'agents n', log: true },
    y: { label: 'sum over agents, reward units', log: true },
    series: [
      { name: 'stale: |L_seq - L_stale|', points: gaps.map(({ n, stale }) => [n, stale]) },
      { name: 'intermediate: |dJ - L|', points: gaps.map(({ n, residual }) => [n, residual]) },
      {
        name: 'n(n-1)/2',
        dashed: true,
        points: sizes.map((n) => [n, (perPair[0] * n * (n - 1)) / 2]),
      },
      { name: 'n', dashed: true, points: sizes.map((n) => [n, perAgent[0] * n]) },
    ],
  };
  const exponent = (of: (gap: (typeof gaps)[number]) => number, size: (n: number) => number) =>
    slope(gaps.map((gap) => [Math.log(size(gap.n)), Math.log(of(gap))]));
  const pairs = exponent(
    ({ stale }) => stale,
    (n) => (n * (n - 1)) / 2,
  );
  const agents = exponent(
    ({ residual }) => residual,
    (n) => n,
  );
  return {
    holds: spread(perPair) < 1e-6 && spread(perAgent) < 1e-6,
    figures: `stale gap ~ (n(n-1)/2)^${short(pairs)}, residual ~ n^${short(agents)}, n = 2..8`,
    charts: [chart],
  };
}

export const occupancyClaims: ClaimGroup = {
  title: 'Occupancy within a stage',
  claims: [
    {
      name: 'occupancy lemma',
      statement:
        "for occupancies that sum to 1, |d' - d| <= 2 gamma TV / (1 - gamma), sharper with coupling or expected TV",
      source: 'E52',
      predicted: 'holds',
      check: occupancyLemma,
    },
    {
      name: 'occupancy lemma, not normalised',
      statement: 'the same constant is valid for occupancies that sum to 1/(1 - gamma)',
      source: 'E52',
      predicted: 'fails',
      check: unnormalisedOccupancy,
    },
    {
      name: 'sharp occupancy shift',
      statement: 'the occupancy of a two-state chain moves by exactly the sharp bound',
      source: 'E52, G7',
      predicted: 'holds',
      check: sharpIsAttained,
    },
    {
      name: 'stale occupancy',
      statement:
        'an update of the second agent on the stage-start occupancy takes J below the start, on the intermediate occupancy it never decreases J',
      source: 'G2',
      predicted: 'holds',
      check: staleExample,
    },
    {
      name: 'stale surrogate gap',
      statement: '|L_seq - L_stale| <= 4 gamma A_max TV_i sum_k TV_k / (1 - gamma)^2',
      source: '3.2',
      predicted: 'holds',
      check: staleGapBound,
    },
    {
      name: 'square root of delta',
      statement:
        'the error of the surrogates of a stage grows as sqrt(delta), like the penalties of the paper and of TeamTR',
      source: 'P1, 4.4',
      predicted: 'fails',
      check: exponentsInDelta,
    },
    {
      name: 'square of n',
      statement:
        'the error of stale surrogates grows with the number of pairs of agents, that of intermediate ones with the number of agents',
      source: '3.2',
      predicted: 'holds',
      check: exponentsInN,
    },
  ],
};
