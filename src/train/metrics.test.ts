import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createVote } from '../team/vote.ts';
import type { RunEvent } from './events.ts';
import { metricsOf } from './metrics.ts';
import { runStage } from './stage.ts';
import { createContext, createTeam, trainOptions } from './testing/world.ts';

const options = trainOptions();
const update: Extract<RunEvent, { kind: 'update' }> = {
  kind: 'update',
  stage: 3,
  agent: 1,
  status: 'REJECT_NAN',
  attempts: [
    {
      attempt: 0,
      beta: 0.001,
      lrScale: 0.5,
      klQuantile: Number.NaN,
      klMean: Number.NaN,
      klMax: Number.NaN,
      klMessageMean: Number.NaN,
      tvMean: Number.NaN,
      accepted: false,
      reason: 'not_finite',
    },
  ],
  betaNext: 0.0015,
  lrScaleNext: 1,
  targetKl: 0.1,
  reward: 0.25,
  rewardStd: 0.4,
  fracRewardZeroStd: 0.5,
  meanLength: 2,
  clippedRatio: 0,
  trajectories: 8,
  tokens: 16,
  logpMismatchMax: 0,
};

describe('metrics', () => {
  it("use TRL's names with a prefix per agent", () => {
    expect(metricsOf(update, { options, tokens: 99 })).toMatchObject({
      stage: 3,
      agent: 1,
      num_tokens: 99,
      'agent_1/status': 'REJECT_NAN',
      'agent_1/reward': 0.25,
      'agent_1/reward_std': 0.4,
      'agent_1/frac_reward_zero_std': 0.5,
      'agent_1/learning_rate': 0.05,
      'agent_1/backtracks': 0,
    });
  });

  it('omit values that were not measured and write null for values that are not finite', () => {
    const row = metricsOf(update, { options, tokens: 0 });
    expect(row).not.toHaveProperty('agent_1/kl');
    expect(row).not.toHaveProperty('agent_1/sampling/ess_share');
    expect(row?.['agent_1/kl/quantile']).toBeNull();
  });

  it('have no row for progress events', () => {
    const event = { kind: 'phase', stage: 1, phase: 'rollout' } as const;
    expect(metricsOf(event, { options, tokens: 0 })).toBeUndefined();
  });

  it('have exactly the keys that docs/metrics.md describes', async () => {
    const team = createTeam(createVote(), 2);
    const written = new Set<string>();
    for (const changes of [
      { rolloutMode: 'reuse' },
      { gate: { kind: 'step', nPlan: 20 } },
      { certificate: { prompts: 10 } },
      { optimizer: { adaptToRadius: true } },
    ] as const) {
      const context = createContext(team, trainOptions(changes));
      const summary = await runStage(context, team, 1);
      const end = { kind: 'stage_finished', stage: 1, ...summary, tokens: 1 } as const;
      const evaluated = {
        kind: 'stage_evaluation',
        stage: 1,
        rewards: [0, 1],
        agents: [0.5, null],
      } as const;
      for (const event of [...context.events, end, evaluated])
        for (const key of Object.keys(metricsOf(event, { options, tokens: 1 }) ?? {}))
          written.add(key.replace(/^agent_\d+\//, ''));
    }
    const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
    const tables = page.slice(0, page.indexOf('## Verdicts'));
    const described = [...tables.matchAll(/^\| `([^`]+)` \|/gm)].map(([, key]) => key);
    expect(new Set(described)).toEqual(written);
  });
});
