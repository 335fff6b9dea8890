import { describe, expect, it } from 'vitest';
import { createTabularModel } from '../engine/tabular/model.ts';
import { MixtureModel } from '../swap/mixture-model.ts';
import { createVote } from '../team/vote.ts';
import type { UpdateRecord } from './events.ts';
import { runStage } from './stage.ts';
import { LETTERS } from './testing/letter-task.ts';
import { createContext, createTeam, teach, trainOptions } from './testing/world.ts';

/**
 * Creates a team of two agents. The model of the second agent is being replaced by a model that solves the
 * task.
 */
function swappedTeam() {
  const team = createTeam(createVote(), 2);
  const learned = createTeam(createVote(), 1, 7);
  teach(learned, 1, 5);
  const [first, second] = team.agents;
  const model = new MixtureModel({
    incumbent: second?.model as (typeof team.agents)[number]['model'],
    replacement: learned.agents[0]?.model ?? createTabularModel({ alphabet: LETTERS }),
    steps: [0.01],
    slots: 16,
  });
  return { ...team, agents: [first as (typeof team.agents)[number], { id: 1, name: 'swapped', model }] };
}

describe('an agent that is being replaced', () => {
  it('takes steps towards its replacement inside the radius and is trained by gradient steps after the last', async () => {
    const team = swappedTeam();
    const options = trainOptions({
      trustRegion: { targetKl: 0.3, targetKlMessage: 1 },
      optimizer: { adaptToRadius: false },
    });
    const context = createContext(team, options);
    const records: UpdateRecord[] = [];
    for (let stage = 1; stage <= 12; stage++) {
      await runStage(context, team, stage);
      const updates = context.events.filter((event) => event.kind === 'update');
      records.push(updates.findLast(({ agent }) => agent === 1) as UpdateRecord);
    }
    const handovers = records.flatMap(({ handover }) => handover ?? []);
    const finished = handovers.findIndex((record) => record.finished);
    expect(finished).toBeGreaterThan(1);
    expect(handovers.length).toBe(finished + 1);
    for (const { attempts } of records.slice(0, finished + 1))
      expect(attempts.at(-1)?.klMax).toBeLessThanOrEqual(0.3);
    const weights = handovers.map(({ weight }) => weight);
    expect(weights).toEqual([...weights].sort((a, b) => a - b));
    expect(weights.at(-1)).toBe(1);
    expect(records[finished + 1]?.gradNorm).toBeGreaterThan(0);
    expect(team.agents[1]?.model.handover).toBeUndefined();
  });

  it('retries with a smaller step after a violation, and keeps the old mixture if all attempts fail', async () => {
    const played = async (maxBacktracks: number) => {
      const team = swappedTeam();
      const trustRegion = { targetKl: 0.3, targetKlMessage: 0.05, maxBacktracks };
      const context = createContext(team, trainOptions({ trustRegion }));
      await runStage(context, team, 1);
      const updates = context.events.filter((event) => event.kind === 'update');
      return {
        record: updates.find(({ agent }) => agent === 1),
        steps: team.agents[1]?.model.handover?.steps,
      };
    };
    const fits = await played(8);
    expect(fits.record?.status).toBe('ACCEPT');
    expect(fits.record?.attempts.length).toBeGreaterThan(1);
    expect(fits.steps?.length).toBe(2);
    expect(fits.steps?.[1]).toBeLessThan(0.3);
    const never = await played(0);
    expect(never.record?.status).toBe('REJECT_KL');
    expect(never.steps).toEqual([0.01]);
  });
});
