import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../support/errors.ts';
import type { Protocol, ProtocolMessage } from '../../team/team.ts';
import { createLetterTask } from '../../train/testing/letter-task.ts';
import type { AgentText } from './agent-text.ts';
import { checkConversations } from './conversations.ts';

/** Agents whose template refuses contents that contain `refused`. */
function textsOf(refused: string): AgentText[] {
  const encodeChat = (messages: readonly { readonly content: string }[]) => {
    if (messages.some(({ content }) => content.includes(refused)))
      throw new ConfigError('the template refuses it');
    return new Int32Array(1);
  };
  const tokenizer = { encode: () => new Int32Array(1), encodeChat };
  return [0, 1].map((id) => ({ id, name: `a${id}`, tokenizer })) as unknown as AgentText[];
}

function check(changes: Partial<Protocol>, refused = 'nothing'): void {
  const protocol: Protocol = {
    name: 'mine',
    maxTurns: 3,
    decide: (messages) => messages[0] as ProtocolMessage,
    active: (turn: number) => [turn % 2],
    view: (_item, _agent, messages) => [{ role: 'user', content: `${messages.length} messages` }],
    ...changes,
  };
  checkConversations(textsOf(refused), {
    ...{ task: createLetterTask(), protocol, agents: 2 },
    problem: (agent, message) => new ConfigError(`agent ${agent}: ${message}`),
  });
}

const parse = (messages: readonly { readonly text: string }[]): void => {
  for (const { text } of messages) if (!text.startsWith('{')) throw new ConfigError(`no object: ${text}`);
};

describe('checkConversations', () => {
  it('reports a conversation that a template cannot express, with its agent and turn', () => {
    expect(() => check({}, '1 messages')).toThrow(
      'agent 1: the template refuses it (turn 2 of protocol mine)',
    );
    expect(() => check({})).not.toThrow();
  });

  it('accepts a protocol that parses messages and cannot parse placeholders', () => {
    expect(() =>
      check({
        view: (_, __, messages) => {
          parse(messages);
          return [{ role: 'user', content: 'x' }];
        },
      }),
    ).not.toThrow();
    expect(() =>
      check({
        active: (turn, messages) => {
          parse(messages);
          return [turn % 2];
        },
      }),
    ).not.toThrow();
  });

  it('checks the later turns of a protocol that cannot show one of them', () => {
    const view: Protocol['view'] = (_, agent, messages) => {
      if (agent === 1) parse(messages);
      return [{ role: 'user', content: `${messages.length} messages` }];
    };
    expect(() => check({ view }, '2 messages')).toThrow('agent 0: the template refuses it (turn 3');
  });

  it('passes on errors of a protocol without messages, with which training would end too', () => {
    const view: Protocol['view'] = () => {
      throw new Error('broken');
    };
    expect(() => check({ view })).toThrow('broken');
  });
});
