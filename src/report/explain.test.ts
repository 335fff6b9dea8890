/** Tests the sentences that explain decisions about updates and teams. */
import { describe, expect, it } from 'vitest';
import { foldEvents } from '../run-view/event-rows.ts';
import type { Decision } from '../run-view/run-view.ts';
import { explain, type Outcome, outcomeOf } from './explain.ts';

describe('explanations', () => {
  const context = { agents: ['ada'], facts: { quantile: 0.99, trustRegion: 'enforce' as const } };
  const attempt = (klQuantile: number, more: object = {}) => ({
    ...{ attempt: 0, beta: 0.001, lrScale: 1, klQuantile, klMean: 0.001, klMax: 0.3, klMessageMean: 0.004 },
    ...{ tvMean: 0.01, accepted: klQuantile <= 0.05, ...more },
  });
  const update = (status: string, attempts: object[], more: object = {}): Decision => ({
    kind: 'update',
    update: {
      ...{ stage: 3, agent: 0, status, attempts, betaNext: 0.001, lrScaleNext: 1, targetKl: 0.05 },
      ...{ reward: 0.5, rewardStd: 0.1, fracRewardZeroStd: 0, meanLength: 2, clippedRatio: 0 },
      ...{ trajectories: 8, tokens: 16, logpMismatchMax: 0, ...more },
    } as Extract<Decision, { kind: 'update' }>['update'],
  });
  const test = { gate: 'step', stage: 3, index: 1, alpha: 0.0125, prompts: 40 } as const;
  const gate = { ...test, wealth: 1.5, harmWealth: 0.1, meanDifference: 0.01, decision: 'rollback' } as const;

  it.each<[Outcome, Decision, string]>([
    [
      'accepted',
      update('ACCEPT', [attempt(0.02)]),
      'ada was updated: the 99% quantile of the exact KL is 0.0200 nats, 40.0% of the radius 0.0500, at the first attempt.',
    ],
    [
      'accepted',
      update('ACCEPT', [{ ...attempt(0.03), lrScale: 0.0781 }], { probes: [{ lrScale: 1 / 16 }] }),
      'ada was updated: the 99% quantile of the exact KL is 0.0300 nats, 60.0% of the radius 0.0500, at the first attempt. As its first update, 1 small step that was measured and undone set the learning rate to 0.0781 times its setting.',
    ],
    [
      'backtracked',
      update('ACCEPT', [attempt(0.3), attempt(0.09, { reason: 'kl_quantile' }), attempt(0.04)]),
      'ada was updated: the 99% quantile of the exact KL is 0.0400 nats, 80.0% of the radius 0.0500. 2 attempts with a larger step left the trust region (0.3000, 0.0900), so the step was reduced 2 times.',
    ],
    [
      'kl_rejected',
      update('REJECT_KL', [attempt(0.3), attempt(0.1)]),
      "ada was not changed: all 2 attempts left the trust region. The smallest step's 99% quantile of the exact KL was 0.1000 nats, 200.0% of the radius 0.0500. Its weights and optimizer state were restored, byte for byte.",
    ],
    [
      'test_rejected',
      { ...update('REJECT_TEST', [attempt(0.02)]), test: gate } as Decision,
      'ada was not changed: the step was inside the trust region (40.0% of the radius), but the test did not prove a gain: the bet on a gain reached a wealth of 1.5 (80 would prove it). Its weights and optimizer state were restored.',
    ],
    [
      'not_finite',
      update('REJECT_NAN', [attempt(Number.NaN, { reason: 'not_finite' })]),
      'ada was not changed: a loss, gradient or divergence of the last of 1 attempt was not a finite number. Its weights and optimizer state were restored.',
    ],
    [
      'skipped',
      update('SKIP', [], { trajectories: 0 }),
      'ada was not updated: it sent no message in this batch.',
    ],
    [
      'promoted',
      {
        kind: 'gate',
        gate: { ...gate, gate: 'promotion', wealth: 85.1, decision: 'promote', meanDifference: 0.12 },
      },
      "Test 1 after stage 3 promoted the team: on 40 paired prompts the candidate's reward differs by +0.120 on average; the bet on a gain reached a wealth of 85.1 (80 proves it). Stage 3 is the new champion.",
    ],
    [
      'rolled_back',
      { kind: 'gate', gate: { ...gate, gate: 'promotion', harmWealth: 90, meanDifference: -0.2 } },
      "Test 1 after stage 3 rolled back: on 40 paired prompts the candidate's reward differs by -0.200 on average; the bet on harm reached a wealth of 90 (80 proves it). The champion's weights were restored and every radius was halved.",
    ],
  ])('give the reason of outcome %s', (outcome, decision, sentence) => {
    expect(outcomeOf(decision)).toBe(outcome);
    expect(explain(decision, context)).toBe(sentence);
  });

  it('give the progress of an agent that is being replaced', () => {
    const step = (weight: number, weightMin: number) =>
      update('ACCEPT', [attempt(0.02)], {
        handover: { weight, weightMin, steps: [0.05, 0.05], finished: weightMin === 1 },
      });
    expect(explain(step(0.614, 0.25), context)).toBe(
      'ada moved a step towards its replacement, whose mixture weight is now 61.4% on average and at least 25.0%: the 99% quantile of the exact KL is 0.0200 nats, 40.0% of the radius 0.0500, at the first attempt.',
    );
    expect(explain(step(1, 1), context)).toMatch(
      /^ada was replaced completely by its new model: the 99% quantile/,
    );
  });

  it('name the limit per message if that rejected the update', () => {
    const decision = update('REJECT_KL', [
      attempt(0.02, { klMessageMean: 0.4, accepted: false, reason: 'kl_message' }),
    ]);
    expect(explain(decision, context)).toContain(
      'The mean KL per message was 0.4000 nats, more than its radius.',
    );
  });

  it('join a step test and the update it decided', () => {
    const { update: record } = update('REJECT_TEST', [attempt(0.02)]) as Extract<
      Decision,
      { kind: 'update' }
    >;
    const view = foldEvents([
      { kind: 'gate', ...gate },
      { kind: 'update', ...record },
    ]);
    expect(view.decisions).toHaveLength(1);
    expect(view.decisions[0]).toMatchObject({ kind: 'update', test: { index: 1 } });
  });
});
