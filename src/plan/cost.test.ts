import { describe, expect, it } from 'vitest';
import { planCost } from './cost.ts';
import { measuredBytes, modelBytes, passBytes, recomputedShare, runModelBytes } from './memory.ts';
import type { AgentRates, MachineRates } from './rates.ts';
import { QUICKSTART } from './testing/quickstart-workload.ts';
import { workloadOf } from './workload.ts';

const perToken = (token: number) => ({ call: 0, token, pair: 0 });

const agent: AgentRates = {
  sampling: { message: 0.01, prefill: perToken(0), step: 0, row: 0, cached: 0 },
  forward: perToken(0.001),
  backward: perToken(0.002),
  fullBackward: perToken(0.003),
  divergence: perToken(0.002),
  step: 0.1,
  snapshot: 0,
  contextTokens: [11], // with the 9 inputs of a message, a pass has 20 tokens
  commonTokens: [0],
  messageLengths: [10],
  messagesPerEpisode: 1,
};
const rates: MachineRates = {
  agents: [agent],
  activeShare: 1,
  loadSeconds: 2,
  processBytes: 1e9,
  assumptions: [],
};
const models = [1, 2, 3].map(() => ({ parameters: 1e6, trainedParameters: 1e6, attention: 512 }));
const run = { models, stages: 15, promotes: true, decodeBatch: 128, tokenBudget: 4096 };

describe('the cost of a run', () => {
  it('is the workload times the rates', () => {
    const plan = planCost(workloadOf(QUICKSTART, 1), rates, run);
    expect(plan.stage.phases).toEqual({
      rollout: expect.closeTo(19.2),
      score: expect.closeTo(30.72),
      update: expect.closeTo(384 * 0.04 + 1152 * 0.08 + 1.2),
      divergence: expect.closeTo(61.44),
      certificate: 0,
      evaluate: 0,
    });
    expect(plan.stage.tokens).toBe(19_200);
    // loading; 12 messages of the check before the first stage, sampled and scored
    expect(plan.startSeconds).toBeCloseTo(2 + 12 * 0.01 + 12 * 0.02);
    // three tests of 18 s, and the champion in the closing comparison: 500 prompts x 2 samples x 3 agents
    expect(plan.seconds.most - plan.seconds.least).toBeCloseTo(3 * 18 + 30);
    expect(plan.evaluationSeconds).toBeCloseTo(4 * 30);
    // operations per message: 2 x 10^6 x 20 for weights plus 2 x 512 x 400 for attention; forward passes per
    // stage: 1920 sampled + 1536 scored + 3 x 384 plain backward + 5 x 1152 full backward + 2 x 1536 compared
    expect(plan.stage.flops).toBeCloseTo(13_440 * (4e7 + 409_600));
    // 96e6: for each of 3e6 parameters, 16 bytes for training, 4 for the untrained team and 12 for the
    // champion (the copy of the team to deploy); 36e6: the snapshot of the tested candidate
    expect(plan.memoryBytes).toBe(1e9 + 96e6 + 36e6);
  });

  it('of a retry reuses the gradient if an update has a single optimizer step', () => {
    const single = workloadOf({ ...QUICKSTART, minibatchSize: 512 }, 1);
    expect(planCost(single, rates, run).retrySeconds).toBeCloseTo(61.44 + 3 * 0.1);
    const { stage, retrySeconds } = planCost(workloadOf(QUICKSTART, 1), rates, run);
    expect(retrySeconds).toBeCloseTo(stage.phases.divergence + stage.phases.update);
  });

  it('includes one probe of every agent before its first update', () => {
    for (const minibatchSize of [512, 128]) {
      const options = { ...QUICKSTART, minibatchSize };
      const plan = planCost(workloadOf(options, 1), rates, run);
      const probed = planCost(workloadOf({ ...options, probes: true }, 1), rates, run);
      expect(plan.probeSeconds).toBe(0);
      expect(probed.probeSeconds).toBeCloseTo(plan.retrySeconds);
      expect(probed.stage).toEqual(plan.stage);
      expect(probed.seconds.least - plan.seconds.least).toBeCloseTo(plan.retrySeconds);
      // a comparison of two policies is two forward passes over each of 1536 messages
      const passes = minibatchSize === 512 ? 2 * 1536 : 2 * 1536 + 3 * 384 + 5 * 1152;
      expect((probed.flops - plan.flops) / passes / (4e7 + 409_600)).toBeCloseTo(1);
    }
  });

  it('has a cost per micro-batch and per pair of tokens', () => {
    const forward = { call: 0.5, token: 0, pair: 1e-6 };
    const affine = { ...rates, agents: [{ ...agent, forward }] };
    const { score } = planCost(workloadOf(QUICKSTART, 1), affine, run).stage.phases;
    // 512 messages of 20 tokens: 204 rows fit into 4096 tokens, so 3 micro-batches
    expect(score).toBeCloseTo(3 * (3 * 0.5 + 512 * 400e-6));
    const narrow = planCost(workloadOf(QUICKSTART, 1), affine, { ...run, tokenBudget: 200 });
    expect(narrow.stage.phases.score).toBeCloseTo(3 * (52 * 0.5 + 512 * 400e-6));
  });

  it('of adapters counts a shared base once and trains the adapters alone', () => {
    const adapted = { parameters: 1e9, trainedParameters: 1e6, attention: 512 };
    const shared = { ...adapted, frozen: { folder: 'base', bytes: 4e9 } };
    const own = { ...adapted, frozen: { folder: 'other', bytes: 2e9 } };
    const team = [shared, shared, own];
    expect(modelBytes(team)).toBe(6e9 + 3 * 16e6);
    // a calibration measures one of the two equal agents
    expect(measuredBytes(team, [0, 2])).toBe(6e9 + 3 * 4e6 + 2 * 24e6);
    const plan = planCost(workloadOf(QUICKSTART, 1), rates, { ...run, models: team });
    expect(plan.memoryBytes).toBe(1e9 + 6e9 + 3 * 20e6 + 2 * 36e6);
    expect(runModelBytes(team, false)).toBe(6e9 + 3 * 20e6 + 12e6);
    // the base has no weight gradients, so backward passes cost 2.001 and 4.001 forward passes instead of 3
    // and 5
    const passes = 1920 + 1536 + 2.001 * 384 + 4.001 * 1152 + 2 * 1536;
    expect(plan.stage.flops).toBeCloseTo(passes * (4e10 + 409_600), -6);
  });
});

describe('the memory of passes', () => {
  const passes = {
    cacheBytesPerToken: 100,
    microBatchTokens: 50,
    activationBytesPerToken: 1000,
    pairBytes: 10,
    activationBytes: 60_000,
  };
  const model = { ...models[0]!, passes };

  it('is that of the largest micro-batch, at most the limit, and of the KV cache', () => {
    expect(passBytes(model, { tokens: 20, length: 10, cachedTokens: 7 })).toBe(1.5 * 20 * 1100 + 700);
    expect(passBytes(model, { tokens: 500, length: 10, cachedTokens: 0 })).toBe(1.5 * 50 * 1100);
    expect(passBytes(model, { tokens: 500, length: 200, cachedTokens: 0 })).toBe(1.5 * 60_000);
    expect(passBytes(models[0]!, { tokens: 20, length: 10, cachedTokens: 7 })).toBe(0);
  });

  it('beyond the limit is computed again', () => {
    expect(recomputedShare(model, { tokens: 50, length: 10, cachedTokens: 0 })).toBe(0);
    // one sequence of 100 tokens needs 100 x (1000 + 10 x 100) bytes
    expect(recomputedShare(model, { tokens: 100, length: 100, cachedTokens: 0 })).toBeCloseTo(0.7);
    const limited = { ...model, passes: { ...passes, activationBytes: 0 } };
    const doubled = {
      ...rates,
      agents: [{ ...agent, fullBackward: perToken(0), backward: perToken(0.002) }],
    };
    const plan = (team: readonly (typeof model)[]) =>
      planCost(workloadOf({ ...QUICKSTART, klTerm: false }, 1), doubled, { ...run, models: team }).stage
        .phases;
    expect(plan([limited, limited, limited]).update - plan(models as never).update).toBeCloseTo(
      1536 * 20 * 0.001,
    );
  });
});
