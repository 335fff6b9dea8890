import { describe, expect, it } from 'vitest';
import { DomainError } from '../core/errors.ts';
import { randomStream } from '../core/rng.ts';
import { passAtK } from '../core/stats.ts';
import type { Model } from '../engine/engine.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import { correct, incorrect } from '../grade/verdict.ts';
import { TaskError } from '../support/errors.ts';
import type { Task } from '../task/task.ts';
import { createRelay } from '../team/relay.ts';
import type { Protocol, Team, Trajectory } from '../team/team.ts';
import { createVote } from '../team/vote.ts';
import { compare } from './compare.ts';
import {
  bestAgent,
  type EvaluateOptions,
  evaluateTeam,
  evaluationRecord,
  selfConsistency,
} from './evaluate.ts';

/** A task whose right answer is the letter of the prompt. Every split has 30 prompts. */
const echo: Task = {
  name: 'echo',
  rewardRange: [0, 1],
  size: () => 30,
  item: (split, index) => ({ id: `${split}-${index}`, prompt: 'abc'[index % 3] }),
  verify: ({ prompt }, text) => (text === prompt ? correct(text, 'yes') : incorrect(text, 'no')),
};

/**
 * Creates a model that writes one letter: the prompt's letter with probability p, each of the two other
 * letters with probability (1 - p) / 2.
 */
function echoing(p: number): Model {
  const model = createTabularModel({ alphabet: 'abc', prior: { offsets: [-50, -50, -50, 50] } });
  const { tokenizer } = model;
  for (const prompt of 'abc') {
    const context = tokenizer.encodeChat([{ role: 'user', content: prompt }]);
    const row = [...'abc'].map((letter) => Math.log(Math.max(1e-30, letter === prompt ? p : (1 - p) / 2)));
    model.setLogits(context, [...row, -100]);
  }
  return model;
}

function teamOf(protocol: Protocol, ...models: readonly Model[]): Team {
  return { protocol, agents: models.map((model, id) => ({ id, name: `agent ${id}`, model })) };
}

function options(more: Partial<EvaluateOptions> = {}): EvaluateOptions {
  return {
    label: 'team',
    split: 'test',
    prompts: 30,
    samples: 4,
    temperature: 1,
    maxTokens: 2,
    stream: randomStream(11, 3),
    ...more,
  };
}

describe('evaluateTeam', () => {
  it('gives deterministic teams exact scores', async () => {
    const evaluation = await evaluateTeam(
      teamOf(createVote(), echoing(1), echoing(0), echoing(1)),
      echo,
      options(),
    );
    expect(evaluation.team.avg).toMatchObject({ mean: 1, high: 1 });
    expect(evaluation.agents.map((scores) => scores?.avg.mean)).toEqual([1, 0, 1]);
    // lower end of Wilson's interval for 30 correct of 30: 30 / (30 + 1.959964^2)
    expect(evaluation.team.avg.low).toBeCloseTo(0.886482, 5);
    expect(evaluation).toMatchObject({
      prompts: 30,
      samples: 4,
      k: 4,
      tokens: 30 * 4 * 3 * 2,
      meanLength: 2,
    });
    expect(evaluation.clippedRatio).toBe(0);
  });

  it('agrees with counts from the trajectories', async () => {
    let trajectories: readonly Trajectory[] = [];
    const evaluation = await evaluateTeam(
      teamOf(createVote(), echoing(0.5), echoing(0.6), echoing(0.4)),
      echo,
      options({ k: 2, onTrajectories: (all) => (trajectories = all) }),
    );
    expect(trajectories).toHaveLength(120);
    for (let p = 0; p < 30; p++) {
      const own = trajectories.filter(({ item }) => item.id === `test-${p}`);
      const correct = own.filter(({ verdict }) => verdict.correct).length;
      expect(evaluation.team.items[p]).toBe(`test-${p}`);
      expect(evaluation.team.avg.perPrompt[p]).toBe(correct / 4);
      expect(evaluation.team.pass.perPrompt[p]).toBe(passAtK(4, correct, 2));
      // if 1 of the 4 votes is correct, one of the two wrong letters has 2 or 3 votes and wins; if 2 of the 4
      // votes are correct, the vote may be a tie
      if (correct !== 2) expect(evaluation.team.maj.perPrompt[p]).toBe(correct > 2 ? 1 : 0);
      const second = own.filter(({ messages }) => messages[1].text === own[0].item.prompt).length;
      expect(evaluation.agents[1]?.avg.perPrompt[p]).toBe(second / 4);
    }
  });

  it('estimates the accuracy of a model', async () => {
    const many: Task = { ...echo, size: () => undefined };
    const single = teamOf(createVote(), echoing(0.7));
    const { team, agents } = await evaluateTeam(single, many, options({ prompts: 400, samples: 4 }));
    // the standard error of 1,600 draws is 0.0115
    expect(Math.abs(team.avg.mean - 0.7)).toBeLessThan(0.04);
    expect(team.avg.low).toBeLessThan(0.7);
    expect(team.avg.high).toBeGreaterThan(0.7);
    expect(team.avg.high - team.avg.low).toBeLessThan(0.06);
    expect(agents[0]?.avg.perPrompt).toEqual(team.avg.perPrompt);
  });

  it('is deterministic', async () => {
    const team = teamOf(createVote(), echoing(0.5), echoing(0.6));
    expect(await evaluateTeam(team, echo, options())).toEqual(await evaluateTeam(team, echo, options()));
  });

  it('starts at the given index and warns if the split has too few prompts', async () => {
    const warnings: string[] = [];
    const late = options({ start: 25, prompts: 10, onWarning: (message) => warnings.push(message) });
    const evaluation = await evaluateTeam(teamOf(createVote(), echoing(1)), echo, late);
    expect(evaluation.team.items).toEqual([25, 26, 27, 28, 29].map((index) => `test-${index}`));
    expect(evaluation.prompts).toBe(5);
    expect(warnings).toEqual(['the test split of task echo has 5 prompts left, but 10 were requested']);
    const beyond = evaluateTeam(teamOf(createVote(), echoing(1)), echo, options({ start: 30 }));
    await expect(beyond).rejects.toThrow(TaskError);
  });

  it('has no scores of an agent without messages', async () => {
    const silent = teamOf({ ...createRelay(2), maxTurns: 1 }, echoing(1), echoing(1));
    const evaluation = await evaluateTeam(silent, echo, options());
    expect(evaluation.agents[1]).toBeUndefined();
    expect(evaluation.agents[0]?.avg.mean).toBe(1);
    expect(evaluationRecord(evaluation).agents[1]).toEqual({ mean: Number.NaN, low: 0, high: 1 });
  });

  it('counts messages cut at the maximum length', async () => {
    const cut = await evaluateTeam(teamOf(createVote(), echoing(1)), echo, options({ maxTokens: 1 }));
    expect(cut).toMatchObject({ clippedRatio: 1, meanLength: 1, tokens: 120 });
    expect(cut.team.avg.mean).toBe(1);
  });

  it('rejects k above the number of samples', async () => {
    const attempt = evaluateTeam(teamOf(createVote(), echoing(1)), echo, options({ k: 5 }));
    await expect(attempt).rejects.toThrow(DomainError);
  });
});

describe('selfConsistency', () => {
  it('beats a single sample of a model that is mostly right, with the given number of samples', async () => {
    const agent = teamOf(createVote(), echoing(0.6)).agents[0];
    const voted = await selfConsistency(agent, echo, { ...options({ samples: 20 }), votes: 5 });
    expect(voted.tokens).toBe(30 * 20 * 5 * 2);
    const single = voted.agents[0];
    if (single === undefined) throw new Error('expected scores of the first sample');
    expect(compare(voted.team, single).low).toBeGreaterThan(0);
  });

  it('is equal to a vote of equal agents', async () => {
    const model = echoing(0.5);
    const vote = await evaluateTeam(teamOf(createVote(), model, model, model), echo, options());
    const agent = teamOf(createVote(), model).agents[0];
    expect(await selfConsistency(agent, echo, { ...options(), votes: 3 })).toMatchObject({ team: vote.team });
  });

  it('rejects votes of 0 samples', async () => {
    const agent = teamOf(createVote(), echoing(1)).agents[0];
    await expect(selfConsistency(agent, echo, { ...options(), votes: 0 })).rejects.toThrow(DomainError);
  });
});

describe('bestAgent', () => {
  it('is the agent with the highest accuracy; ties go to the first', async () => {
    const models = [echoing(0), echoing(1), echoing(1)];
    const evaluation = await evaluateTeam(teamOf(createVote(), ...models), echo, options());
    expect(bestAgent(evaluation)?.agent).toBe(1);
    expect(bestAgent({ ...evaluation, agents: [undefined, undefined] })).toBeUndefined();
  });
});

describe('evaluationRecord', () => {
  it('keeps accuracies and their intervals', async () => {
    const evaluation = await evaluateTeam(teamOf(createVote(), echoing(0.5), echoing(0.9)), echo, options());
    const { mean, low, high } = evaluation.team.avg;
    const record = evaluationRecord(evaluation);
    expect(record).toMatchObject({ label: 'team', prompts: 30, samples: 4, team: { mean, low, high } });
    expect(record.agents).toHaveLength(2);
    expect(JSON.parse(JSON.stringify(record))).toEqual(record);
  });
});
