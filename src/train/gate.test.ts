import { describe, expect, it } from 'vitest';
import { createVote } from '../team/vote.ts';
import type { GateRecord } from './events.ts';
import { testCandidate } from './gate.ts';
import { snapshotTeam, snapshotWithOwnModels } from './team-snapshot.ts';
import { createLetterTask } from './testing/letter-task.ts';
import { savedBytes } from './testing/saved-bytes.ts';
import {
  createContext,
  createTeam,
  type TabularTeam,
  type TestContext,
  teach,
  trainOptions,
} from './testing/world.ts';

const gate = { kind: 'promotion', nPlan: 300, alpha: 0.05, tolerance: 0.05 } as const;

function gateEvents({ events }: TestContext): GateRecord[] {
  return events.filter((event) => event.kind === 'gate');
}

function bytesOf(team: TabularTeam): Promise<Record<string, string>[]> {
  return Promise.all(team.agents.map(({ model }) => savedBytes(model)));
}

describe('the promotion gate', () => {
  it('promotes a better team with fewer prompts than planned', async () => {
    const team = createTeam(createVote(), 3);
    const context = createContext(team, trainOptions({ gate }));
    const champion = await snapshotTeam(team);
    teach(team, 1);
    const better = await bytesOf(team);
    const result = await testCandidate(context, 5, { team, champion });
    expect(result.decision).toBe('promote');
    expect(await bytesOf(team)).toEqual(better); // the candidate is loaded
    const [record] = gateEvents(context);
    expect(record).toMatchObject({ gate: 'promotion', index: 1, decision: 'promote' });
    expect(record.alpha).toBeCloseTo((0.05 * 6) / Math.PI ** 2, 12);
    expect(record.wealth).toBeGreaterThanOrEqual(1 / record.alpha);
    expect(record.meanDifference).toBeGreaterThan(0.3);
    expect(record.prompts).toBeLessThan(60);
    expect(context.state.gate).toMatchObject({ tests: 1, promotions: 1, rollbacks: 0, radiusScale: 1 });

    teach(team, 0);
    await result.champion.load();
    expect(await bytesOf(team)).toEqual(better); // the promoted team has become the champion
  });

  // The acceptance test plays batches of 32 prompts. It detects a large loss of reward in the first batch and
  // a small one in the second. After the first batch the models have the weights of the champion (the old
  // team), after the second those of the tested team.
  it.each([
    ['strong', 3, { above: 0, upTo: 32 }],
    ['weak', 0.6, { above: 32, upTo: 64 }],
  ])('rolls back a team with %s harm and shrinks the radii', async (_, strength, prompts) => {
    const team = createTeam(createVote(), 3);
    teach(team, 1, strength);
    const proven = await bytesOf(team);
    const champion = await snapshotTeam(team);
    teach(team, 2, strength);
    const context = createContext(team, trainOptions({ gate }));
    const result = await testCandidate(context, 5, { team, champion });
    expect(result).toMatchObject({ decision: 'rollback', champion });
    expect(await bytesOf(team)).toEqual(proven);
    const [record] = gateEvents(context);
    expect(record.harmWealth).toBeGreaterThanOrEqual(1 / record.alpha);
    expect(record.prompts).toBeGreaterThan(prompts.above);
    expect(record.prompts).toBeLessThanOrEqual(prompts.upTo);
    expect(context.state.gate).toMatchObject({ promotions: 0, rollbacks: 1, radiusScale: 0.5 });
  });

  it('keeps an undecided team after all planned prompts', async () => {
    const team = createTeam(createVote(), 2);
    const champion = await snapshotTeam(team);
    const before = await bytesOf(team);
    const context = createContext(team, trainOptions({ gate: { ...gate, nPlan: 70 } }));
    const result = await testCandidate(context, 5, { team, champion });
    expect(result).toMatchObject({ decision: 'keep', team, champion });
    // two equal teams have equal rewards, because prompts and random streams are the same
    expect(gateEvents(context)[0]).toMatchObject({ prompts: 70, meanDifference: 0, wealth: 1 });
    expect(await bytesOf(team)).toEqual(before);
  });

  it('tests every candidate on new prompts and with less alpha', async () => {
    const team = createTeam(createVote(), 2);
    const seen: string[] = [];
    const task = createLetterTask();
    const item: typeof task.item = (split, index) => {
      seen.push(`${split}-${index}`);
      return task.item(split, index);
    };
    const context = createContext(team, trainOptions({ gate: { ...gate, nPlan: 40 } }), { ...task, item });
    const champion = await snapshotTeam(team);
    await testCandidate(context, 5, { team, champion });
    await testCandidate(context, 10, { team, champion });
    expect(seen).toEqual(Array.from({ length: 80 }, (_, k) => `validation-${k}`));
    const [first, second] = gateEvents(context);
    expect(second.index).toBe(2);
    expect(second.alpha).toBeCloseTo(first.alpha / 4, 12);
  });

  it('uses a finite validation split to its end and then warns once', async () => {
    const team = createTeam(createVote(), 2);
    const context = createContext(
      team,
      trainOptions({ gate: { ...gate, nPlan: 40 } }),
      createLetterTask({ sizes: { validation: 50 } }),
    );
    const champion = await snapshotTeam(team);
    for (const stage of [1, 2, 3, 4])
      expect((await testCandidate(context, stage, { team, champion })).decision).toBe('keep');
    expect(gateEvents(context).map(({ prompts }) => prompts)).toEqual([40, 10]);
    const warnings = context.events.filter(({ kind }) => kind === 'warning');
    expect(warnings).toEqual([
      { kind: 'warning', stage: 2, message: expect.stringContaining('is exhausted after 50 prompts') },
    ]);
  });

  it('continues with the models of a champion that has its own after a rollback', async () => {
    const team = createTeam(createVote(), 2);
    const separate = createTeam(createVote(), 2);
    teach(separate, 1);
    teach(team, 2);
    const context = createContext(team, trainOptions({ gate }));
    const result = await testCandidate(context, 5, { team, champion: snapshotWithOwnModels(separate) });
    expect(result.decision).toBe('rollback');
    expect(result.team).toBe(separate);
    const proven = await bytesOf(separate);
    teach(separate, 3);
    await result.champion.load();
    // the snapshot still has the promoted weights although the team's models were changed afterwards
    expect(await bytesOf(separate)).toEqual(proven);
  });

  it('decides the same with a champion snapshot and with separate models', async () => {
    const decide = async (own: boolean) => {
      const team = createTeam(createVote(), 2);
      const champion = own ? snapshotWithOwnModels(createTeam(createVote(), 2)) : await snapshotTeam(team);
      teach(team, 1, 0.7);
      const context = createContext(team, trainOptions({ gate: { ...gate, nPlan: 100 } }));
      await testCandidate(context, 5, { team, champion });
      return gateEvents(context);
    };
    const records = await decide(false);
    // more than one batch of 32 prompts was played, so the weights of the champion and of the tested team
    // were loaded in turn
    expect(records[0].prompts).toBeGreaterThan(32);
    expect(await decide(true)).toEqual(records);
  });
});
