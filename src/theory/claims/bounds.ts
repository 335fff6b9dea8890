/**
 * Claims about lower bounds on the gain of a step in discounted worlds (small random MDPs): the paper's
 * bound, which is never positive at gamma >= 1/2, and tighter ones.
 * @see docs/algorithm.md, E50-E56
 * @module
 */
import { paperBound, paperBoundCeiling } from '../../core/certificate.ts';
import {
  coupledHorizonPenalty,
  horizonPenalty,
  jointPenalty,
  paperOccupancyPenalty,
  trpoPenalty,
} from '../../core/penalty.ts';
import { evaluateTeam, surrogateGain } from '../../core/tabular/evaluate.ts';
import { withPolicy } from '../../core/tabular/mdp.ts';
import { policyChange, type StepBounds, stepBounds } from '../../core/tabular/policy-change.ts';
import { perturbed } from '../../core/tabular/random-worlds.ts';
import { type ExactStage, runExactStage } from '../../core/tabular/stage.ts';
import type { Chart, ClaimGroup, Finding, TheoryContext } from '../claim.ts';
import { GAMMAS, Maximum, median, percent, type Sample, sampleWorlds, short } from '../sampling.ts';

const RADII = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/** Yields random changes of one agent, each with its true gain and all lower bounds on the gain. */
function* changedSteps(context: TheoryContext, key: number) {
  for (const { mdp, team, stream, seed } of sampleWorlds(context, key)) {
    const agent = stream.int(team.length);
    const after = withPolicy(team, agent, perturbed(seed, team[agent], stream.uniform() ** 3));
    const evaluation = evaluateTeam(mdp, team);
    const bounds = stepBounds(mdp, { evaluation, before: team }, { agent, after });
    yield { gamma: mdp.gamma, bounds, gain: evaluateTeam(mdp, after).objective - evaluation.objective };
  }
}

function boundsAreValid(context: TheoryContext): Finding {
  const excess = { paper: new Maximum(), trpo: new Maximum(), sharp: new Maximum(), cpo: new Maximum() };
  for (const { gamma, bounds, gain } of changedSteps(context, 21)) {
    // rounding errors grow with the constants of the bounds, which are proportional to 1 / (1 - gamma)^2
    const scale = (1 - gamma) ** 2;
    excess.paper.include((bounds.lowerPaper - gain) * scale);
    excess.trpo.include((bounds.lowerTrpo - gain) * scale);
    excess.sharp.include((bounds.lowerSharp - gain) * scale);
    excess.cpo.include((bounds.lowerExpectedTv - gain) * scale);
  }
  const { paper, trpo, sharp, cpo } = excess;
  return {
    holds: [paper, trpo, sharp, cpo].every(({ value }) => value <= 1e-11),
    figures: `bound - gain at most ${short(paper.value)} (paper), ${short(trpo.value)} (E53), ${short(sharp.value)} (E54), ${short(cpo.value)} (E55), over ${paper.count} steps`,
  };
}

/** Returns a lower bound on the gain of a whole stage (E56), computed from the stage's start only. */
function jointLower({ mdp, team }: Pick<Sample, 'mdp' | 'team'>, after: Sample['team']): number {
  const evaluation = evaluateTeam(mdp, team);
  const changes = team.map((policy, i) => policyChange(policy, after[i], evaluation.occupancy));
  const penalty = jointPenalty({
    ...{ gamma: mdp.gamma, aMax: evaluation.aMax },
    tvMax_A: changes.map(({ tvMax }) => tvMax),
    klMax_A: changes.map(({ klMax }) => klMax),
  });
  return surrogateGain(mdp, evaluation, after) - penalty;
}

function jointBoundIsValid(context: TheoryContext): Finding {
  const excess = new Maximum();
  for (const { mdp, team, seed } of sampleWorlds(context, 22)) {
    const after = team.map((policy, i) => perturbed(seed + i, policy, 0.2));
    const gain = evaluateTeam(mdp, after).objective - evaluateTeam(mdp, team).objective;
    excess.include((jointLower({ mdp, team }, after) - gain) * (1 - mdp.gamma) ** 2);
  }
  return { holds: excess.value <= 1e-11, figures: `bound - gain at most ${excess} stages` };
}

function paperIsEverPositive(context: TheoryContext): Finding {
  let [positive, steps] = [0, 0];
  let below = 0;
  for (const { mdp, team, stream } of sampleWorlds(context, 23, GAMMAS)) {
    const deltas = team.map(() => 10 ** (-6 * stream.uniform()));
    for (const step of runExactStage(mdp, team, { order: [...team.keys()], deltas }).steps) {
      if (mdp.gamma < 0.5) {
        if (step.lowerPaper > 0) below++;
        continue;
      }
      steps++;
      if (step.lowerPaper > 1e-9) positive++;
    }
  }
  const atDefaults = paperBound({
    gain: [1, 1, 1], // the largest possible gain, because J lies in [0, 1]
    delta: [0.01, 0.01, 0.01],
    zeta: [0, 0, 0],
    trajectories: [512, 512, 512],
    ...{ gamma: 0.99, aMax: 5, confidence: 0.05 },
  });
  return {
    holds: positive > 0,
    figures: `positive in ${positive} of ${steps} ascent steps at gamma >= 1/2 (${below} below 1/2); at the paper's own settings ${short(atDefaults.lower)} for a reward in [0, 1], even with the largest possible gain of every step`,
  };
}

function ceilingIsNegative(): Finding {
  const largest = new Maximum();
  for (const gamma of [0.5, 0.6, 0.9, 0.99, 0.999])
    for (const klMax of RADII) largest.include(paperBoundCeiling({ gamma, aMax: 1, klMax }));
  const below = paperBoundCeiling({ gamma: 0.49, aMax: 1, klMax: 0.01 });
  return {
    holds: largest.value <= 1e-12 && below > 0,
    figures: `largest possible value of the bound ${short(largest.value)} for gamma >= 1/2, ${short(below)} at gamma 0.49`,
  };
}

/**
 * True gain of a stage (one update of every agent), and lower bounds on this gain. Each bound is a sum of
 * bounds on the agents' updates, except `joint`, a bound on the whole stage (E56).
 */
interface StageFigures {
  readonly gain: number;
  readonly paper: number;
  readonly trpo: number;
  readonly sharp: number;
  readonly cpo: number;
  readonly joint: number;
}

function stageFigures(sample: Sample, delta: number): StageFigures {
  const { mdp, team } = sample;
  const stage: ExactStage = runExactStage(mdp, team, {
    order: [...team.keys()],
    deltas: team.map(() => delta),
  });
  const sum = (of: (step: StepBounds) => number) => stage.steps.reduce((total, step) => total + of(step), 0);
  return {
    gain: (stage.objective.at(-1) ?? Number.NaN) - stage.objective[0],
    paper: sum(({ lowerPaper }) => lowerPaper),
    trpo: sum(({ lowerTrpo }) => lowerTrpo),
    sharp: sum(({ lowerSharp }) => lowerSharp),
    cpo: sum(({ lowerExpectedTv }) => lowerExpectedTv),
    joint: jointLower(sample, stage.policies),
  };
}

const BOUNDS = [
  ['expected TV (E55)', 'cpo'],
  ['joint (E56)', 'joint'],
  ['sharp (E54)', 'sharp'],
  ['TRPO (E53)', 'trpo'],
  ['paper (E50)', 'paper'],
] as const;

function whatBoundsProve(context: TheoryContext): Finding {
  const few = { ...context, worlds: Math.min(context.worlds, 60) };
  const samples = [...sampleWorlds(few, 24, [0.9])];
  const byRadius = RADII.map((delta) => samples.map((sample) => stageFigures(sample, delta)));
  const share = (key: keyof StageFigures, at: number) =>
    byRadius[at].filter((figures) => figures[key] > 0).length / samples.length;
  const relative = (key: keyof StageFigures, at: number) =>
    median(byRadius[at].map((figures) => figures[key] / figures.gain));
  const curves = (value: (key: keyof StageFigures, at: number) => number) =>
    BOUNDS.map(([name, key]) => ({
      name,
      points: RADII.map((delta, at) => [delta, value(key, at)] as const),
    }));
  const charts: Chart[] = [
    {
      name: 'bounds-share',
      title: 'Share of exact ascent stages whose bound is positive (gamma 0.9)',
      x: { label: 'radius delta, nats', log: true },
      y: { label: 'share', range: [-0.02, 1.02] },
      series: curves(share),
    },
    {
      name: 'bounds-size',
      title: 'Relative slack of a bound on a stage, median (gamma 0.9); below 1 the bound is positive',
      x: { label: 'radius delta, nats', log: true },
      y: { label: '(true gain - bound) / true gain', log: true },
      series: [
        ...curves((key, at) => 1 - relative(key, at)),
        { name: 'bound = 0', dashed: true, points: RADII.map((delta) => [delta, 1] as const) },
      ],
    },
  ];
  return {
    holds:
      share('paper', 0) === 0 && share('cpo', 0) === 1 && share('joint', 0) > 0.9 && share('trpo', 0) > 0.9,
    figures: `positive at delta 1e-6 / 1e-4 / 1e-2: ${BOUNDS.map(([name, key]) => `${name} ${[0, 2, 4].map((at) => percent(share(key, at))).join(' / ')}`).join(', ')}`,
    charts,
  };
}

/**
 * Computes the penalties of the bounds for three agents at the scale of language-model training, with a
 * reward in [0, 1].
 */
function termsAtScale(): Finding {
  const agents = 3;
  const gamma = 0.99;
  const occupancy = [0.05, 0.01, 0.004].map(
    (klMax) => agents * paperOccupancyPenalty({ gamma, aMax: 5, klMax }),
  );
  const tvMax = Math.sqrt(0.01 / 2);
  const trpo = agents * trpoPenalty({ gamma, aMax: 5, tvMax });
  const { finiteSample } = paperBound({
    gain: [0, 0, 0],
    delta: [0.01, 0.01, 0.01],
    zeta: [0, 0, 0],
    trajectories: [512, 512, 512],
    ...{ gamma, aMax: 5, confidence: 0.05 },
  });
  const once = horizonPenalty({ span: 1, tvMax: [tvMax], tvMean: [tvMax] });
  const twice = agents * coupledHorizonPenalty({ span: 1, tvMax: [tvMax, tvMax] });
  return {
    holds: Math.min(...occupancy, finiteSample, trpo) < 1,
    figures: `paper occupancy ${occupancy.map((x) => Math.round(x)).join(' / ')} at delta 0.05 / 0.01 / 0.004, its finite-sample term ${short(finiteSample, 4)} at N 512, TRPO ${short(trpo)}; episodes with one turn per agent ${once}, with two ${short(twice)}`,
  };
}

export const boundClaims: ClaimGroup = {
  title: 'Bounds on the gain of a step',
  claims: [
    {
      name: 'bounds are valid',
      statement:
        'the lower bounds of the paper (exact advantages), TRPO, the sharp form and expected TV never exceed the true gain',
      source: 'E50, E53-E55',
      predicted: 'holds',
      check: boundsAreValid,
    },
    {
      name: 'joint bound is valid',
      statement:
        'the HATRPO-style bound on a whole stage, computed from its start only, never exceeds the true gain',
      source: 'E56',
      predicted: 'holds',
      check: jointBoundIsValid,
    },
    {
      name: 'paper certificate',
      statement: "the paper's certificate can be positive at gamma >= 1/2",
      source: 'E51, P1',
      predicted: 'fails',
      check: paperIsEverPositive,
    },
    {
      name: 'ceiling of the certificate',
      statement: "no data can make the paper's certificate positive at gamma >= 1/2",
      source: 'E51',
      predicted: 'holds',
      check: ceilingIsNegative,
    },
    {
      name: 'terms at scale',
      statement:
        'discounted penalties and their finite-sample term can fall below the largest possible gain, 1, in language-model training',
      source: '3.4',
      predicted: 'fails',
      check: termsAtScale,
    },
    {
      name: 'what bounds prove',
      statement:
        "second-order bounds certify small exact steps at gamma 0.9; the paper's bound certifies none",
      source: 'E51-E56',
      predicted: 'holds',
      check: whatBoundsProve,
    },
  ],
};
