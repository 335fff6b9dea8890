import { expect, it } from 'vitest';
import type { Model } from '../engine/engine.ts';
import { createVote } from '../team/vote.ts';
import { collectBatch } from './collect.ts';
import { createContext, createTeam, trainOptions } from './testing/world.ts';
import { wrapModel } from './testing/wrapped-model.ts';

/** Collects a batch for agent 0. Returns it with the order in which the models' calls began and ended. */
async function collected(isParallel: boolean) {
  const plain = createTeam(createVote(), 2);
  const calls: string[] = [];
  const recorded = async <T>(name: string, work: Promise<T>): Promise<T> => {
    calls.push(`${name} begins`);
    const result = await work;
    for (let pause = 0; name === 'sample 1' && pause < 50; pause++) await Promise.resolve();
    calls.push(`${name} ends`);
    return result;
  };
  const agents = plain.agents.map((agent) => {
    const { id, model } = agent;
    const watched: Model = wrapModel(model, {
      capabilities: { ...model.capabilities, parallel: isParallel },
      sample: (requests, params) => recorded(`sample ${id}`, model.sample(requests, params)),
      forward: (sequences, params) => recorded(`forward ${id}`, model.forward(sequences, params)),
    });
    return { ...agent, model: watched };
  });
  const team = { ...plain, agents };
  const context = createContext(plain, trainOptions());
  const batch = await collectBatch(context, team, { stage: 1, agent: 0, scored: [team.agents[0]!] });
  return { batch, calls };
}

it('parallel models score their messages while others sample, with the same result', async () => {
  const sequential = await collected(false);
  const concurrent = await collected(true);
  expect(concurrent.batch.trajectories).toEqual(sequential.batch.trajectories);
  expect(concurrent.batch.logpOld).toEqual(sequential.batch.logpOld);
  expect(concurrent.batch.mismatch).toEqual(sequential.batch.mismatch);
  expect(sequential.calls.indexOf('forward 0 begins')).toBeGreaterThan(
    sequential.calls.indexOf('sample 1 ends'),
  );
  expect(concurrent.calls.indexOf('forward 0 begins')).toBeLessThan(
    concurrent.calls.indexOf('sample 1 ends'),
  );
  expect(concurrent.calls.filter((call) => call === 'forward 0 begins')).toHaveLength(1);
});
