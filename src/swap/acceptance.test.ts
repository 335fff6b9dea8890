/**
 * Tests a swap in a game of coordination (G4): the replacement model earns more when it plays with a copy of
 * itself, but it follows another convention than the teammate it gets, so it lowers the team's reward.
 */
import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTabularModel, type TabularModel } from '../engine/tabular/model.ts';
import type { Task, TaskItem } from '../task/task.ts';
import { createParts } from '../team/parts.ts';
import { rollout } from '../team/rollout.ts';
import type { Team } from '../team/team.ts';
import { createContext, trainOptions } from '../train/testing/world.ts';
import { decideSwap, evaluateCandidate, withModel } from './acceptance.ts';
import { MixtureModel } from './mixture-model.ts';
import { type StoredEpisode, signTest } from './sign-test.ts';

/** A task with reward 0.8 for the answers (L, L), 1 for (R, R) and 0 for all other pairs. */
const coordination: Task = {
  name: 'coordination',
  rewardRange: [0, 1],
  size: () => undefined,
  item: (split, index): TaskItem => ({ id: `${split}-${index}`, prompt: 'p' }),
  verify(_item, text) {
    const reward = text === 'L L' ? 0.8 : text === 'R R' ? 1 : 0;
    return { correct: reward > 0, reward, answer: text, reason: text };
  },
};

/** Creates a model that answers R with the given probability and L otherwise. */
function player(right: number): TabularModel {
  const model = createTabularModel({ alphabet: 'LRp' });
  const context = [...model.tokenizer.encodeChat([{ role: 'user', content: 'p' }])];
  model.setLogits(context, [Math.log(1 - right), Math.log(right), -30, -30]);
  for (const letter of [0, 1]) model.setLogits([...context, letter], [-30, -30, -30, 0]);
  return model;
}

function teamOf(...right: number[]): Team {
  const agents = right.map((p, id) => ({ id, name: `player ${id}`, model: player(p) }));
  return { agents, protocol: createParts() };
}

const playing = { temperature: 1, maxTokens: 2 };

async function stored(team: Team): Promise<StoredEpisode[]> {
  const items = Array.from({ length: 60 }, (_, index) => coordination.item('train', index));
  const played = await rollout(team, coordination, {
    ...playing,
    items,
    samples: 8,
    stream: randomStream(4),
  });
  return played.map(({ item, messages, reward }) => ({
    group: item.id,
    item: item.id,
    prompt: item.prompt,
    messages,
    reward,
  }));
}

/** Swaps the model of the second agent of the game for one that answers R with the given probability. */
async function swapped(replacementPlaysRight: number, mode: 'raw' | 'stage-0') {
  const team = teamOf(0.05, 0.05);
  const replacement = player(replacementPlaysRight);
  const incumbent = team.agents[1]?.model as TabularModel;
  const mixture = new MixtureModel({ incumbent, replacement, steps: [0.05], slots: 32 });
  const settings = { ...playing, agent: 1, replacement };
  const forecast = await signTest(team, await stored(team), {
    ...settings,
    ...(mode === 'stage-0' && { mixture }),
  });
  const after = withModel(team, 1, mode === 'raw' ? replacement : mixture);
  const context = createContext(team, trainOptions({ gate: { nPlan: 2000, alpha: 0.05 } }), coordination);
  const options = {
    split: 'test',
    prompts: 2000,
    samples: 1,
    ...playing,
    stream: randomStream(9),
  } as const;
  const before = await evaluateCandidate({ label: 'before', team }, coordination, options);
  const own = await evaluateCandidate({ label: mode, team: after }, coordination, {
    ...options,
    against: before.evaluation,
  });
  return { forecast, own, before, context, decision: await decideSwap(context, { before: team, after }) };
}

describe('a swap that clashes with the team (G4)', () => {
  it('is forecast to hurt, has the expected loss, and is rejected', async () => {
    const { forecast, before, own, decision, context } = await swapped(0.98, 'raw');
    expect(forecast.verdict).toBe('hurt');
    expect(before.evaluation.team.reward.mean).toBeCloseTo(0.7245, 1);
    expect(own.evaluation.team.reward.mean).toBeCloseTo(0.0642, 1);
    expect(decision.action).toBe('keep');
    expect(context.state.gate.tests).toBe(1);
    expect(context.state.prompts.validation).toBeGreaterThanOrEqual(decision.prompts);
  });

  it('does little but measurable harm within delta0', async () => {
    const { forecast, own, decision } = await swapped(0.98, 'stage-0');
    expect(forecast.verdict).toBe('hurt');
    expect(own.evaluation.team.reward.mean).toBeCloseTo(0.6661, 1);
    expect(own.difference?.high).toBeLessThan(0);
    expect(decision.action).not.toBe('promote');
  });
});

describe('a swap that fits the team', () => {
  it('is forecast to help and is promoted', async () => {
    const { forecast, own, decision } = await swapped(0.001, 'raw');
    expect(forecast.verdict).toBe('help');
    expect(own.difference?.low).toBeGreaterThan(0);
    expect(decision.action).toBe('promote');
  });

  it('is undecided if the replacement equals the incumbent', async () => {
    const { forecast, decision } = await swapped(0.05, 'raw');
    expect(forecast.verdict).toBe('unknown');
    expect(decision.action).toBe('cannot_tell');
  });
});

describe('the forecast', () => {
  it('is unknown without episodes that differ', async () => {
    const team = teamOf(0.05, 0.05);
    const one = (await stored(team)).slice(0, 1);
    const settings = { ...playing, agent: 1, replacement: player(0.5) };
    expect(await signTest(team, one, settings)).toEqual({ verdict: 'unknown', groups: 0, episodes: 0 });
  });
});
