import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../engine/engine.ts';
import type { TaskItem } from '../task/task.ts';
import { createDebate } from './debate.ts';
import { createParts } from './parts.ts';
import { createProtocol, type ProtocolOptions, protocolNames } from './protocols.ts';
import { createRelay } from './relay.ts';
import { createRouter } from './router.ts';
import type { Protocol, SpokenMessage } from './team.ts';
import { createVote } from './vote.ts';

const item: TaskItem = { id: 'train-0', prompt: '1+1=' };

function say(turn: number, agent: number, text: string, meanLogp = -1): SpokenMessage {
  return { turn, agent, text, meanLogp, tokens: Int32Array.of(agent, turn) };
}

/** Who speaks at each turn, when every agent says its own id. */
function order(protocol: Protocol, agents: number): (readonly number[])[] {
  const spoken: SpokenMessage[] = [];
  const turns: (readonly number[])[] = [];
  for (let turn = 0; ; turn++) {
    const active = protocol.active(turn, spoken, agents);
    if (active.length === 0) return turns;
    turns.push(active);
    spoken.push(...active.map((agent) => say(turn, agent, `${agent}`)));
  }
}

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const own = ({ text, tokens }: SpokenMessage): ChatMessage => ({ role: 'assistant', content: text, tokens });
const answerOf = (message: SpokenMessage) => (message.text === '' ? undefined : message.text);

describe('vote', () => {
  it('hears every agent once, each seeing only its instruction and the prompt', () => {
    const vote = createVote();
    expect(order(vote, 3)).toEqual([[0, 1, 2]]);
    expect(vote.view(item, 1, [], undefined)).toEqual([user('1+1=')]);
    expect(vote.view(item, 1, [], 'Be brief.')).toEqual([
      { role: 'system', content: 'Be brief.' },
      user('1+1='),
    ]);
  });

  it('decides by plurality, ties by logp', () => {
    const vote = createVote();
    const [a, b, c] = [say(0, 0, '2', -1), say(0, 1, '3', -5), say(0, 2, '3', -4)];
    expect(vote.decide([a, b, c], answerOf)).toBe(c);
    expect(vote.decide([a, b], answerOf)).toBe(a);
  });
});

describe('parts', () => {
  it('hears every agent once, unseen by the others, and joins what they write in order of id', () => {
    const parts = createParts();
    expect(order(parts, 3)).toEqual([[0, 1, 2]]);
    expect(parts.view(item, 1, [], undefined)).toEqual([user('1+1=')]);
    const decided = parts.decide([say(0, 2, '7', -3), say(0, 0, '5', -1), say(0, 1, '', -2)], answerOf);
    expect(decided).toMatchObject({ agent: 0, text: '5  7', meanLogp: -2 });
  });
});

describe('relay', () => {
  it('lets agents speak in turn, round after round', () => {
    expect(order(createRelay(3), 3)).toEqual([[0], [1], [2]]);
    expect(order(createRelay(2, { rounds: 2 }), 2)).toEqual([[0], [1], [0], [1]]);
  });

  it('shows everything said so far, with the tokens of own messages only', () => {
    const relay = createRelay(2, { rounds: 2 });
    const spoken = [say(0, 0, 'first'), say(1, 1, 'second')];
    expect(relay.view(item, 0, spoken, undefined)).toEqual([
      user('1+1='),
      own(spoken[0]),
      assistant('second'),
    ]);
    expect(relay.view(item, 1, spoken, undefined)).toEqual([
      user('1+1='),
      assistant('first'),
      own(spoken[1]),
    ]);
  });

  it('answers with the last message, whatever was said before', () => {
    const last = say(2, 2, '', -9);
    expect(createRelay(3).decide([say(0, 0, '2'), say(1, 1, '2'), last], answerOf)).toBe(last);
  });

  it('is the router in round-robin order', () => {
    expect(order(createRouter(3, { turns: 6 }), 3)).toEqual(order(createRelay(3, { rounds: 2 }), 3));
  });
});

describe('debate', () => {
  it('hears every agent in every round', () => {
    expect(order(createDebate({ rounds: 3 }), 2)).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  it('shows an agent its own last answer and those of the others, but no round before', () => {
    const spoken = [say(0, 0, 'a'), say(0, 1, 'b'), say(1, 0, 'c'), say(1, 1, 'd'), say(1, 2, 'e')];
    expect(createDebate({ rounds: 3 }).view(item, 1, spoken, undefined)).toEqual([
      user('1+1='),
      own(spoken[3]),
      user('c'),
      user('e'),
    ]);
    expect(createDebate().view(item, 1, [], undefined)).toEqual([user('1+1=')]);
  });

  it('counts only the votes of the last round', () => {
    const spoken = [say(0, 0, '5'), say(0, 1, '5'), say(1, 0, '2', -3), say(1, 1, '3', -4)];
    expect(createDebate().decide(spoken, answerOf)).toBe(spoken[2]);
  });
});

describe('router', () => {
  it('hears one agent per turn, one turn per agent unless told otherwise', () => {
    expect(order(createRouter(3), 3)).toEqual([[0], [1], [2]]);
    expect(order(createRouter(3, { turns: 1 }), 3)).toEqual([[0]]);
  });

  it('draws speakers that differ between transcripts and seeds but not between calls', () => {
    const speakers = (seed: number, text: string) => {
      const router = createRouter(4, { turns: 40, order: 'random', seed });
      const spoken = [{ ...say(0, 0, text), tokens: Int32Array.from(text, (c) => c.charCodeAt(0)) }];
      return Array.from({ length: 39 }, (_, i) => router.active(i + 1, spoken, 4)[0]);
    };
    expect(speakers(1, 'x')).toEqual(speakers(1, 'x'));
    expect(speakers(1, 'x')).not.toEqual(speakers(1, 'y'));
    expect(speakers(1, 'x')).not.toEqual(speakers(2, 'x'));
    expect(new Set(speakers(1, 'x'))).toEqual(new Set([0, 1, 2, 3]));
  });
});

describe('createProtocol', () => {
  it('creates every kind with its options', () => {
    expect(createProtocol({ kind: 'vote' }, 3).maxTurns).toBe(1);
    expect(createProtocol({ kind: 'parts' }, 3).maxTurns).toBe(1);
    expect(createProtocol({ kind: 'relay' }, 3).maxTurns).toBe(3);
    expect(createProtocol({ kind: 'relay', rounds: 2 }, 3).maxTurns).toBe(6);
    expect(createProtocol({ kind: 'debate' }, 3).maxTurns).toBe(2);
    expect(createProtocol({ kind: 'router' }, 3).maxTurns).toBe(3);
    expect(createProtocol({ kind: 'router', turns: 5, order: 'random' }, 3).maxTurns).toBe(5);
  });

  it('marks the protocols in which the message of an agent is an answer', () => {
    const answering = protocolNames.filter((kind) => createProtocol({ kind }, 3).agentsAnswer);
    expect(answering).toEqual(['vote', 'parts', 'debate']);
  });

  it('rejects an unknown kind', () => {
    for (const kind of ['votes', 'constructor'])
      expect(() => createProtocol({ kind } as unknown as ProtocolOptions, 3)).toThrow(
        `protocol.kind: expected one of vote, parts, relay, debate, router, got "${kind}"`,
      );
  });
});
