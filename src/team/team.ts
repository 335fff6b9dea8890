/**
 * A team: agents, and a protocol that defines which agents act at each turn and what their prompts contain
 * (E1, E2). There is no coordinator: a protocol is a fixed rule, never a model.
 * @see docs/algorithm.md for the equations (E1)
 * @module
 */
import type { ChatMessage, Model, Sequence } from '../engine/engine.ts';
import type { TaskItem, Verdict } from '../task/task.ts';

export interface Agent {
  /** 0..n-1, the id the paper uses. */
  readonly id: number;
  readonly name: string;
  readonly model: Model;
  /** System message of this agent; absent: none. */
  readonly instruction?: string;
}

/** The part of an agent's message that protocols use. */
export interface ProtocolMessage {
  readonly turn: number;
  readonly agent: number;
  readonly text: string;
  /** Sampled token ids, including the end token. */
  readonly tokens: Int32Array;
  /** Mean sampler logp per token, or per character if the agents' vocabularies differ, nats; breaks ties in votes. */
  readonly meanLogp: number;
}

/**
 * One message of one agent within an episode. As a {@link Sequence} it is the unit of scoring and training: its
 * `tokens` contain only what this agent sampled (E2: no prompt, other agents' or padding tokens).
 */
export interface TeamMessage extends ProtocolMessage, Sequence {
  /** The agent's prompt, in its own token ids. */
  readonly context: Int32Array;
  /** The sampler's logp of each token [T], nats; a diagnostic only, ratios use the trainer's (E9). */
  readonly logpSampler: Float32Array;
  readonly finish: 'stop' | 'length';
}

/** Observation of an interactive task's environment after a turn; part of prompts, never of an agent's tokens (E2). */
export interface EnvironmentReply {
  readonly turn: number;
  readonly text: string;
}

/** One finished episode. */
export interface Trajectory {
  readonly item: TaskItem;
  /** The group of E20: position of the item in the batch, or the group that the caller assigned. */
  readonly group: number;
  /** 0..G-1 within the group. */
  readonly sample: number;
  readonly messages: readonly TeamMessage[];
  /** Replies of the environment; absent if the task has none. */
  readonly replies?: readonly EnvironmentReply[];
  /** Verdict on the team's answer, or on the last environment step of an interactive task. */
  readonly verdict: Verdict;
  /** `meanLogp` of the message that is the answer, nats; breaks ties between episodes. */
  readonly meanLogp: number;
  /**
   * Verdict on each agent's own last message; undefined for agents without a message, and for all agents of an
   * interactive task, whose messages are moves and not answers.
   */
  readonly agentVerdicts: readonly (Verdict | undefined)[];
  /** Team reward r(s, a): the same number for every agent, reward units. */
  readonly reward: number;
}

/** Defines the active agents of each turn, their prompts, and the team's answer. */
export interface Protocol {
  readonly name: string;
  /** Maximum number of turns of an episode. */
  readonly maxTurns: number;
  /**
   * True if every message is an answer of its own (vote, debate), so that verdicts on single agents may enter the
   * reward. Absent: a message may be one step towards the team's answer.
   */
  readonly agentsAnswer?: boolean;
  /**
   * True if the team's answer is the plurality of the answers of the last turn, so that a vote may stop as soon as
   * the missing ballots cannot change it.
   */
  readonly votes?: boolean;
  /** Agents active at this turn, given the messages of earlier turns; empty: the episode is over. */
  active(turn: number, messages: readonly ProtocolMessage[], agents: number): readonly number[];
  /** Prompt of an active agent. Messages of the same turn are invisible to each other. */
  view(
    item: TaskItem,
    agent: number,
    messages: readonly ProtocolMessage[],
    instruction: string | undefined,
  ): readonly ChatMessage[];
  /** The message whose text is the team's answer; `answerOf` extracts the normalised answer that votes count. */
  decide(
    messages: readonly ProtocolMessage[],
    answerOf: (message: ProtocolMessage) => string | undefined,
  ): ProtocolMessage;
  /** Rules for interactive tasks; absent: the protocol does not support them. */
  readonly moves?: Moves;
}

/**
 * Rules for interactive tasks. One message per turn, the move, goes to the environment, which replies and decides
 * when the episode is over. Prompts contain the item, the moves and the replies; other messages are invisible.
 */
export interface Moves {
  /** Agents active at this turn, at least one. */
  active(turn: number, messages: readonly ProtocolMessage[], agents: number): readonly number[];
  /** Selects the move among the messages of this turn. */
  choose(
    messages: readonly ProtocolMessage[],
    answerOf: (message: ProtocolMessage) => string | undefined,
  ): ProtocolMessage;
}

export interface Team {
  readonly agents: readonly Agent[];
  readonly protocol: Protocol;
}
