import { describe, expect, it } from 'vitest';
import { DomainError } from '../core/errors.ts';
import { randomStream } from '../core/rng.ts';
import type { Model } from '../engine/engine.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { Task } from '../task/task.ts';
import { createDebate } from './debate.ts';
import { createRelay } from './relay.ts';
import { type RolloutOptions, rollout } from './rollout.ts';
import { createRouter } from './router.ts';
import type { Protocol, Team, Trajectory } from './team.ts';
import { ALPHABET, echo, items, model, options, teamOf } from './testing/echo-task.ts';
import { createVote } from './vote.ts';

type Sample = Model['sample'];

/** Returns the model with its method `sample` replaced. */
function withSample(inner: Model, sample: Sample): Model {
  return new Proxy(inner, {
    get(target, key) {
      if (key === 'sample') return sample;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Returns a model that samples its requests one by one, starting with the last request. */
function backwards(inner: Model): Model {
  return withSample(inner, async (requests, params) => {
    const completions: Awaited<ReturnType<Sample>> = [];
    for (let i = requests.length - 1; i >= 0; i--)
      completions[i] = (await inner.sample([requests[i]], params))[0];
    return completions;
  });
}

/** Returns a model that records the number of requests of each call. */
function counting(inner: Model, calls: number[]): Model {
  return withSample(inner, (requests, params) => {
    calls.push(requests.length);
    return inner.sample(requests, params);
  });
}

const texts = ({ messages }: Trajectory) => messages.map(({ text }) => text);

describe('rollout', () => {
  it('puts the few-shot examples of an agent into its context only', async () => {
    const [withShots, without] = [model(1), model(2)];
    const agents = [
      { id: 0, name: 'a', model: withShots, examples: [{ prompt: 'b', answer: 'c' }] },
      { id: 1, name: 'b', model: without },
    ];
    const [first] = await rollout({ protocol: createVote(), agents }, echo, options({ items: items(1) }));
    const expected = withShots.tokenizer.encodeChat([
      { role: 'user', content: 'b' },
      { role: 'assistant', content: 'c' },
      { role: 'user', content: 'a' },
    ]);
    expect(first?.messages[0]?.context).toEqual(expected);
    expect(first?.messages[1]?.context).toEqual(
      without.tokenizer.encodeChat([{ role: 'user', content: 'a' }]),
    );
  });

  it('orders trajectories by item, then sample', async () => {
    const trajectories = await rollout(teamOf(createVote()), echo, options());
    expect(trajectories.map(({ group, sample }) => [group, sample])).toEqual(
      [0, 1, 2, 3].flatMap((group) => [0, 1, 2].map((sample) => [group, sample])),
    );
    expect(trajectories.map(({ item }) => item.id)).toEqual(
      trajectories.map(({ group }) => `train-${group}`),
    );
  });

  it.each([
    ['vote', createVote()],
    ['relay', createRelay(3, { rounds: 2 })],
    ['debate', createDebate()],
  ])('draws the same messages in %s for any batching and order of the engine', async (_, protocol) => {
    const forward = await rollout(teamOf(protocol), echo, options());
    const reversed = await rollout(
      teamOf(
        protocol,
        [1, 2, 3].map((seed) => backwards(model(seed))),
      ),
      echo,
      options(),
    );
    expect(reversed).toEqual(forward);
  });

  it('draws the same messages when more items or samples are requested', async () => {
    const team = teamOf(createRelay(3));
    const small = await rollout(team, echo, options({ items: items(2), samples: 2 }));
    const large = await rollout(team, echo, options({ items: items(4), samples: 5 }));
    for (const trajectory of small)
      expect(
        large.find(({ group, sample }) => group === trajectory.group && sample === trajectory.sample),
      ).toEqual(trajectory);
  });

  it('draws the same messages for a part of a batch, given its groups and samples', async () => {
    const team = teamOf(createRelay(3));
    const batch = await rollout(team, echo, options({ samples: 4 }));
    const part = await rollout(
      team,
      echo,
      options({ items: [items(4)[3], items(4)[1]], groups: [3, 1], samples: 2, firstSample: 2 }),
    );
    expect(part).toEqual([14, 15, 6, 7].map((index) => batch[index]));
    await expect(rollout(team, echo, options({ groups: [0, 1, 1, 2] }))).rejects.toThrow(
      'rollout: expected 4 different groups, got 0, 1, 1, 2',
    );
  });

  it('names the stream of a message by agent, group, sample and turn', async () => {
    const team = teamOf(createRelay(3, { rounds: 2 }));
    for (const { group, sample, messages } of await rollout(team, echo, options()))
      for (const { agent, turn, context, tokens } of messages) {
        const stream = randomStream(7, 1).child(agent, group, sample, turn);
        const params = { temperature: 1, maxTokens: 4 };
        expect((await team.agents[agent].model.sample([{ context, stream }], params))[0].tokens).toEqual(
          tokens,
        );
      }
  });

  it('draws different messages with another stream, sample, agent or turn', async () => {
    const same = [model(5), model(5)];
    const oneItem = options({ items: items(1), samples: 8, maxTokens: 6 });
    const first = await rollout(teamOf(createVote(), same), echo, oneItem);
    const second = await rollout(teamOf(createVote(), same), echo, {
      ...oneItem,
      stream: randomStream(7, 2),
    });
    expect(second.map(texts)).not.toEqual(first.map(texts));
    const byAgent = [0, 1].map((agent) => first.map((trajectory) => texts(trajectory)[agent]));
    expect(byAgent[0]).not.toEqual(byAgent[1]);
    expect(new Set(byAgent[0]).size).toBeGreaterThan(1);
    // this model ignores its context, so only the stream differs between its two turns
    const contextFree = createTabularModel({ alphabet: ALPHABET });
    const twice = await rollout(teamOf(createRelay(1, { rounds: 2 }), [contextFree]), echo, oneItem);
    expect(twice.map((trajectory) => texts(trajectory)[0])).not.toEqual(
      twice.map((trajectory) => texts(trajectory)[1]),
    );
  });

  it('calls each model once per turn for all episodes', async () => {
    const calls: number[][] = [[], []];
    const counted = calls.map((list, i) => counting(model(i), list));
    await rollout(teamOf(createRelay(2, { rounds: 2 }), counted), echo, options());
    expect(calls).toEqual([
      [12, 12],
      [12, 12],
    ]);
  });

  it('shows messages of earlier turns, with own token ids, and none of the same turn', async () => {
    const agents = [model(1), model(2)];
    const { tokenizer } = agents[0];
    const relayed = await rollout(teamOf(createRelay(2, { rounds: 2 }), agents), echo, options());
    for (const { item, messages } of relayed) {
      const own = { role: 'assistant' as const, content: messages[0].text, tokens: messages[0].tokens };
      const other = { role: 'assistant' as const, content: messages[1].text };
      const seen = tokenizer.encodeChat([{ role: 'user', content: item.prompt }, own, other]);
      expect(messages[2].context).toEqual(seen);
    }
    const voted = await rollout(teamOf(createVote(), agents), echo, options());
    for (const { item, messages } of voted)
      for (const { context } of messages)
        expect(context).toEqual(tokenizer.encodeChat([{ role: 'user', content: item.prompt }]));
  });

  it('keeps the sampler’s tokens, logp and finish reason, and the decoded text', async () => {
    const team = teamOf(createVote());
    for (const { messages } of await rollout(team, echo, options())) {
      expect(messages.map(({ agent, turn }) => [agent, turn])).toEqual([
        [0, 0],
        [1, 0],
        [2, 0],
      ]);
      for (const { agent, context, tokens, logpSampler, text, finish } of messages) {
        const { model: own } = team.agents[agent];
        expect(own.tokenizer.decode(tokens)).toBe(text);
        expect(finish === 'stop').toBe(tokens.at(-1) === own.tokenizer.endTokens[0]);
        const [scored] = await own.forward([{ context, tokens }], { temperature: 1 });
        expect(logpSampler).toEqual(scored);
      }
    }
  });

  it('verifies each text once per item', async () => {
    const verified: string[] = [];
    const spying: Task = {
      ...echo,
      verify: (item, text) => {
        verified.push(`${item.id} ${text}`);
        return echo.verify(item, text);
      },
    };
    await rollout(teamOf(createVote()), spying, options({ samples: 20 }));
    expect(verified.length).toBeGreaterThan(10);
    expect(new Set(verified).size).toBe(verified.length);
  });

  it('reports progress for every finished message', async () => {
    const seen: [number, number][] = [];
    const relay = options({ onProgress: (done, total) => seen.push([done, total]) });
    await rollout(teamOf(createRelay(3, { rounds: 2 })), echo, relay);
    expect(seen).toEqual(Array.from({ length: 72 }, (_, i) => [i + 1, 72]));
  });

  it('stops when the signal aborts', async () => {
    const controller = new AbortController();
    const stopping = options({
      signal: controller.signal,
      onProgress: (done) => {
        if (done === 12) controller.abort(new Error('aborted'));
      },
    });
    await expect(rollout(teamOf(createRelay(3)), echo, stopping)).rejects.toThrow('aborted');
  });

  it('rejects invalid options, protocols and teams', async () => {
    const attempt = (protocol: Protocol, more: Partial<RolloutOptions>) =>
      rollout(teamOf(protocol), echo, options(more));
    await expect(attempt(createVote(), { samples: 0 })).rejects.toThrow(DomainError);
    await expect(attempt(createVote(), { agentReward: 1.5 })).rejects.toThrow(DomainError);
    await expect(attempt(createRelay(3), { agentReward: 0.5 })).rejects.toThrow(
      'rollout: expected agentReward 0 with protocol relay, got 0.5',
    );
    await expect(attempt({ ...createVote(), active: () => [] }, {})).rejects.toThrow(
      'expected protocol vote to activate at least one agent, got none',
    );
    const [first] = teamOf(createVote()).agents;
    const misnumbered: Team = { protocol: createVote(), agents: [{ ...first, id: 1 }] };
    await expect(rollout(misnumbered, echo, options())).rejects.toThrow('ids 0..n-1');
  });
});

describe('rollout for a learner', () => {
  const protocols: [string, Protocol][] = [
    ['vote', createVote()],
    ['relay', createRelay(3, { rounds: 2 })],
    ['debate', createDebate()],
    ['router', createRouter(3, { turns: 5, order: 'random' })],
  ];
  const sampledOf = ({ messages }: Trajectory) =>
    messages.map(({ agent, turn, context, tokens }) => ({ agent, turn, context, tokens }));

  it.each(protocols)('names the streams of %s by sample for the learner only', async (_, protocol) => {
    const team = teamOf(protocol);
    for (const learner of [0, 1, 2])
      for (const { group, sample, messages } of await rollout(team, echo, options({ learner })))
        for (const { agent, turn, context, tokens } of messages) {
          const stream = randomStream(7, 1).child(agent, group, agent === learner ? sample : 0, turn);
          const drawn = await team.agents[agent].model.sample([{ context, stream }], {
            temperature: 1,
            maxTokens: 4,
          });
          expect(tokens).toEqual(drawn[0].tokens);
        }
  });

  it.each(protocols)('plays the first sample of %s with a learner as without one', async (_, protocol) => {
    const team = teamOf(protocol);
    const independent = await rollout(team, echo, options());
    for (const learner of [0, 1, 2]) {
      const coupled = await rollout(team, echo, options({ learner }));
      for (const [n, { sample }] of coupled.entries())
        if (sample === 0) expect(sampledOf(coupled[n])).toEqual(sampledOf(independent[n]));
    }
  });

  it('leaves the learner’s messages of a vote unchanged and gives each companion one message per item', async () => {
    const team = teamOf(createVote());
    const independent = await rollout(team, echo, options());
    const coupled = await rollout(team, echo, options({ learner: 1 }));
    const of = (agent: number) => (trajectory: Trajectory) => texts(trajectory)[agent];
    expect(coupled.map(of(1))).toEqual(independent.map(of(1)));
    for (const companion of [0, 2])
      for (const group of [0, 1, 2, 3]) {
        const companionTexts = coupled.filter((trajectory) => trajectory.group === group).map(of(companion));
        expect(new Set(companionTexts).size).toBe(1);
      }
    // different items have different messages
    expect(new Set(coupled.map(of(0))).size).toBeGreaterThan(1);
    expect(independent.map(of(0))).not.toEqual(coupled.map(of(0)));
  });

  it('gives companions after the learner equal messages after equal messages of the learner', async () => {
    const coupled = await rollout(teamOf(createRelay(3)), echo, options({ samples: 8, learner: 1 }));
    let different = 0;
    for (const group of [0, 1, 2, 3]) {
      const episodes = coupled.filter((trajectory) => trajectory.group === group);
      expect(new Set(episodes.map((episode) => texts(episode)[0])).size).toBe(1);
      const answers = new Map<string, string>();
      for (const episode of episodes) {
        const [, learner, after] = texts(episode);
        expect(answers.get(learner) ?? after).toBe(after);
        answers.set(learner, after);
      }
      different += Number(new Set(answers.values()).size > 1);
    }
    expect(different).toBeGreaterThan(0);
  });

  it('samples a message that several episodes share once', async () => {
    const requestsOf = async (protocol: Protocol, learner: number | undefined) => {
      const calls: number[][] = [[], [], []];
      const counted = calls.map((list, i) => counting(model(i + 1), list));
      const coupled = options(learner === undefined ? {} : { learner });
      const trajectories = await rollout(teamOf(protocol, counted), echo, coupled);
      return { calls, trajectories };
    };
    // 4 items x 3 samples
    expect((await requestsOf(createVote(), undefined)).calls).toEqual([[12], [12], [12]]);
    expect((await requestsOf(createVote(), 2)).calls).toEqual([[4], [4], [12]]);
    const relay = await requestsOf(createRelay(3), 1);
    const contexts = relay.trajectories.map(
      ({ group, messages }) => `${group} ${messages[2].context.join()}`,
    );
    expect(relay.calls).toEqual([[4], [12], [new Set(contexts).size]]);
    expect(new Set(contexts).size).toBeLessThan(12);
  });

  it('counts a shared message once per episode in the progress', async () => {
    const seen: [number, number][] = [];
    await rollout(
      teamOf(createVote()),
      echo,
      options({ learner: 1, onProgress: (done, total) => seen.push([done, total]) }),
    );
    expect(seen.at(-1)).toEqual([36, 36]);
    expect(seen.every(([done], i) => done > (seen[i - 1]?.[0] ?? 0))).toBe(true);
  });
});
