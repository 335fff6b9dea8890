import { describe, expect, it } from 'vitest';
import { paperBound } from '../core/certificate.ts';
import { fullyObserved } from '../core/tabular/observed-episode.ts';
import { randomEpisode, randomEpisodePolicy } from '../core/tabular/random-worlds.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import { createRelay } from '../team/relay.ts';
import { createWorldTask } from '../theory/world-task.ts';
import { ACTION_TOKENS, createWorldTeam, exactObjective } from '../theory/world-team.ts';
import type { UpdateRecord } from './events.ts';
import { runStage } from './stage.ts';
import { createLetterTask, LETTERS } from './testing/letter-task.ts';
import { savedBytes } from './testing/saved-bytes.ts';
import { createContext, createTeam, type OptionChanges, trainOptions } from './testing/world.ts';

const CERTIFIED = 300;

/**
 * Runs a stage on a random tabular world of three turns. Returns the expected reward J before the stage and
 * after every update.
 */
async function certifiedStage(changes: OptionChanges = {}, turn: readonly number[] = [0, 1, 0]) {
  const episode = randomEpisode(5, { states: 2, actions: 2, turn });
  const world = fullyObserved(episode);
  const team = createWorldTeam(world, randomEpisodePolicy(5, episode), createTabularModel);
  const options = trainOptions({
    maxCompletionLength: ACTION_TOKENS,
    promptsPerStep: 48,
    minibatchSize: 1000,
    trustRegion: { targetKl: 0.1, targetKlMessage: 1 },
    optimizer: { learningRate: 1, maxGradNorm: 1e9 },
    certificate: { prompts: CERTIFIED, confidence: 0.1 },
    ...changes,
  });
  const context = createContext(team, options, createWorldTask(world));
  const objectives = [exactObjective(world, team)];
  const emit: typeof context.emit = (event) => {
    context.emit(event);
    if (event.kind === 'update') objectives.push(exactObjective(world, team));
  };
  const summary = await runStage({ ...context, emit }, team, 1);
  const updates: UpdateRecord[] = context.events.filter((event) => event.kind === 'update');
  const [lo, hi] = context.task.rewardRange;
  return { summary, updates, objectives, span: hi - lo, team, context };
}

describe('a certificate of fresh, sequential steps (createCertifier)', () => {
  it('bounds the true gain of every update from below; the sum is the certificate of the stage', async () => {
    const { summary, updates, objectives, span } = await certifiedStage();
    expect(updates.map(({ status }) => status)).toEqual(['ACCEPT', 'ACCEPT']);
    for (const [k, { certificate }] of updates.entries()) {
      const gain = objectives[k + 1] - objectives[k];
      expect(gain).toBeGreaterThan(0.005);
      expect(certificate).toMatchObject({ prompts: CERTIFIED, delta: 0.05 });
      expect(Math.abs((certificate?.gainMean as number) - gain)).toBeLessThan(0.15 * span);
      expect(certificate?.gainLower).toBeLessThan(gain);
      expect(certificate?.essShare).toBeGreaterThan(0.5);
      expect(certificate?.essShare).toBeLessThan(1);
      expect(certificate?.zetaUpper).toBeGreaterThan(certificate?.zeta as number);
    }
    const [first, second] = updates.map(({ certificate }) => certificate);
    expect(summary.certificate).toMatchObject({ prompts: 2 * CERTIFIED, delta: 0.1 });
    expect(summary.certificate?.gainMean).toBeCloseTo((first?.gainMean ?? 0) + (second?.gainMean ?? 0), 12);
    expect(summary.certificate?.gainLower).toBeCloseTo(
      (first?.gainLower ?? 0) + (second?.gainLower ?? 0),
      12,
    );
  });

  it('is close to the true gain with enough prompts', async () => {
    const certificate = { prompts: 4000, confidence: 0.1 };
    const { updates, objectives, span } = await certifiedStage({ certificate });
    for (const [k, record] of updates.entries()) {
      const gain = objectives[k + 1] - objectives[k];
      expect(Math.abs((record.certificate?.gainMean as number) - gain)).toBeLessThan(0.02 * span);
      expect(record.certificate?.gainLower).toBeLessThan(gain);
      expect(record.certificate?.gainLower).toBeGreaterThan(gain - 0.07 * span);
    }
  });

  it('has a horizon penalty only for agents with more than one turn (E58)', async () => {
    const { updates } = await certifiedStage();
    const [twice, once] = updates.map(({ certificate }) => certificate);
    expect(twice?.ownTurns).toBe(2);
    expect(twice?.horizonPenalty).toBeGreaterThan(0);
    expect(twice?.coupledHorizonPenalty).toBeGreaterThan(twice?.horizonPenalty as number);
    expect(once).toMatchObject({ ownTurns: 1, horizonPenalty: 0, coupledHorizonPenalty: 0 });
  });

  it("reports the paper's bound, which is far below the smallest possible gain (E51)", async () => {
    const { updates, summary, span } = await certifiedStage();
    const terms = updates.map(({ certificate, attempts }) => ({
      gain: certificate?.gainMean ?? 0,
      zeta: certificate?.zeta ?? 0,
      delta: attempts.at(-1)?.klMax ?? 0,
    }));
    const byHand = paperBound({
      gain: terms.map(({ gain }) => gain),
      zeta: terms.map(({ zeta }) => zeta),
      delta: terms.map(({ delta }) => delta),
      trajectories: [CERTIFIED, CERTIFIED],
      gamma: 0.99,
      aMax: span,
      confidence: 0.1,
    });
    expect(summary.certificate?.paperBound).toBe(byHand.lower);
    expect(byHand.lower).toBeLessThan(-100 * span);
  });

  it('does not change the training', async () => {
    const bytes = async (prompts: number) => {
      const { team } = await certifiedStage({ certificate: { prompts } });
      return Promise.all(team.agents.map(({ model }) => savedBytes(model)));
    };
    expect(await bytes(50)).toEqual(await bytes(0));
  });

  it('is empty without accepted updates', async () => {
    const { summary, updates, context } = await certifiedStage({
      trustRegion: { targetKl: 1e-12, maxBacktracks: 0 },
    });
    expect(updates.map(({ certificate }) => certificate)).toEqual([undefined, undefined]);
    expect(summary.certificate).toEqual({ prompts: 0, delta: 0.1, gainMean: 0, gainLower: 0, paperBound: 0 });
    expect(context.prompts.validation.position).toBe(0);
  });

  it('uses its own validation prompts, which no loss uses', async () => {
    const task = createLetterTask({ letters: { train: 'ab', validation: 'cd' } });
    const team = createTeam(createRelay(2), 2);
    const context = createContext(team, trainOptions({ certificate: { prompts: 20 } }), task);
    await runStage(context, team, 1);
    expect(context.prompts.validation.position).toBe(40);
    const prompts = team.agents.flatMap(({ model }) =>
      model.trainedStates().map(([prompt]) => LETTERS[prompt]),
    );
    expect(new Set(prompts)).toEqual(new Set('ab'));
  });
});

describe('a certificate of a stage with one batch or simultaneous updates', () => {
  it.each([
    ['reuse', { rolloutMode: 'reuse' }],
    ['simultaneous', { updateSchedule: 'simultaneous' }],
  ] as const)('(%s) covers the whole stage with the ratios of all updates', async (_, changes) => {
    const certificate = { prompts: 4000, confidence: 0.1 };
    const { summary, updates, objectives, span, context } = await certifiedStage({ ...changes, certificate });
    expect(updates.map((update) => update.certificate)).toEqual([undefined, undefined]);
    expect(context.prompts.validation.position).toBe(4000);
    const gain = objectives[2] - objectives[0];
    expect(gain).toBeGreaterThan(0.01);
    expect(summary.certificate).toMatchObject({ prompts: 4000, delta: 0.1 });
    expect(Math.abs((summary.certificate?.gainMean as number) - gain)).toBeLessThan(0.02 * span);
    expect(summary.certificate?.gainLower).toBeLessThan(gain);
  });

  it('is empty without accepted updates', async () => {
    const { summary } = await certifiedStage({
      rolloutMode: 'reuse',
      trustRegion: { targetKl: 1e-12, maxBacktracks: 0 },
    });
    expect(summary.certificate).toEqual({ prompts: 0, delta: 0.1, gainMean: 0, gainLower: 0, paperBound: 0 });
  });
});

it('warns if too few validation prompts are left for a certificate', async () => {
  const team = createTeam(createRelay(2), 2);
  const task = createLetterTask({ sizes: { validation: 50 } });
  const context = createContext(team, trainOptions({ certificate: { prompts: 20 } }), task);
  expect((await runStage(context, team, 1)).certificate).toBeDefined();
  expect((await runStage(context, team, 2)).certificate).toBeUndefined();
  expect(context.events.filter(({ kind }) => kind === 'warning')).toEqual([
    { kind: 'warning', stage: 2, message: expect.stringContaining('no certificate: too few prompts') },
  ]);
});
