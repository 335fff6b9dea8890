import { expect, it } from 'vitest';
import type { Model } from '../engine/engine.ts';
import { createVote } from '../team/vote.ts';
import { collectBatch } from './collect.ts';
import { createContext, createTeam, trainOptions } from './testing/world.ts';
import { wrapModel } from './testing/wrapped-model.ts';

/** The batch of agent 0, and the calls in the order they began and ended. */
async function collected(isParallel: boolean) {
  const plain = createTeam(createVote(), 2);
  const calls: string[] = [];
  const noting = async <T>(what: string, work: Promise<T>): Promise<T> => {
    calls.push(`${what} begins`);
    const result = await work;
    for (let pause = 0; what === 'sample 1' && pause < 50; pause++) await Promise.resolve();
    calls.push(`${what} ends`);
    return result;
  };
  const agents = plain.agents.map((agent) => {
    const { id, model } = agent;
    const watched: Model = wrapModel(model, {
      capabilities: { ...model.capabilities, parallel: isParallel },
      sample: (requests, params) => noting(`sample ${id}`, model.sample(requests, params)),
      forward: (sequences, params) => noting(`forward ${id}`, model.forward(sequences, params)),
    });
    return { ...agent, model: watched };
  });
  const team = { ...plain, agents };
  const context = createContext(plain, trainOptions());
  const batch = await collectBatch(context, team, { stage: 1, agent: 0, scored: [team.agents[0]!] });
  return { batch, calls };
}

it('models with places of their own score what they said while others speak, with the same outcome', async () => {
  const apart = await collected(false);
  const together = await collected(true);
  expect(together.batch.trajectories).toEqual(apart.batch.trajectories);
  expect(together.batch.logpOld).toEqual(apart.batch.logpOld);
  expect(together.batch.mismatch).toEqual(apart.batch.mismatch);
  expect(apart.calls.indexOf('forward 0 begins')).toBeGreaterThan(apart.calls.indexOf('sample 1 ends'));
  expect(together.calls.indexOf('forward 0 begins')).toBeLessThan(together.calls.indexOf('sample 1 ends'));
  expect(together.calls.filter((call) => call === 'forward 0 begins')).toHaveLength(1);
});
