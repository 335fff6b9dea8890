import { describe, expect, it } from 'vitest';
import { blindGame, type ObservedEpisode, playedBy } from '../core/tabular/observed-episode.ts';
import { binaryTeam } from '../core/tabular/worlds.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Team } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import { createWorldTask } from '../theory/world-task.ts';
import { ACTION_TOKENS, createWorldTeam } from '../theory/world-team.ts';
import { collectBatch } from './collect.ts';
import type { RunEvent } from './events.ts';
import type { TrainOptions } from './options.ts';
import { predictGain } from './predicted-gain.ts';
import { runStage } from './stage.ts';
import { createLetterTask, LETTERS } from './testing/letter-task.ts';
import { createContext, createTeam, type OptionChanges, trainOptions } from './testing/world.ts';
import { wrapModel } from './testing/wrapped-model.ts';

/**
 * A game of three agents. Action 1 of the first agent adds 0.2 to the reward, of the second 1, of the third
 * 0.
 */
const game = blindGame([2, 2, 2], [0, 0, 1, 1, 0.2, 0.2, 1.2, 1.2]);

function gameTeam(world: ObservedEpisode = game): Team {
  return createWorldTeam(world, playedBy(world, binaryTeam(0.5, 0.5, 0.5)), createTabularModel);
}

function gameContext(team: Team, changes: OptionChanges = {}) {
  const options = trainOptions({
    maxCompletionLength: ACTION_TOKENS,
    promptsPerStep: 64,
    minibatchSize: 1000,
    ...changes,
  });
  return createContext(team, options, createWorldTask(game));
}

/** Returns the team with models that have no method `scores`. */
function withoutScores(team: Team): Team {
  return { ...team, agents: team.agents.map((agent) => ({ ...agent, model: wrapModel(agent.model, {}) })) };
}

async function predictions(team: Team, changes: OptionChanges = {}): Promise<number[]> {
  const context = gameContext(team, changes);
  const batch = await collectBatch(context, team, { stage: 1, scored: team.agents });
  const gains: number[] = [];
  for (const agent of team.agents)
    gains.push(await predictGain(team, batch, { agent, options: context.options }));
  return gains;
}

function ordersOf(events: readonly RunEvent[]): (readonly number[])[] {
  return events.flatMap((event) => (event.kind === 'stage_started' ? [event.order] : []));
}

async function ordersOfStages(team: Team, changes: OptionChanges): Promise<(readonly number[])[]> {
  const context = gameContext(team, { order: 'greedy', ...changes });
  for (let stage = 1; stage <= 3; stage++) await runStage(context, team, stage);
  return ordersOf(context.events);
}

describe('a predicted gain', () => {
  it('with cross-fitting is the first-order gain of a natural-gradient step of the radius', async () => {
    // The values Q of an agent's two actions differ by `pay` = d, and both have probability 1/2. With the
    // gradient g and the Fisher matrix F, g' F^-1 g = Var(Q) = d^2/4, so the gain within KL limit delta is
    // sqrt(2 delta) d/2.
    const gains = await predictions(gameTeam(), { trustRegion: { targetKl: 0.02 } });
    for (const [agent, pay] of [0.2, 1, 0].entries())
      expect(Math.abs(gains[agent] - (Math.sqrt(0.04) * pay) / 2)).toBeLessThan(0.02);
  });

  it('with cross-fitting is about 0 for an agent without influence, unlike the plug-in estimate', async () => {
    const [, , cross] = await predictions(gameTeam());
    expect(Math.abs(cross)).toBeLessThan(0.03);
    const [, , plugIn] = await predictions(withoutScores(gameTeam()));
    expect(plugIn).toBeGreaterThan(0.3);
  });

  it('is NaN with cross-fitting on a single prompt', async () => {
    expect(await predictions(gameTeam(), { promptsPerStep: 1 })).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
  });
});

describe('the greedy order', () => {
  it('uses this stage’s episodes with reuse, and those of the previous stage with fresh rollouts', async () => {
    const byGain = [1, 0, 2];
    expect(await ordersOfStages(gameTeam(), { rolloutMode: 'reuse' })).toEqual([byGain, byGain, byGain]);
    expect(await ordersOfStages(gameTeam(), {})).toEqual([[0, 1, 2], byGain, byGain]);
  });

  it('without scores depends on the share of episodes in which an agent has messages', async () => {
    const team = withoutScores(createTeam(createVote(), 3));
    const withoutAgent1: typeof team.protocol.active = (turn, messages, n) =>
      team.protocol.active(turn, messages, n).filter((id) => id !== 1);
    const quiet: Team = { ...team, protocol: { ...team.protocol, active: withoutAgent1 } };
    const context = createContext(quiet, trainOptions({ order: 'greedy', rolloutMode: 'reuse' }));
    await runStage(context, quiet, 1);
    expect(ordersOf(context.events)).toEqual([[0, 2, 1]]);
  });

  it.each<TrainOptions['rolloutMode']>(['fresh', 'reuse'])(
    '(%s) never depends on a validation prompt',
    async (mode) => {
      const task = createLetterTask({ letters: { train: 'ab', validation: 'cd' } });
      const seen = new Set<string>();
      const team = createTeam(createVote(), 2);
      const watched: Team = {
        ...team,
        agents: team.agents.map((agent) => ({
          ...agent,
          model: wrapModel(agent.model, {
            scores: (sequences, params) => {
              for (const { context } of sequences) seen.add(LETTERS[context[0]]);
              return agent.model.scores?.(sequences, params) ?? Promise.resolve([]);
            },
          }),
        })),
      };
      const changes = { order: 'greedy', rolloutMode: mode, gate: { kind: 'step', nPlan: 40 } } as const;
      const context = createContext(
        watched,
        trainOptions({ ...changes, certificate: { prompts: 20 } }),
        task,
      );
      for (let stage = 1; stage <= 2; stage++) await runStage(context, watched, stage);
      expect(context.prompts.validation.position).toBeGreaterThan(0);
      expect(seen).toEqual(new Set('ab'));
    },
  );
});
