import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Task } from '../task/task.ts';
import { createRelay } from '../team/relay.ts';
import type { Protocol, Team } from '../team/team.ts';
import { echo as letters } from '../team/testing/echo-task.ts';
import { createVote } from '../team/vote.ts';
import { benchmarkScores } from './benchmark-scores.ts';
import type { EpisodeRecord } from './episode-record.ts';
import { evaluateTeam } from './evaluate.ts';
import { chunkSize, guaranteedSamples, type PlayOptions, playBenchmark } from './play.ts';

/** The letters in 40 prompts of two difficulties. */
const echo: Task = {
  ...letters,
  size: () => 40,
  item: (split, index) => ({
    id: `${split}:${index}`,
    prompt: 'abc'[index % 3],
    difficulty: index % 2 === 0 ? 'even' : 'odd',
  }),
};

function teamOf(protocol: Protocol): Team {
  return {
    protocol,
    agents: [1, 2, 3].map((seed, id) => ({
      id,
      name: `agent ${id}`,
      model: createTabularModel({ alphabet: 'abc', prior: { offsets: [0, 0, 0, 1], scale: 1.5, seed } }),
    })),
  };
}

async function played(team: Team, more: Partial<PlayOptions> = {}): Promise<EpisodeRecord[]> {
  const records: EpisodeRecord[] = [];
  await playBenchmark(team, echo, {
    split: 'test',
    prompts: 40,
    samples: 32,
    temperature: 1,
    maxTokens: 2,
    stream: randomStream(5),
    onChunk: (_, chunk) => records.push(...chunk),
    ...more,
  });
  return records;
}

const score = (records: readonly EpisodeRecord[], more: object = {}) =>
  benchmarkScores(records, {
    samples: 32,
    agents: ['agent 0', 'agent 1', 'agent 2'],
    error: 0.05,
    stream: randomStream(5),
    ...more,
  });

describe('a benchmark played in chunks', () => {
  it.each([
    ['vote', createVote()],
    ['relay', createRelay(3)],
  ])('has exactly the scores of evaluateTeam, also after a JSON round trip (%s)', async (_, protocol) => {
    const team = teamOf(protocol);
    const records = JSON.parse(JSON.stringify(await played(team))) as EpisodeRecord[];
    const expected = await evaluateTeam(team, echo, {
      label: 'expected',
      split: 'test',
      prompts: 40,
      samples: 32,
      temperature: 1,
      maxTokens: 2,
      stream: randomStream(5),
    });
    const { team: own, agents, tokens } = score(records);
    expect(own).toEqual(expected.team);
    expect(agents.map(({ scores }) => scores)).toEqual(expected.agents);
    expect(tokens).toBe(expected.tokens);
  });

  it('continues at any chunk with the same records', async () => {
    const team = teamOf(createVote());
    const all = await played(team);
    const size = chunkSize({ samples: 32 });
    expect(size).toBe(8);
    expect(await played(team, { firstChunk: 3 })).toEqual(all.slice(3 * size * 32));
  });

  it('has scores by difficulty and pass@k for every k', async () => {
    const { difficulties, pass, prompts } = score(await played(teamOf(createVote())));
    expect(prompts).toBe(40);
    expect(difficulties.map(({ difficulty, prompts: count }) => [difficulty, count])).toEqual([
      ['even', 20],
      ['odd', 20],
    ]);
    expect(pass.map(({ k }) => k)).toEqual([1, 2, 4, 8, 16, 32]);
    for (let i = 1; i < pass.length; i++) expect(pass[i].mean).toBeGreaterThanOrEqual(pass[i - 1].mean);
  });
});

describe('votes that stop early', () => {
  it('with the exact rule have the winners, maj@K and samples of full votes', async () => {
    const team = teamOf(createVote());
    const full = await played(team);
    const stop = { rule: 'exact', error: 0.05 } as const;
    const stopped = await played(team, { stop });
    const names = new Map(full.map((record) => [`${record.index} ${record.sample}`, record]));
    for (const record of stopped) expect(record).toEqual(names.get(`${record.index} ${record.sample}`));
    expect(stopped.length).toBeLessThan(full.length);
    const scores = score(stopped, { stop });
    expect(scores.team.maj).toEqual(score(full).team.maj);
    expect(scores.guaranteed).toBe(17);
    expect(scores.savings).toMatchObject([{ rule: 'exact', used: stopped.length, full: 40 * 32 }]);
  });

  it('with the probable rule need fewer samples and rarely have another winner', async () => {
    const team = teamOf(createVote());
    const stop = { rule: 'probable', error: 0.05 } as const;
    const stopped = await played(team, { stop });
    const [exact, probable] = score(await played(team)).savings;
    expect(stopped.length).toBeLessThan(exact.used);
    expect(probable.used).toBeLessThanOrEqual(exact.used);
    expect(exact.changed).toBe(0);
    expect(probable.changed).toBeLessThanOrEqual(2 + 40 * 0.05);
    expect(score(stopped, { stop }).team.avg.mean).toBeGreaterThan(0);
  });

  it('have a guaranteed number of samples for unbiased averages', () => {
    expect(guaranteedSamples(64, undefined)).toBe(64);
    expect(guaranteedSamples(64, { rule: 'exact', error: 0.05 })).toBe(33);
    expect(guaranteedSamples(64, { rule: 'probable', error: 0.05 })).toBe(8);
    expect(guaranteedSamples(4, { rule: 'probable', error: 0.05 })).toBe(3);
    expect(guaranteedSamples(1, { rule: 'exact', error: 0.05 })).toBe(1);
  });
});

it('rejects prompts with too few episodes', async () => {
  const records = await played(teamOf(createVote()), { samples: 4 });
  expect(() => score(records)).toThrow('benchmarkScores: expected at least 32 episodes of prompt 0, got 4');
  expect(() => score([])).toThrow('benchmarkScores: expected episodes, got none');
});
