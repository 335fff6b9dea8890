/**
 * Runs the team's protocol on one question. The agents of a turn run concurrently. The protocol continues if
 * an agent fails, and cancels agents that cannot change a decided vote. The protocol itself (active agents,
 * prompts, final answer) is implemented in `src/team`, and the same code is used in training.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { VoteStop } from '../../core/vote-stop.ts';
import type { ChatMessage } from '../../engine/engine.ts';
import type { TaskItem } from '../../task/task.ts';
import { isRejected } from '../../team/cut-off.ts';
import { exampleMessages } from '../../team/examples.ts';
import type { ProtocolMessage } from '../../team/team.ts';
import type { AgentMessage, Prompt, SamplingParams, ServedAgent } from '../agent/served-agent.ts';
import { runAgentTurn } from './agent-turn.ts';
import type { ServedTeam } from './served-team.ts';
import {
  type AgentTurn,
  type AnsweredTurn,
  type TeamAnswer,
  type TeamEvent,
  TeamUnavailableError,
} from './team-answer.ts';
import { countVote, joinedAnswer, savedTokens } from './vote-summary.ts';

export interface Question {
  /** The conversation; the last message is the user's. */
  readonly messages: readonly ChatMessage[];
  /** A raw prompt that replaces the messages; only for a team with a single active agent. */
  readonly raw?: Prompt;
  readonly sampling: SamplingParams;
  /**
   * Random stream of the question. Each message is sampled with its child stream (agent, 0, sample, turn), as
   * in `rollout`.
   */
  readonly stream: RandomStream;
  /** Index of the choice within its request: 0, 1, ... */
  readonly sample: number;
  /** Whether the client set a seed. */
  readonly seeded: boolean;
  readonly fairKey: string;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: TeamEvent) => void;
  /**
   * Which messages are streamed: those of all agents, or only the team's answer (default). An agent does not
   * retry a message of which a part was streamed.
   */
  readonly deltas?: 'all' | 'answer';
}

/** Abort reason for agents that are cancelled because the vote is decided without them. */
const DECIDED = new Error('the vote was decided without this agent');

/**
 * @throws TeamUnavailableError if fewer than `minAgents` agents answered
 * @throws the signal's reason if it aborts
 */
export async function runProtocol(team: ServedTeam, question: Question): Promise<TeamAnswer> {
  return new ProtocolRun(team, question).run();
}

class ProtocolRun {
  readonly #team: ServedTeam;
  readonly #question: Question;
  /** The question as a task item, the input type of protocols. */
  readonly #item: TaskItem;
  /** Earlier messages of the conversation. The prompt of every agent contains them. */
  readonly #history: readonly ChatMessage[];
  /** System message of the request. */
  readonly #system: string | undefined;
  /** All turns, in the order in which they ended. */
  readonly #turns: AgentTurn[] = [];
  /**
   * Messages of earlier turns as the protocol sees them, each with its turn. Sorted by turn, then by agent.
   */
  readonly #earlierMessages = new Map<ProtocolMessage, AnsweredTurn>();
  /** Number of ballots after which the vote was decided; undefined while it is undecided. */
  #decidedAfter: number | undefined;
  /** Cache from a message's text to its extracted answer, because verifiers may be slow. */
  readonly #answers = new Map<string, string | undefined>();

  constructor(team: ServedTeam, question: Question) {
    this.#team = team;
    this.#question = question;
    const messages = [...question.messages];
    const prompt = messages.pop() as ChatMessage; // a question has at least the user's message
    this.#item = { id: 'question', prompt: prompt.content };
    const firstOther = messages.findIndex(({ role }) => role !== 'system');
    const leading = messages.slice(0, firstOther < 0 ? messages.length : firstOther);
    this.#system = leading.length === 0 ? undefined : leading.map(({ content }) => content).join('\n\n');
    this.#history = messages.slice(leading.length);
  }

  async run(): Promise<TeamAnswer> {
    const { protocol, agents } = this.#team;
    for (let turn = 0; turn < protocol.maxTurns; turn++) {
      const active = protocol.active(turn, [...this.#earlierMessages.keys()], agents.length);
      if (active.length === 0) break;
      await this.#runTurn(turn, active);
    }
    this.#requireEnoughAgents();
    return this.#answer();
  }

  /** Runs the active agents concurrently. No agent sees another agent's message of this turn. */
  async #runTurn(turn: number, active: readonly number[]): Promise<void> {
    const { protocol } = this.#team;
    const isLast = turn === protocol.maxTurns - 1;
    const vote =
      protocol.votes && isLast ? new VoteStop({ ballots: active.length, rule: 'exact' }) : undefined;
    // if the last turn has a single agent, its message is the team's answer, so it can be streamed
    const isAnswer = isLast && active.length === 1 && protocol.agentsAnswer !== true;
    const decided = new AbortController();
    const ended = await Promise.all(
      active.map(async (id) => {
        const record = await this.#runAgent(id, { turn, isAnswer, decided: decided.signal });
        this.#turns.push(record);
        this.#question.onEvent?.({ kind: 'agent_end', turn: record });
        if (vote === undefined || record.status === 'cancelled') return record;
        vote.add(record.status === 'answered' ? record.answer : undefined);
        if (vote.isDecided && this.#decidedAfter === undefined) {
          this.#decidedAfter = vote.seen;
          decided.abort(DECIDED);
        }
        return record;
      }),
    );
    this.#question.signal.throwIfAborted();
    for (const record of ended)
      if (record.status === 'answered') this.#earlierMessages.set(this.#protocolMessage(record), record);
  }

  #runAgent(
    id: number,
    {
      turn,
      isAnswer,
      decided,
    }: { readonly turn: number; readonly isAnswer: boolean; readonly decided: AbortSignal },
  ): Promise<AgentTurn> {
    const { raw, sampling, stream, sample, seeded, fairKey, signal, onEvent, deltas } = this.#question;
    const agent = this.#team.agents[id] as ServedAgent; // protocols return only ids of agents of the team
    const streamsAgents = deltas === 'all';
    onEvent?.({ kind: 'agent_start', turn, agent: id });
    return runAgentTurn(agent, {
      turn,
      id,
      decided,
      timeoutMs: this.#team.agentTimeoutMs,
      answerOf: (message) => this.#answerOf(message),
      isRejected: (message) => isRejected(this.#team.truncated, message),
      request: {
        prompt: raw ?? { kind: 'chat', messages: this.#promptOf(agent, id) },
        sampling,
        stream: stream.child(id, 0, sample, turn),
        seeded,
        fairKey,
        signal,
        ...(onEvent && (isAnswer || streamsAgents)
          ? {
              onDelta: (delta): void => {
                if (streamsAgents) onEvent({ kind: 'agent_delta', turn, agent: id, delta });
                if (isAnswer) onEvent({ kind: 'answer_delta', delta });
              },
            }
          : {}),
      },
    });
  }

  /** Converts an agent's message to the message type of protocols. */
  #protocolMessage({ turn, agent, message }: AnsweredTurn): ProtocolMessage {
    return {
      turn,
      agent,
      text: message.text,
      finish: message.finish,
      // a router derives random turns from earlier tokens; characters replace token ids if these are unknown
      tokens: message.tokens ?? Int32Array.from(message.text, (letter) => letter.codePointAt(0) as number),
      meanLogp: this.#team.isMixed ? meanLogpPerCharacter(message) : message.meanLogp,
    };
  }

  /**
   * Builds an agent's prompt: system messages of the agent and of the request, the conversation, the
   * protocol's messages.
   */
  #promptOf(agent: ServedAgent, id: number): ChatMessage[] {
    const system = [agent.instruction, this.#system].filter((text) => text !== undefined).join('\n\n');
    const earlier = [...this.#earlierMessages.keys()];
    const view = this.#team.protocol.view(this.#item, id, earlier, undefined).map((message) => {
      if (!message.tokens) return message;
      const own = [...this.#earlierMessages.values()].find(
        (turn) => turn.agent === id && turn.message.text === message.content,
      );
      // removes `tokens` if they are characters in place of unknown token ids (see `#protocolMessage`)
      return own?.message.tokens === undefined ? { role: message.role, content: message.content } : message;
    });
    return [
      ...(system === '' ? [] : [{ role: 'system' as const, content: system }]),
      ...exampleMessages(agent.examples ?? []),
      ...this.#history,
      ...view,
    ];
  }

  /** Returns the answer that the vote counts; undefined if the message has none or was cut off. */
  #answerOf(message: Pick<ProtocolMessage, 'text' | 'finish'>): string | undefined {
    if (isRejected(this.#team.truncated, message)) return undefined;
    const { text } = message;
    if (!this.#answers.has(text)) this.#answers.set(text, this.#team.answerOf(text));
    return this.#answers.get(text);
  }

  #requireEnoughAgents(): void {
    const { protocol, minAgents } = this.#team;
    const last = protocol.maxTurns - 1;
    const answers = [...this.#earlierMessages.values()].filter(
      ({ turn }) => !protocol.votes || turn === last,
    );
    const answered = new Set(answers.map(({ agent }) => agent)).size;
    const cancelled = this.#turns.filter(({ status }) => status === 'cancelled').length;
    const needed = Math.max(1, minAgents);
    if (answered === 0 || answered + cancelled < needed)
      throw new TeamUnavailableError(this.#turns, { needed, answered });
  }

  #answer(): TeamAnswer {
    const { protocol } = this.#team;
    const decided = protocol.decide([...this.#earlierMessages.keys()], (message) => this.#answerOf(message));
    const lastTurn = this.#turns.filter(({ turn }) => turn === protocol.maxTurns - 1);
    const vote = protocol.votes ? countVote(lastTurn, this.#answerOf(decided)) : undefined;
    const cancelled = lastTurn.filter(({ status }) => status === 'cancelled');
    return {
      text: decided.text,
      ...this.#decidedMessage(decided),
      turns: this.#turns.sort((a, b) => a.turn - b.turn || a.agent - b.agent),
      ...(vote === undefined ? {} : { vote }),
      ...(cancelled.length === 0
        ? {}
        : {
            earlyStop: {
              decidedAfter: this.#decidedAfter as number, // agents are cancelled by nothing else
              cancelled: cancelled.map(({ name }) => name),
              tokensSavedEstimate: savedTokens(lastTurn),
            },
          }),
      isDegraded: this.#turns.some(({ status }) => status === 'failed'),
    };
  }

  /**
   * Returns finish reason and log-probabilities of the answer: those of the agent's message that the protocol
   * chose, or of all messages that the protocol joined.
   */
  #decidedMessage(decided: ProtocolMessage): Pick<TeamAnswer, 'finish' | 'logprobs'> {
    const single = this.#earlierMessages.get(decided)?.message;
    if (single === undefined)
      return joinedAnswer(
        decided.text,
        [...this.#earlierMessages.values()].filter(({ turn }) => turn === decided.turn),
      );
    const { finish, logprobs } = single;
    return { finish, ...(logprobs.length > 0 ? { logprobs } : {}) };
  }
}

/**
 * Mean log-probability per character, nats. Unlike the mean per token, it is comparable between vocabularies.
 */
function meanLogpPerCharacter({ meanLogp, usage, text }: AgentMessage): number {
  return (meanLogp * usage.completionTokens) / Math.max(1, text.length);
}
