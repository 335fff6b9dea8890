import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { evaluateEpisode } from '../core/tabular/episode.ts';
import { randomEpisode, randomEpisodePolicy } from '../core/tabular/random-worlds.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import { type Claim, examine, type Finding, type TheoryContext } from './claim.ts';
import { CLAIM_GROUPS } from './claims.ts';
import { enumeratePlays } from './plays.ts';
import { countLine, outcomeLine, renderTheoryReport } from './report.ts';
import { Maximum, median, sampleWorlds, short, slope } from './sampling.ts';

const context: TheoryContext = { worlds: 50, seed: 1, createModel: createTabularModel };

/**
 * Slow claims that other files test with fewer stages: `train/schemes.test.ts`, `stage.test.ts`,
 * `certificate.test.ts`.
 */
const SLOW = [
  'schedules in the loop',
  'literal weights in the loop',
  'learning without falling',
  'certificate with many prompts',
];

/** Timeout of one claim on a busy machine, ms. */
const TIMEOUT_MS = 240_000;

const claims = CLAIM_GROUPS.flatMap((group) => group.claims);

describe('the claims', () => {
  for (const claim of claims.filter(({ name }) => !SLOW.includes(name)))
    it(
      `${claim.name}: ${claim.predicted} as predicted`,
      async () => {
        const outcome = await examine(claim, context);
        expect(outcome.asPredicted, outcome.figures).toBe(true);
        expect(outcome.figures).not.toMatch(/NaN|undefined|Infinity/);
        for (const { series } of outcome.charts ?? [])
          for (const { points } of series) expect(points.flat().every(Number.isFinite)).toBe(true);
      },
      TIMEOUT_MS,
    );

  it('have unique names, statements without a full stop, and valid sources', async () => {
    const names = claims.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    expect(SLOW.filter((name) => !names.includes(name))).toEqual([]);
    for (const { statement, source } of claims) {
      expect(statement).not.toMatch(/\.$/);
      expect(source).toMatch(/^(E\d+[ab]?|P\d+|G\d|\d\.\d)/);
    }
  });

  it('give the same result for the same seed, and use other worlds for another seed', async () => {
    const claim = claims.find(({ name }) => name === 'order') as Claim;
    const first = await examine(claim, context);
    expect(await examine(claim, context)).toEqual(first);
    expect((await examine(claim, { ...context, seed: 2 })).figures).not.toBe(first.figures);
  });
});

function claimOf(predicted: Claim['predicted'], holds: boolean, charts?: Finding['charts']): Claim {
  const finding = { holds, figures: `found ${holds}`, ...(charts && { charts }) };
  return {
    name: `${predicted} ${holds}`,
    statement: 'one is one',
    source: 'E1',
    predicted,
    check: () => finding,
  };
}

describe('a verdict', () => {
  it.each([
    ['holds', true, 'holds', true],
    ['fails', false, 'fails as predicted', true],
    ['holds', false, 'FAILS (predicted: holds)', false],
    ['fails', true, 'HOLDS (predicted: fails)', false],
  ] as const)(
    'of a claim with the prediction "%s" and the result %s is "%s"',
    async (predicted, holds, verdict, asPredicted) => {
      const outcome = await examine(claimOf(predicted, holds), context);
      expect(outcome).toMatchObject({ verdict, asPredicted });
      expect(outcomeLine(outcome)).toBe(`${verdict.padEnd(18)}  ${predicted} ${holds}: found ${holds}`);
    },
  );
});

it('a report contains every claim with its pictures, and counts results that differ from the prediction', async () => {
  const chart = { name: 'pic', title: 'A picture', x: { label: 'x' }, y: { label: 'y' }, series: [] };
  const group = { title: 'Things', claims: [claimOf('holds', true, [chart]), claimOf('fails', true)] };
  const outcomes = [];
  for (const claim of group.claims) outcomes.push(await examine(claim, context));
  expect(countLine(outcomes)).toBe('2 claims: 1 hold, 0 fail as predicted, 1 differ from the prediction');
  expect(countLine(outcomes.slice(0, 1))).toBe(
    '1 claims: 1 hold, 0 fail as predicted, 0 differ from the prediction',
  );
  const text = renderTheoryReport([group], outcomes, {
    facts: { worlds: 50, seed: 1, version: '9.9' },
    pictureOf: ({ name }) => `pictures/${name}.svg`,
  });
  expect(text).toContain('## Things');
  expect(text).toContain('### fails true (E1)\n\n> one is one\n\n**HOLDS (predicted: fails)**: found true.');
  expect(text).toContain('![A picture](pictures/pic.svg)');
  expect(text).toContain('`troupe theory --worlds 50 --seed 1` (troupe 9.9)');
});

describe('plays', () => {
  it('are complete: their probabilities sum to 1 and their expected return is J', () => {
    const episode = randomEpisode(3, { states: 2, actions: 3, turn: [0, 1, 0] });
    const [policy, other] = [randomEpisodePolicy(3, episode), randomEpisodePolicy(4, episode)];
    let [mass, J, reweighted] = [0, 0, 0];
    for (const play of enumeratePlays(episode, policy)) {
      mass += play.probability;
      J += play.probability * play.total;
      reweighted += play.probability * play.ratio(other) * play.total;
    }
    expect(mass).toBeCloseTo(1, 12);
    expect(J).toBeCloseTo(evaluateEpisode(episode, policy).objective, 12);
    expect(reweighted).toBeCloseTo(evaluateEpisode(episode, other).objective, 12);
  });
});

describe('figures', () => {
  it('include the exponent of a power law', () => {
    const points = [1, 2, 4, 8].map((x) => [Math.log(x), Math.log(3 * x ** 1.5)] as const);
    expect(slope(points)).toBeCloseTo(1.5, 12);
  });

  it('treat NaN as the maximum', () => {
    const extreme = new Maximum();
    for (const value of [1, Number.NaN, 2]) extreme.include(value);
    expect(extreme.value).toBeNaN();
    expect(extreme.count).toBe(3);
  });

  it('are printed in short form', () => {
    expect([0.02134, -47062, 2.6e-13, 0, 1.5].map((x) => short(x))).toEqual([
      '0.0213',
      '-47100',
      '2.6e-13',
      '0',
      '1.5',
    ]);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it('use worlds with every discount', () => {
    const worlds = [...sampleWorlds(context, 7)];
    expect(worlds).toHaveLength(50);
    expect(new Set(worlds.map(({ mdp }) => mdp.gamma))).toEqual(new Set([0.3, 0.5, 0.9, 0.99]));
    // the draws for the shape of the world have already advanced the stream
    expect(worlds[0].stream.uniform()).not.toBe(randomStream(1, 7, 0).uniform());
  });
});
