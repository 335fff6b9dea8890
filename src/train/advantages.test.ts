import { describe, expect, it } from 'vitest';
import { batchAdvantages } from './advantages.ts';
import type { Batch, SequenceWeights } from './batch.ts';
import { type OptionChanges, trainOptions } from './testing/world.ts';

/** One prompt with four episodes of agent 0; agent 1 writes in the first episode only. */
const message = (length: number, finish: 'stop' | 'length' = 'stop') => ({
  ...{ turn: 0, tokens: new Int32Array(length), finish },
});
const batch = {
  trajectories: [1, 1, 0, 0].map((reward) => ({ group: 0, reward })),
  own: [
    {
      messages: [message(10, 'length'), message(4), message(8), message(2), message(6)],
      trajectoryOf: [0, 1, 2, 2, 3],
    },
    { messages: [message(10, 'length')], trajectoryOf: [0] },
  ],
} as unknown as Batch; // this batch has only the fields that `batchAdvantages` reads
const weights = { c_N: [], omega_N: new Float64Array(4).fill(1) } as unknown as SequenceWeights;

const advantagesOf = (agent: number, changes: OptionChanges = {}, from = batch): number[] => [
  ...batchAdvantages(from, agent, {
    weights,
    options: trainOptions({ normalise: 'mean', maxCompletionLength: 10, ...changes }),
  }),
];

describe('batchAdvantages', () => {
  it('is 0 by rule mask, after the normalisation, where all messages of the agent were cut off', () => {
    expect(advantagesOf(0)).toEqual([0.5, 0.5, -0.5, -0.5]);
    expect(advantagesOf(0, { truncated: 'mask' })).toEqual([0, 0.5, -0.5, -0.5]);
    expect(advantagesOf(0, { truncated: 'wrong' })).toEqual([0.5, 0.5, -0.5, -0.5]);
    const own = batch.own.map((one) => ({
      ...one,
      messages: one.messages.map((message, m) => (m === 3 ? { ...message, finish: 'length' } : message)),
    }));
    // one of two messages of the third episode was cut off
    expect(advantagesOf(0, { truncated: 'mask' }, { ...batch, own } as Batch)).toEqual([0, 0.5, -0.5, -0.5]);
  });

  it('subtracts the mean overlong penalty of the agent’s own messages from the reward', () => {
    // penalties over the last 4 of 10 tokens: 1 for 10 tokens, 0 for 4, (0.5 + 0) / 2 for 8 and 2, 0 for 6
    const rewards = [0, 1, -0.25, 0];
    const mean = 0.1875;
    const overlongBuffer = { len: 4, penaltyFactor: 1 };
    expect(advantagesOf(0, { overlongBuffer })).toEqual(rewards.map((r) => expect.closeTo(r - mean, 12)));
    expect(advantagesOf(1, { overlongBuffer: { len: 4, penaltyFactor: 0.5 } })).toEqual(
      [0.5, 1, 0, 0].map((r) => expect.closeTo(r - 0.375, 12)),
    );
  });
});
