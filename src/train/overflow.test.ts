/** Tests training with contexts that grow beyond the context window of a model. */
import { expect, it } from 'vitest';
import { createTabularModel } from '../engine/tabular/model.ts';
import { createRelay } from '../team/relay.ts';
import type { Team } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import { runStage } from './stage.ts';
import { LETTERS } from './testing/letter-task.ts';
import { createContext, createTeam, trainOptions } from './testing/world.ts';

/** Returns a team in which the last agent has a context window of the given number of tokens. */
function withSmallWindow(team: Team, maxContext: number): Team {
  const last = team.agents.length - 1;
  const model = createTabularModel({ alphabet: LETTERS, maxContext, prior: { scale: 0.5, seed: 7 } });
  return {
    ...team,
    agents: team.agents.map((agent) => (agent.id === last ? { ...agent, model } : agent)),
  };
}

it('goes on when some contexts of a relay are full, counts the episodes, and warns once', async () => {
  const team = withSmallWindow(createTeam(createRelay(2), 2), 4);
  const context = createContext(team, trainOptions({ maxCompletionLength: 4 }));
  await runStage(context, team, 1);
  await runStage(context, team, 2);
  const rollouts = context.events.filter((event) => event.kind === 'rollout');
  for (const { overflows = 0, trajectories } of rollouts) {
    expect(overflows).toBeGreaterThan(0);
    expect(overflows).toBeLessThan(trajectories);
  }
  expect(context.events.filter(({ kind }) => kind === 'warning')).toEqual([
    {
      kind: 'warning',
      stage: 1,
      message: expect.stringMatching(
        /^an episode on train-\d+ counts as wrong: agent table 1 had no room for its message in turn 2: its context has \d of 4 tokens;/,
      ),
    },
  ]);
  expect(context.state.overflowed).toBe(true);
});

it('skips the update of an agent that never had room, and trains the others', async () => {
  const team = withSmallWindow(createTeam(createVote(), 2), 1);
  const context = createContext(team, trainOptions());
  await runStage(context, team, 1);
  const updates = context.events.filter((event) => event.kind === 'update');
  expect(updates.map(({ status }) => status)).toEqual(['SKIP', 'SKIP']);
  expect(context.events.filter(({ kind }) => kind === 'rollout')).toMatchObject([
    { overflows: 128, trajectories: 128, reward: 0 },
    { overflows: 128, trajectories: 128, reward: 0 },
  ]);
});
