import { describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import type { ChatMessage, Model } from '../engine/engine.ts';
import { createTabularModel } from '../engine/tabular/model.ts';
import type { QuestionWithStream, Task } from '../task/task.ts';
import { createDebate } from './debate.ts';
import { createParts } from './parts.ts';
import { createRelay } from './relay.ts';
import { type RolloutOptions, rollout } from './rollout.ts';
import { createRouter } from './router.ts';
import { soloProtocol } from './solo-protocol.ts';
import type { Protocol, Team, TeamMessage, Trajectory } from './team.ts';
import { createHunt, HUNT_LETTERS } from './testing/hunt-task.ts';
import { dialogue } from './transcript.ts';
import { VerifierCache } from './verifier-cache.ts';
import { createVote } from './vote.ts';

const model = (seed: number): Model =>
  createTabularModel({ alphabet: HUNT_LETTERS, prior: { scale: 1, seed } });

function teamOf(protocol: Protocol, agents = 3): Team {
  const named = Array.from({ length: agents }, (_, id) => ({
    id,
    name: `agent ${id}`,
    model: model(id + 1),
    ...(id === 1 && { instruction: 'd' }),
  }));
  return { protocol, agents: named };
}

const play = (team: Team, task: Task, more: Partial<RolloutOptions> = {}): Promise<Trajectory[]> =>
  rollout(team, task, {
    items: Array.from({ length: 5 }, (_, i) => task.item('train', i)),
    samples: 4,
    temperature: 1,
    maxTokens: 2,
    stream: randomStream(3, 1),
    ...more,
  });

const PROTOCOLS: [string, Protocol][] = [
  ['relay', createRelay(3)],
  ['router', createRouter(3, { order: 'random' })],
  ['vote', createVote()],
];

/**
 * Returns the expected prompt of a message, built from the episode and the messages passed to the environment
 * at each turn.
 */
function expectedView(
  { item, replies = [] }: Trajectory,
  { agent, turn }: TeamMessage,
  sent: readonly TeamMessage[],
): ChatMessage[] {
  const chat: ChatMessage[] = agent === 1 ? [{ role: 'system', content: 'd' }] : [];
  chat.push({ role: 'user', content: item.prompt });
  for (const message of sent.slice(0, turn)) {
    const own = message.agent === agent ? { tokens: message.tokens } : {};
    chat.push({ role: 'assistant', content: message.text, ...own });
    chat.push({ role: 'user', content: replies[message.turn].text });
  }
  return chat;
}

describe('rollout of an interactive task', () => {
  it.each(PROTOCOLS)(
    'includes the replies of the environment in every later prompt of %s',
    async (_, protocol) => {
      const team = teamOf(protocol);
      let later = 0;
      for (const episode of await play(team, createHunt())) {
        const turns = [...new Set(episode.messages.map(({ turn }) => turn))];
        const sent = turns.map((turn) => {
          const ofTurn = episode.messages.filter((message) => message.turn === turn);
          const { agent } = (protocol.moves ?? createVote().moves!).choose(
            ofTurn,
            ({ text }) => text.slice(0, 1) || undefined,
          );
          return ofTurn.find((message) => message.agent === agent)!;
        });
        expect(episode.meanLogp).toBeCloseTo(meanLogp(sent.at(-1)!), 12);
        for (const message of episode.messages) {
          const { tokenizer } = team.agents[message.agent].model;
          expect(message.context).toEqual(tokenizer.encodeChat(expectedView(episode, message, sent)));
          later += Number(message.turn > 0);
        }
      }
      expect(later).toBeGreaterThan(10);
    },
  );

  it.each(PROTOCOLS)('keeps replies out of the agents’ own tokens in %s', async (_, protocol) => {
    const team = teamOf(protocol);
    for (const { messages, group, sample } of await play(team, createHunt()))
      for (const { agent, turn, context, tokens } of messages) {
        const stream = randomStream(3, 1).child(agent, group, sample, turn);
        const params = { temperature: 1, maxTokens: 2 };
        const [drawn] = await team.agents[agent].model.sample([{ context, stream }], params);
        expect(tokens).toEqual(drawn.tokens);
      }
  });

  it('ends when the environment is done, at the latest after its own number of rounds', async () => {
    const lengths = new Set<number>();
    for (const { messages, replies, verdict, reward, agentVerdicts } of await play(
      teamOf(createRelay(2), 2),
      createHunt({ rounds: 5 }),
    )) {
      expect(messages.map(({ agent, turn }) => [agent, turn])).toEqual(
        messages.map((_, turn) => [turn % 2, turn]),
      );
      expect(replies?.map(({ turn }) => turn)).toEqual(messages.map(({ turn }) => turn));
      expect(messages.length === 5 || verdict.correct).toBe(true);
      expect(reward).toBe(verdict.reward);
      expect(agentVerdicts).toEqual([undefined, undefined]);
      lengths.add(messages.length);
    }
    expect(lengths.size).toBeGreaterThan(2);
  });

  it('sends the plurality of a vote to the environment; also with a single active agent', async () => {
    const episodes = await play(teamOf(createVote()), createHunt());
    const played = episodes.flatMap(({ messages, replies = [], item }) =>
      replies.map(({ turn, text }) => ({
        first: messages.filter((message) => message.turn === turn).map((message) => message.text[0]),
        text,
        item,
      })),
    );
    const agreed = played.filter(({ first: [a, b, c] }) => a !== undefined && (a === b || a === c));
    expect(agreed.length).toBeGreaterThan(5);
    for (const { first, text, item } of agreed) {
      const distance = HUNT_LETTERS.indexOf(item.answer!) - HUNT_LETTERS.indexOf(first[0]);
      expect(text).toBe(HUNT_LETTERS[(distance + 4) % 4]);
    }
    for (const { messages } of await play(teamOf(soloProtocol(createVote(), 2)), createHunt()))
      expect(new Set(messages.map(({ agent }) => agent))).toEqual(new Set([2]));
  });

  it.each(PROTOCOLS)('plays the first sample of %s with a learner as without one', async (_, protocol) => {
    const task = createHunt({ noisy: true });
    const independent = await play(teamOf(protocol), task);
    for (const learner of [0, 1, 2]) {
      const coupled = await play(teamOf(protocol), task, { learner });
      coupled.forEach((trajectory, n) => {
        if (trajectory.sample === 0) expect(trajectory).toEqual(independent[n]);
      });
      // agents other than the learner write equal messages in equal contexts, and the environment gives equal
      // replies
      const replied = new Map<string, string>();
      for (const { group, messages, replies = [] } of coupled)
        for (const { turn, text } of replies) {
          const seen = messages.filter((message) => message.turn <= turn);
          const key = `${group} ${seen.map((message) => message.text).join()}`;
          expect(replied.get(key) ?? text).toBe(text);
          replied.set(key, text);
        }
    }
  });

  it('names the environment’s streams by sample: equal for equal samples, different for others', async () => {
    const task = createHunt({ noisy: true });
    const few = await play(teamOf(createRelay(3)), task, { samples: 2 });
    const many = await play(teamOf(createRelay(3)), task, { samples: 6 });
    for (const trajectory of few) expect(many).toContainEqual(trajectory);
    const same = many.filter(
      ({ group, messages }) => group === 0 && messages[0].text[0] === many[0].messages[0].text[0],
    );
    expect(new Set(same.map(({ replies = [] }) => replies[0].text)).size).toBeGreaterThan(1);
  });

  it('lists messages and replies in order, the reply after the messages of its turn', async () => {
    const [episode] = await play(teamOf(createVote()), createHunt());
    const entries = dialogue(episode);
    expect(entries.slice(0, 4).map(({ agent }) => agent)).toEqual([0, 1, 2, 'environment']);
    expect(entries).toHaveLength(episode.messages.length + episode.replies!.length);
    expect(entries.map(({ turn }) => turn)).toEqual(entries.map(({ turn }) => turn).sort());
  });

  it('ends only the affected episodes when the environment fails', async () => {
    const hunt = createHunt();
    const broken: Task = {
      ...hunt,
      environment: {
        maxTurns: 3,
        reset(item) {
          if (item.id === 'train-1') throw new Error('no beginning');
          const inner = hunt.environment!.reset(item);
          if (item.id !== 'train-2') return inner;
          return {
            ...inner,
            step: () => {
              throw new Error('no step');
            },
          };
        },
      },
    };
    const warnings: string[] = [];
    const episodes = await play(teamOf(createRelay(3)), broken, {
      verifier: new VerifierCache(broken, (message) => warnings.push(message)),
    });
    expect(episodes).toHaveLength(20);
    const failed = episodes.filter(({ verdict }) => verdict.reason.startsWith('the environment failed: no '));
    expect([...new Set(failed.map(({ item }) => item.id))]).toEqual(['train-1', 'train-2']);
    expect(failed.map(({ messages }) => messages.length)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(warnings).toContain('task hunt: the environment failed on item train-2: no step');
  });

  it('rejects protocols without moves, and a reward for single agents', async () => {
    for (const protocol of [createDebate(), createParts()])
      await expect(play(teamOf(protocol), createHunt())).rejects.toThrow(
        `expected a protocol for interactive tasks for task hunt, got ${protocol.name}`,
      );
    await expect(play(teamOf(createVote()), createHunt(), { agentReward: 0.5 })).rejects.toThrow(
      'expected agentReward 0 with task hunt, whose messages are moves, got 0.5',
    );
  });
});

describe('an environment with questions', () => {
  /**
   * Returns a list of calls and a function that creates hunt tasks. Their answerer adds its calls to the list
   * and answers with the second letter of the alphabet, or with a letter drawn from the question's random
   * stream.
   */
  function script(drawn: boolean): { calls: QuestionWithStream[][]; task: (questions: number) => Task } {
    const calls: QuestionWithStream[][] = [];
    const answerer = {
      answer: async (questions: readonly QuestionWithStream[]) => {
        calls.push([...questions]);
        return questions.map(({ stream }) => (drawn ? HUNT_LETTERS[stream.int(4)] : 'b'));
      },
    };
    return { calls, task: (questions) => createHunt({ questions, answerer }) };
  }

  it('sends the questions of all episodes of a turn in one call per question', async () => {
    const { calls, task } = script(false);
    const episodes = await play(teamOf(createRelay(3)), task(2));
    for (const { replies = [] } of episodes) for (const { text } of replies) expect(text).toBe('bb');
    const turns = Math.max(...episodes.map(({ messages }) => messages.length));
    expect(calls).toHaveLength(2 * turns);
    expect(calls[0]).toHaveLength(20);
    expect(calls[0][0].messages[0].content).toBe(`train-0 ${episodes[0].messages[0].text} 2`);
    expect(calls[1][0].messages[0].content).toBe(`train-0 ${episodes[0].messages[0].text} 1`);
  });

  it('has a random stream of its own for every question', async () => {
    const { task } = script(true);
    const episodes = await play(teamOf(createRelay(3)), task(2));
    expect(await play(teamOf(createRelay(3)), script(true).task(2))).toEqual(episodes);
    const texts = episodes.flatMap(({ replies = [] }) => replies.map(({ text }) => text));
    expect(new Set(texts).size).toBeGreaterThan(8);
  });

  it('fails in one line without an answerer, or with too many questions', async () => {
    await expect(play(teamOf(createRelay(3)), createHunt({ questions: 1 }))).rejects.toThrow(
      'task hunt: expected an answerer for the questions of its environment, got none; set answerer_path or answerer_url among its options',
    );
    await expect(play(teamOf(createRelay(3)), script(false).task(17))).rejects.toThrow(
      'task hunt: expected at most 16 questions per message, got more on item train-0',
    );
  });
});

function meanLogp({ logpSampler }: TeamMessage): number {
  return logpSampler.reduce((sum, logp) => sum + logp, 0) / logpSampler.length;
}
