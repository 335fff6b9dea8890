/**
 * Checks that the chat templates of a team can express the conversations of its protocol.
 * @module
 */
import type { Tokenizer } from '../../engine/engine.ts';
import { ConfigError } from '../../support/errors.ts';
import type { Task, TaskItem } from '../../task/task.ts';
import { withExamples } from '../../team/examples.ts';
import type { Protocol, ProtocolMessage } from '../../team/team.ts';
import { exchangeTranscript } from '../../team/transcript.ts';
import type { AgentText } from './agent-text.ts';

/** Creates an error about the chat template of an agent. */
type TemplateProblem = (agent: number, message: string) => Error;

/** Number of turns whose conversations are checked; later ones have the same pattern of roles. */
const CHECKED_TURNS = 8;

/**
 * Encodes the conversations that the protocol creates, with a digit in place of every message.
 *
 * @throws ConfigError if an agent's chat template cannot express one of them
 */
export function checkConversations(
  texts: readonly AgentText[],
  {
    agents,
    task,
    protocol,
    problem,
  }: {
    /** Number of agents of the team. */
    readonly agents: number;
    readonly task: Task;
    readonly protocol: Protocol;
    /** Creates the error about an agent's template. */
    readonly problem: TemplateProblem;
  },
): void {
  const item = firstItem(task);
  if (item === undefined) return;
  if (task.environment !== undefined) {
    for (const text of texts)
      for (const exchanges of [0, 1, 2]) checkExchanges(text, { item, exchanges, problem });
    return;
  }
  const messages: ProtocolMessage[] = [];
  for (let turn = 0; turn < Math.min(protocol.maxTurns, CHECKED_TURNS); turn++) {
    const active = ofPlaceholders(messages, () => protocol.active(turn, messages, agents)) ?? [];
    if (active.length === 0) return;
    // a router may choose any agent at a turn
    for (const text of texts) {
      if (!active.includes(text.id) && protocol.name !== 'router') continue;
      const view = ofPlaceholders(messages, () => protocol.view(item, text.id, messages, text.instruction));
      if (view !== undefined)
        requireEncodable(text, {
          problem,
          view: withExamples(view, text.examples),
          where: `turn ${turn + 1} of protocol ${protocol.name}`,
        });
    }
    for (const agent of active) messages.push(placeholder(agent, turn, texts));
  }
}

/**
 * Calls a function of a protocol. Returns undefined if it throws because of placeholders in place of messages, e.g. a
 * user's protocol that parses messages; such a conversation is not checked.
 */
function ofPlaceholders<T>(messages: readonly ProtocolMessage[], call: () => T): T | undefined {
  if (messages.length === 0) return call(); // as in training
  try {
    return call();
  } catch {
    return undefined;
  }
}

function checkExchanges(
  text: AgentText,
  {
    item,
    exchanges,
    problem,
  }: { readonly item: TaskItem; readonly exchanges: number; readonly problem: TemplateProblem },
): void {
  const played = Array.from({ length: exchanges }, (_, turn) => ({
    sent: placeholder(text.id, turn, [text]),
    reply: '1',
  }));
  const { instruction, examples } = text;
  requireEncodable(text, {
    problem,
    view: withExamples(exchangeTranscript(item, text.id, { exchanges: played, instruction }), examples),
    where: `move ${exchanges + 1}`,
  });
}

interface CheckedView {
  readonly view: Parameters<Tokenizer['encodeChat']>[0];
  /** Names the conversation. */
  readonly where: string;
  readonly problem: TemplateProblem;
}

function requireEncodable({ id, tokenizer }: AgentText, { view, where, problem }: CheckedView): void {
  try {
    tokenizer.encodeChat(view);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw problem(id, error.code === 'TROUPE_CHAT_TEMPLATE' ? error.message : `${error.message} (${where})`);
  }
}

function placeholder(agent: number, turn: number, texts: readonly AgentText[]): ProtocolMessage {
  const tokens = texts.find(({ id }) => id === agent)?.tokenizer.encode('1') ?? new Int32Array();
  return { agent, turn, text: '1', tokens, meanLogp: 0 };
}

/** Returns the first item of the first split that has one. */
function firstItem(task: Task): TaskItem | undefined {
  for (const split of ['train', 'test', 'validation'] as const)
    if (task.size(split) !== 0) return task.item(split, 0);
  return undefined;
}
