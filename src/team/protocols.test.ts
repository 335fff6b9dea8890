import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../engine/engine.ts';
import type { TaskItem } from '../task/task.ts';
import { createDebate } from './debate.ts';
import { createParts } from './parts.ts';
import { createProtocol, type ProtocolOptions, protocolNames } from './protocols.ts';
import { createRelay } from './relay.ts';
import { createRouter } from './router.ts';
import type { Protocol, ProtocolMessage } from './team.ts';
import { createVote } from './vote.ts';

const item: TaskItem = { id: 'train-0', prompt: '1+1=' };

function message(turn: number, agent: number, text: string, meanLogp = -1): ProtocolMessage {
  return { turn, agent, text, meanLogp, tokens: Int32Array.of(agent, turn) };
}

/** Returns the active agents of each turn if every agent's message is its own id. */
function order(protocol: Protocol, agents: number): (readonly number[])[] {
  const messages: ProtocolMessage[] = [];
  const turns: (readonly number[])[] = [];
  for (let turn = 0; ; turn++) {
    const active = protocol.active(turn, messages, agents);
    if (active.length === 0) return turns;
    turns.push(active);
    messages.push(...active.map((agent) => message(turn, agent, `${agent}`)));
  }
}

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const own = ({ text, tokens }: ProtocolMessage): ChatMessage => ({
  role: 'assistant',
  content: text,
  tokens,
});
const answerOf = (message: ProtocolMessage) => (message.text === '' ? undefined : message.text);

describe('vote', () => {
  it('activates every agent once; each sees only its instruction and the prompt', () => {
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
    const [a, b, c] = [message(0, 0, '2', -1), message(0, 1, '3', -5), message(0, 2, '3', -4)];
    expect(vote.decide([a, b, c], answerOf)).toBe(c);
    expect(vote.decide([a, b], answerOf)).toBe(a);
  });
});

describe('parts', () => {
  it('activates every agent once, without the messages of others, and joins the messages in order of id', () => {
    const parts = createParts();
    expect(order(parts, 3)).toEqual([[0, 1, 2]]);
    expect(parts.view(item, 1, [], undefined)).toEqual([user('1+1=')]);
    const decided = parts.decide(
      [message(0, 2, '7', -3), message(0, 0, '5', -1), message(0, 1, '', -2)],
      answerOf,
    );
    expect(decided).toMatchObject({ agent: 0, text: '5  7', meanLogp: -2 });
  });
});

describe('relay', () => {
  it('activates the agents in order of id in every round', () => {
    expect(order(createRelay(3), 3)).toEqual([[0], [1], [2]]);
    expect(order(createRelay(2, { rounds: 2 }), 2)).toEqual([[0], [1], [0], [1]]);
  });

  it('shows all earlier messages, with token ids for own messages only', () => {
    const relay = createRelay(2, { rounds: 2 });
    const messages = [message(0, 0, 'first'), message(1, 1, 'second')];
    expect(relay.view(item, 0, messages, undefined)).toEqual([
      user('1+1='),
      own(messages[0]),
      assistant('second'),
    ]);
    expect(relay.view(item, 1, messages, undefined)).toEqual([
      user('1+1='),
      assistant('first'),
      own(messages[1]),
    ]);
  });

  it('answers with the last message and ignores the content of the earlier ones', () => {
    const last = message(2, 2, '', -9);
    expect(createRelay(3).decide([message(0, 0, '2'), message(1, 1, '2'), last], answerOf)).toBe(last);
  });

  it('is the router in round-robin order', () => {
    expect(order(createRouter(3, { turns: 6 }), 3)).toEqual(order(createRelay(3, { rounds: 2 }), 3));
  });
});

describe('debate', () => {
  it('activates every agent in every round', () => {
    expect(order(createDebate({ rounds: 3 }), 2)).toEqual([
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
  });

  it('shows an agent its own answer and those of the others in the last round, but no earlier round', () => {
    const messages = [
      message(0, 0, 'a'),
      message(0, 1, 'b'),
      message(1, 0, 'c'),
      message(1, 1, 'd'),
      message(1, 2, 'e'),
    ];
    expect(createDebate({ rounds: 3 }).view(item, 1, messages, undefined)).toEqual([
      user('1+1='),
      own(messages[3]),
      user('c'),
      user('e'),
    ]);
    expect(createDebate().view(item, 1, [], undefined)).toEqual([user('1+1=')]);
  });

  it('counts only the votes of the last round', () => {
    const messages = [message(0, 0, '5'), message(0, 1, '5'), message(1, 0, '2', -3), message(1, 1, '3', -4)];
    expect(createDebate().decide(messages, answerOf)).toBe(messages[2]);
  });
});

describe('router', () => {
  it('activates one agent per turn, by default for one turn per agent', () => {
    expect(order(createRouter(3), 3)).toEqual([[0], [1], [2]]);
    expect(order(createRouter(3, { turns: 1 }), 3)).toEqual([[0]]);
  });

  it('draws agents that differ between transcripts and seeds but not between calls', () => {
    const drawn = (seed: number, text: string) => {
      const router = createRouter(4, { turns: 40, order: 'random', seed });
      const messages = [{ ...message(0, 0, text), tokens: Int32Array.from(text, (c) => c.charCodeAt(0)) }];
      return Array.from({ length: 39 }, (_, i) => router.active(i + 1, messages, 4)[0]);
    };
    expect(drawn(1, 'x')).toEqual(drawn(1, 'x'));
    expect(drawn(1, 'x')).not.toEqual(drawn(1, 'y'));
    expect(drawn(1, 'x')).not.toEqual(drawn(2, 'x'));
    expect(new Set(drawn(1, 'x'))).toEqual(new Set([0, 1, 2, 3]));
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
