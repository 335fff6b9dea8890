import { describe, expect, it } from 'vitest';
import { createTabularModel } from '../engine/tabular/model.ts';
import { createRelay } from '../team/relay.ts';
import type { Protocol, Team } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import type { RunEvent, UpdateRecord } from './events.ts';
import { runStage } from './stage.ts';
import { createLetterTask, LETTERS } from './testing/letter-task.ts';
import { savedBytes } from './testing/saved-bytes.ts';
import { createContext, createTeam, trainOptions } from './testing/world.ts';
import { wrapModel } from './testing/wrapped-model.ts';

function updates(events: readonly RunEvent[]): UpdateRecord[] {
  return events.filter((event) => event.kind === 'update');
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, x) => sum + x, 0) / values.length;
}

/** Creates a protocol in which agent `order[t]` acts at turn t; the last message is the answer. */
function fixedTurns(...order: number[]): Protocol {
  return {
    ...createRelay(order.length),
    maxTurns: order.length,
    active: (turn) => (turn < order.length ? [order[turn]] : []),
  };
}

describe('a stage', () => {
  it.each([
    ['vote', createVote(), 3, 'fresh'],
    ['vote', createVote(), 3, 'reuse'],
    ['relay', createRelay(2), 2, 'fresh'],
    ['relay', createRelay(2), 2, 'reuse'],
  ] as const)('improves a %s team over the stages (%#)', async (_, protocol, agents, rolloutMode) => {
    const team = createTeam(protocol, agents);
    const changes = { rolloutMode, promptsPerStep: 24, optimizer: { learningRate: 0.2 } };
    const context = createContext(team, trainOptions(changes));
    const rewards: number[] = [];
    for (let stage = 1; stage <= 12; stage++) rewards.push((await runStage(context, team, stage)).reward);
    expect(mean(rewards.slice(0, 2))).toBeLessThan(0.4);
    expect(mean(rewards.slice(-2))).toBeGreaterThan(0.7);
    for (const { status, attempts } of updates(context.events))
      if (status === 'ACCEPT') {
        const { klQuantile, klMessageMean } = attempts[attempts.length - 1];
        expect(klQuantile).toBeLessThanOrEqual(0.1);
        expect(klMessageMean).toBeLessThanOrEqual(0.2);
      }
  });

  it('gives the same events and weights for the same seed, and different ones for another', async () => {
    const play = async (seed: number) => {
      const team = createTeam(createVote(), 2);
      const context = createContext(team, trainOptions({ seed, order: 'random' }));
      for (let stage = 1; stage <= 3; stage++) await runStage(context, team, stage);
      return {
        events: context.events,
        bytes: await Promise.all(team.agents.map(({ model }) => savedBytes(model))),
      };
    };
    expect(await play(1)).toEqual(await play(1));
    expect(await play(2)).not.toEqual(await play(1));
  });

  it('has a standard error of its reward only with several prompts per batch', async () => {
    const rewardOf = (promptsPerStep: number) => {
      const team = createTeam(createVote(), 2);
      return runStage(createContext(team, trainOptions({ promptsPerStep })), team, 1);
    };
    expect((await rewardOf(4)).rewardSe).toBeGreaterThan(0);
    const { reward, rewardSe } = await rewardOf(1);
    expect(Number.isFinite(reward)).toBe(true);
    expect(rewardSe).toBeUndefined();
  });

  it('plays a new batch for every agent with fresh rollouts', async () => {
    const team = createTeam(createVote(), 3);
    const context = createContext(team, trainOptions());
    await runStage(context, team, 1);
    expect(context.events.filter(({ kind }) => kind === 'rollout')).toHaveLength(3);
    expect(context.prompts.train.position).toBe(3 * 16);
    for (const { essShare, meanLogRatioWeight } of updates(context.events))
      expect([essShare, meanLogRatioWeight]).toEqual([undefined, undefined]);
  });

  it('with reused rollouts weights one batch by the earlier updates of teammates', async () => {
    const team = createTeam(createRelay(3), 3);
    const context = createContext(team, trainOptions({ rolloutMode: 'reuse', order: 'reverse' }));
    await runStage(context, team, 1);
    expect(context.events.filter(({ kind }) => kind === 'rollout')).toHaveLength(1);
    expect(context.prompts.train.position).toBe(16);
    const [first, second, third] = updates(context.events);
    expect([first, second, third].map(({ agent }) => agent)).toEqual([2, 1, 0]);
    // no agent was updated before the first update, so every ratio rho of new to old policy is 1
    expect([first.essShare, first.meanLogRatioWeight]).toEqual([1, 0]);
    expect(second.essShare).toBeLessThan(1);
    expect(third.essShare).toBeLessThan(second.essShare as number);
    // logp_old keeps the values of the rollout, so the third agent's weights include both earlier updates
    expect(third.meanLogRatioWeight).not.toBe(second.meanLogRatioWeight);
  });

  it.each([
    ['static', [0, 1, 2]],
    ['reverse', [2, 1, 0]],
  ] as const)('updates in %s order', async (order, expected) => {
    const team = createTeam(createVote(), 3);
    const context = createContext(team, trainOptions({ order }));
    await runStage(context, team, 1);
    expect(updates(context.events).map(({ agent }) => agent)).toEqual(expected);
  });

  it('updates agents with later turns first in reverse order, independently of their ids', async () => {
    const team = createTeam(fixedTurns(1, 2, 0), 3);
    const context = createContext(team, trainOptions({ rolloutMode: 'reuse', order: 'reverse' }));
    await runStage(context, team, 1);
    expect(updates(context.events).map(({ agent }) => agent)).toEqual([0, 2, 1]);
  });

  it('skips an agent without messages', async () => {
    const team = createTeam(fixedTurns(0), 2);
    const before = await savedBytes(team.agents[1].model);
    const context = createContext(team, trainOptions());
    await runStage(context, team, 1);
    const [active, silent] = updates(context.events);
    expect(active.status).toBe('ACCEPT');
    expect(silent).toMatchObject({ status: 'SKIP', attempts: [], trajectories: 0, tokens: 0 });
    expect(await savedBytes(team.agents[1].model)).toEqual(before);
  });

  it('never uses a validation prompt in a loss or gate 1', async () => {
    const task = createLetterTask({ letters: { train: 'ab', validation: 'cd' } });
    const trained = new Set<string>();
    const sampled = new Set<string>();
    const team = createTeam(createVote(), 2);
    const watched: Team = {
      ...team,
      agents: team.agents.map((agent) => {
        const { model } = agent;
        const record = (contexts: readonly { readonly context: Int32Array }[], letters: Set<string>) => {
          for (const { context } of contexts) letters.add(LETTERS[context[0]]);
        };
        const watcher = wrapModel(model, {
          sample(requests, params) {
            record(requests, sampled);
            return model.sample(requests, params);
          },
          backward(sequences, cotangents, params) {
            record(sequences, trained);
            return model.backward(sequences, cotangents, params);
          },
          divergence(sequences, cur, params) {
            record(sequences, trained);
            return model.divergence(sequences, cur, params);
          },
        });
        return { ...agent, model: watcher };
      }),
    };
    const context = createContext(watched, trainOptions({ gate: { kind: 'step', nPlan: 40 } }), task);
    for (let stage = 1; stage <= 2; stage++) await runStage(context, watched, stage);
    expect(sampled).toEqual(new Set('abcd'));
    expect(trained).toEqual(new Set('ab'));
  });

  it('stops before the first optimizer step if the sampler draws from another policy', async () => {
    const team = createTeam(createVote(), 2);
    const [first, second] = team.agents;
    const model = wrapModel(second.model, {
      // the sampler uses another temperature than the trainer
      sample: (requests, params) => second.model.sample(requests, { ...params, temperature: 1.5 }),
    });
    const faulty: Team = { ...team, agents: [first, { ...second, model }] };
    const before = await savedBytes(second.model);
    const context = createContext(faulty, trainOptions());
    await expect(runStage(context, faulty, 1)).rejects.toMatchObject({
      code: 'TROUPE_LOGP_MISMATCH',
      message: expect.stringMatching(/agent 1 \("table 1"\): expected .* within 0.001 nats per token, got/),
    });
    expect(updates(context.events).map(({ agent }) => agent)).toEqual([0]);
    expect(await savedBytes(second.model)).toEqual(before);
  });

  it('continues after a rejection with the update undone', async () => {
    const team = createTeam(createVote(), 2);
    const before = await Promise.all(team.agents.map(({ model }) => savedBytes(model)));
    const context = createContext(team, trainOptions({ trustRegion: { targetKl: 1e-12, maxBacktracks: 1 } }));
    expect((await runStage(context, team, 1)).accepted).toBe(0);
    expect(updates(context.events).map(({ status }) => status)).toEqual(['REJECT_KL', 'REJECT_KL']);
    expect(await Promise.all(team.agents.map(({ model }) => savedBytes(model)))).toEqual(before);
    expect(context.state.agents[0].beta).toBeCloseTo(0.001 * 1.5 ** 2, 12);
  });

  it('keeps only proved gains with gate kind step', async () => {
    const prior = { offsets: [0, 0, 0, 0, -9] };
    const team = { ...createTeam(createVote(), 1), protocol: createVote() };
    const model = createTabularModel({ alphabet: LETTERS, prior });
    const single: Team = { ...team, agents: [{ ...team.agents[0], model }] };
    const changes = {
      stages: 2,
      promptsPerStep: 40,
      trustRegion: { targetKl: 10, targetKlMessage: 10 },
      gate: { kind: 'step', nPlan: 400, alpha: 0.1 },
    } as const;

    const small = createContext(single, trainOptions({ ...changes, optimizer: { learningRate: 0.001 } }));
    const before = await savedBytes(model);
    await runStage(small, single, 1);
    expect(updates(small.events)[0].status).toBe('REJECT_TEST');
    expect(await savedBytes(model)).toEqual(before);

    const large = createContext(single, trainOptions({ ...changes, optimizer: { learningRate: 2 } }));
    await runStage(large, single, 1);
    expect(updates(large.events)[0].status).toBe('ACCEPT');
    expect(large.events.find(({ kind }) => kind === 'gate')).toMatchObject({
      gate: 'step',
      decision: 'promote',
    });
    expect(await savedBytes(model)).not.toEqual(before);
  });
});
