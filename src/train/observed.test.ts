/**
 * Tests of values that runs record for reports only: quantiles, standard errors, the evidence (wealth) of
 * acceptance tests after each prompt, accuracies of single agents.
 */
import { describe, expect, it } from 'vitest';
import { createRelay } from '../team/relay.ts';
import { createVote } from '../team/vote.ts';
import { KL_LEVELS, type RunEvent } from './events.ts';
import { testCandidate } from './gate.ts';
import { runStage } from './stage.ts';
import { evaluateStage } from './stage-evaluation.ts';
import { snapshotTeam } from './team-snapshot.ts';
import { createContext, createTeam, teach, trainOptions } from './testing/world.ts';

const of = <K extends RunEvent['kind']>(events: readonly RunEvent[], kind: K) =>
  events.filter((event): event is Extract<RunEvent, { kind: K }> => event.kind === kind);

describe('a stage', () => {
  it('records increasing quantiles of the divergence, up to the maximum', async () => {
    const team = createTeam(createVote(), 2);
    const context = createContext(team, trainOptions());
    await runStage(context, team, 1);
    const updates = of(context.events, 'update');
    expect(updates).toHaveLength(2);
    for (const { klQuantiles = [], klMax, klQuantile } of updates.flatMap(({ attempts }) => attempts)) {
      expect(klQuantiles).toHaveLength(KL_LEVELS.length);
      expect([...klQuantiles].sort((a, b) => a - b)).toEqual(klQuantiles);
      expect(klQuantiles.at(-1)).toBeLessThanOrEqual(klMax * 1.001);
      // the trust region bounds the 99% quantile, which is the last of KL_LEVELS
      expect(klQuantiles.at(-1)).toBeCloseTo(klQuantile, 3);
    }
  });

  it('has a smaller standard error with independent batches than with one reused batch', async () => {
    const errors = [];
    for (const rolloutMode of ['fresh', 'reuse'] as const) {
      const team = createTeam(createVote(), 2);
      const context = createContext(team, trainOptions({ rolloutMode }));
      const { rewardSe = Number.NaN } = await runStage(context, team, 1);
      const own = of(context.events, 'update').map((update) => update.rewardSe ?? Number.NaN);
      const rootMeanSquare = Math.sqrt((own[0]! ** 2 + own[1]! ** 2) / 2);
      errors.push(rewardSe / rootMeanSquare);
    }
    expect(errors[0]).toBeCloseTo(Math.SQRT1_2, 12);
    expect(errors[1]).toBeCloseTo(1, 12);
  });
});

it('an acceptance test records the path of both wealths with at most 65 points', async () => {
  const old = createTeam(createVote(), 1, 3);
  const context = createContext(
    old,
    trainOptions({ gate: { kind: 'promotion', nPlan: 200, tolerance: 0.05 } }),
  );
  const champion = await snapshotTeam(old);
  teach(old, 1, 0.5);
  await testCandidate(context, 1, { team: old, champion });
  const [gate] = of(context.events, 'gate');
  const path = gate?.path ?? [];
  expect(path.length).toBeLessThanOrEqual(65);
  expect(path.at(-1)?.[0]).toBe(gate?.prompts);
  expect(path.at(-1)?.[1]).toBeCloseTo(gate?.wealth ?? Number.NaN, 2);
  expect(new Set(path.map(([prompts]) => prompts)).size).toBe(path.length);
});

describe('a stage evaluation', () => {
  it("has each agent's own accuracy and transcripts with a protocol in which every agent answers", async () => {
    const rows: object[] = [];
    const team = createTeam(createVote(), 2);
    teach(team, 1, 50);
    const context = createContext(team, trainOptions({ stageEvaluationPrompts: 20 }));
    await evaluateStage({ ...context, transcribe: (_, more) => void rows.push(...more) }, team, 3);
    const [evaluation] = of(context.events, 'stage_evaluation');
    expect(evaluation?.agents).toHaveLength(2);
    const mean = evaluation!.rewards.reduce((sum, reward) => sum + reward, 0) / evaluation!.rewards.length;
    // the agents give equal answers, so the accuracy of each agent equals that of the team
    expect(evaluation!.agents![0]).toBeCloseTo(mean, 12);
    expect(rows).toHaveLength(16);
    expect(rows[0]).toMatchObject({ stage: 3, split: 'test', sample: 0 });
  });

  it('has no accuracies of single agents if messages are steps towards the answer', async () => {
    const team = createTeam(createRelay(2), 2);
    const context = createContext(team, trainOptions({ stageEvaluationPrompts: 4 }));
    await evaluateStage(context, team, 0);
    expect(of(context.events, 'stage_evaluation')[0]).not.toHaveProperty('agents');
  });
});
