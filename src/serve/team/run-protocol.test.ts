import { expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { createProtocol, type ProtocolOptions } from '../../team/protocols.ts';
import type { ServedAgent } from '../agent/served-agent.ts';
import { troupeChoice } from '../api/troupe-field.ts';
import { runProtocol } from './run-protocol.ts';
import { type ServedTeam, textAnswer } from './served-team.ts';

const USAGE = { promptTokens: 1, completionTokens: 2 };

/** Creates an agent that always sends one message; a text that ends in `...` is cut off. */
function agentWith(text: string, id: number): ServedAgent {
  const finish = text.endsWith('...') ? 'length' : 'stop';
  return {
    name: `agent_${id}`,
    kind: 'endpoint',
    generate: async () => ({ text, finish, meanLogp: -1 - id, logprobs: [], usage: USAGE, attempts: 1 }),
    health: () => ({ ready: true, state: 'ready', running: 0, waiting: 0 }),
    close: async () => {},
  };
}

async function ask(
  texts: readonly string[],
  truncated: ServedTeam['truncated'],
  kind: ProtocolOptions['kind'] = 'vote',
) {
  const agents = texts.map(agentWith);
  const answer = await runProtocol(
    {
      ...{
        name: 'team',
        agents,
        protocol: createProtocol({ kind }, agents.length),
        minAgents: agents.length,
      },
      ...{ agentTimeoutMs: 5000, answerOf: textAnswer, truncated, isMixed: false, fingerprint: 'fp' },
      defaults: { temperature: 1, maxTokens: 8 },
    },
    {
      ...{ messages: [{ role: 'user', content: '1+1=' }], stream: randomStream(1), sample: 0, seeded: true },
      ...{ sampling: { temperature: 1, topP: 1, maxTokens: 8, stop: [] }, fairKey: 'client' },
      signal: new AbortController().signal,
    },
  );
  return { ...answer, choice: troupeChoice(answer) };
}

it('counts no ballot for a message that was cut off', async () => {
  const { text, finish, vote, choice } = await ask(['3...', '3...', '2'], 'wrong');
  expect({ text, finish }).toEqual({ text: '2', finish: 'stop' });
  expect(vote).toEqual({
    winner: '2',
    counts: [{ answer: '2', agents: ['agent_2'] }],
    withoutAnswer: ['agent_0', 'agent_1'],
  });
  expect(choice.agents.map(({ content, answer, cut_off }) => [content, answer, cut_off])).toEqual([
    ['3...', null, true],
    ['3...', null, true],
    ['2', '2', false],
  ]);
});

it.each(['judge', 'mask'] as const)('counts messages that were cut off under the rule %s', async (rule) => {
  const { vote, finish, choice } = await ask(['3...', '3...', '2'], rule);
  expect(vote?.winner).toBe('3...');
  expect(finish).toBe('length');
  expect(choice.agents.every(({ cut_off }) => !cut_off)).toBe(true);
});

it('answers without a winner if every message was cut off', async () => {
  const { text, finish, vote, choice } = await ask(['3...', '3...', '2...'], 'wrong');
  expect({ text, finish }).toEqual({ text: '3...', finish: 'length' });
  expect(vote).toEqual({ winner: undefined, counts: [], withoutAnswer: ['agent_0', 'agent_1', 'agent_2'] });
  expect(choice.vote?.winner).toBeNull();
});

it('marks a cut-off part of a joined answer', async () => {
  const { text, finish, choice } = await ask(['a', 'b...'], 'wrong', 'parts');
  expect({ text, finish }).toEqual({ text: 'a b...', finish: 'length' });
  expect(choice.agents.map(({ cut_off }) => cut_off)).toEqual([false, true]);
});
