import { describe, expect, it } from 'vitest';
import type { TeamMessage, Trajectory } from '../team/team.ts';
import { type Batch, ownMessages, ownTrajectories, sequenceWeights } from './batch.ts';
import { createLetterTask } from './testing/letter-task.ts';

function message(
  turn: number,
  agent: number,
  length = 1,
  finish: TeamMessage['finish'] = 'stop',
): TeamMessage {
  const tokens = new Int32Array(length).fill(agent);
  const context = Int32Array.of(turn);
  const logpSampler = new Float32Array(length);
  return { turn, agent, context, tokens, logpSampler, text: 'a', finish, meanLogp: 0 };
}

function trajectory(...messages: TeamMessage[]): Trajectory {
  const verdict = { correct: true, reward: 1, reason: 'right' };
  const item = createLetterTask().item('train', 0);
  return { item, group: 0, sample: 0, messages, verdict, meanLogp: 0, agentVerdicts: [], reward: 1 };
}

/**
 * Creates a batch of two trajectories. Agents 0, 1 and 0 act in the first one, agent 1 acts in the second
 * one.
 */
function batchOf(
  done: Batch['done'],
  trajectories = [trajectory(message(0, 0, 2), message(1, 1), message(2, 0)), trajectory(message(0, 1))],
): Batch {
  const own = ownMessages(trajectories, 2);
  const logpOld = new Map(
    own.map(({ messages }, agent) => [
      agent,
      messages.map(({ tokens }) => new Float32Array(tokens.length).fill(-1)),
    ]),
  );
  return { trajectories, own, logpOld, mismatch: new Map(), done };
}

describe('a batch', () => {
  it('has weights of 1 if no agent was updated since the rollout', () => {
    const { omega_N, meanLogWeight, essShare } = sequenceWeights(batchOf(new Map()));
    expect([...omega_N]).toEqual([1, 1]);
    expect([meanLogWeight, essShare]).toEqual([0, 1]);
  });

  it('weights an episode by the truncated turn ratios of the updated agents', () => {
    // agent 0's ratio rho of new to old policy is 0.5 at turn 0 (the product over two tokens) and 3 at turn
    // 2; the truncated ratio is c = min(rho, 1)
    const half = Math.log(0.5) / 2;
    const tar = [Float32Array.of(-1 + half, -1 + half), Float32Array.of(-1 + Math.log(3))];
    const { omega_N, meanLogWeight, essShare } = sequenceWeights(batchOf(new Map([[0, tar]])));
    expect(omega_N[0]).toBeCloseTo(0.5, 6);
    expect(omega_N[1]).toBe(1); // the second trajectory has no message of the updated agent
    expect(meanLogWeight).toBeCloseTo(Math.log(1.5) / 2, 6);
    // the two episodes' importance weights are 1.5 and 1 without truncation
    expect(essShare).toBeCloseTo(2.5 ** 2 / (1.5 ** 2 + 1) / 2, 6);
  });

  it('gives an agent its own messages of each trajectory and no others', () => {
    const batch = batchOf(new Map());
    const advantages_N = Float64Array.of(0.7, -0.2);
    const [twice, ...none] = ownTrajectories(batch, 0, { advantages_N, truncated: 'judge' });
    expect(none).toEqual([]);
    expect(twice.advantage).toBe(0.7);
    expect(twice.sequences).toEqual([batch.trajectories[0].messages[0], batch.trajectories[0].messages[2]]);
    expect(twice.logpOld).toHaveLength(3);
    const second = ownTrajectories(batch, 1, { advantages_N, truncated: 'judge' });
    expect(second.map(({ advantage }) => advantage)).toEqual([0.7, -0.2]);
  });

  it('leaves single cut-off messages of an agent out of the loss by rule mask', () => {
    const batch = batchOf(new Map(), [
      trajectory(message(0, 0, 2), message(1, 1), message(2, 0, 4, 'length')),
      trajectory(message(0, 0, 4, 'length')),
    ]);
    const advantages_N = Float64Array.of(0.7, 0);
    const [partly, wholly] = ownTrajectories(batch, 0, { advantages_N, truncated: 'mask' });
    const [first, , cutOff] = batch.trajectories[0].messages;
    expect(partly).toEqual({
      advantage: 0.7,
      sequences: [first],
      logpOld: new Float32Array(2).fill(-1),
      masked: [cutOff],
    });
    expect(wholly).toMatchObject({ advantage: 0, sequences: batch.trajectories[1].messages });
    expect(wholly.masked).toBeUndefined();
    for (const truncated of ['judge', 'wrong'] as const)
      expect(ownTrajectories(batch, 0, { advantages_N, truncated })[0]).toMatchObject({
        sequences: [first, cutOff],
      });
  });
});
