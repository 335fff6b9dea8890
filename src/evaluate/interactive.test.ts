import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { EnvironmentStep, Task } from '../task/task.ts';
import { createRelay } from '../team/relay.ts';
import { rollout } from '../team/rollout.ts';
import type { Team } from '../team/team.ts';
import { createHunt, HUNT_LETTERS } from '../team/testing/hunt-task.ts';
import { benchmarkScores } from './benchmark-scores.ts';
import { type EpisodeRecord, episodeRecord } from './episode-record.ts';
import { evaluateTeam, selfConsistency } from './evaluate.ts';

const team: Team = {
  protocol: createRelay(2),
  agents: [0, 1].map((id) => ({
    id,
    name: `agent_${id}`,
    model: createTabularModel({ alphabet: HUNT_LETTERS, prior: { scale: 1, seed: id } }),
  })),
};

/** Creates a hunt task whose verdicts also contain the number of messages. */
function countedHunt(): Task {
  const hunt = createHunt();
  const counting = (inner: EnvironmentStep, turns: number): EnvironmentStep => ({
    ...inner,
    step: (text, stream) => counting(inner.step(text, stream) as EnvironmentStep, turns + 1),
    verdict: () => ({ ...inner.verdict(), scores: { turns } }),
  });
  const { maxTurns, reset } = hunt.environment!;
  return { ...hunt, environment: { maxTurns, reset: (item) => counting(reset(item), 0) } };
}

describe('evaluating an interactive task', () => {
  it('scores the team by the final verdicts, with further scores, and single agents not at all', async () => {
    const task = countedHunt();
    const options = {
      label: 'x',
      split: 'test' as const,
      prompts: 12,
      samples: 3,
      temperature: 1,
      maxTokens: 1,
      stream: randomStream(1),
    };
    let turns: number[] = [];
    const evaluation = await evaluateTeam(team, task, {
      ...options,
      onTrajectories: (all) => {
        turns = all.map(({ replies = [] }) => replies.length);
      },
    });
    const mean = turns.reduce((sum, count) => sum + count, 0) / turns.length;
    expect(evaluation.team.further?.turns?.mean).toBeCloseTo(mean, 12);
    expect(evaluation.team.avg.mean).toBe(evaluation.team.reward.mean);
    expect(evaluation.agents).toEqual([undefined, undefined]);
    // self-consistency with one vote is a single agent that plays alone
    const single = await selfConsistency(team.agents[0]!, task, { ...options, votes: 1 });
    expect(single.team.avg.mean).toBeGreaterThan(0);
  });

  it('writes records with the same scores, without counting the environment’s tokens', async () => {
    const items = Array.from({ length: 6 }, (_, i) => countedHunt().item('test', i));
    const trajectories = await rollout(team, countedHunt(), {
      items,
      samples: 2,
      temperature: 1,
      maxTokens: 1,
      stream: randomStream(2),
    });
    const lines = trajectories.map((trajectory) => JSON.stringify(episodeRecord(team, trajectory)));
    const records = lines.map((line) => JSON.parse(line) as EpisodeRecord);
    for (const [n, { messages, agents, scores, mean_logp }] of records.entries()) {
      expect(messages.map(({ agent }) => agent)).toEqual(
        messages.map((_, k) => (k % 2 === 1 ? 'environment' : `agent_${(k / 2) % 2}`)),
      );
      expect(agents).toEqual([]);
      expect(scores).toEqual({ turns: messages.length / 2 });
      expect(mean_logp).toBe(trajectories[n]?.meanLogp);
    }
    const scored = benchmarkScores(records, {
      samples: 2,
      agents: ['agent_0', 'agent_1'],
      error: 0.05,
      stream: randomStream(3),
    });
    const own = trajectories.flatMap(({ messages }) => messages);
    expect(scored.messages).toBe(own.length);
    expect(scored.tokens).toBe(own.reduce((sum, { tokens }) => sum + tokens.length, 0));
    expect(scored.team.further?.turns?.mean).toBeCloseTo(own.length / trajectories.length, 12);
  });
});
