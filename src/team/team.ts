/**
 * A team: agents, and a protocol that defines which agents act at each turn and what their prompts contain
 * (E1, E2). There is no coordinator: a protocol is a fixed rule, never a model.
 * @see docs/algorithm.md for the equations (E1)
 * @module
 */
import type { ChatMessage, Model, Sequence } from '../engine/engine.ts';
import type { TaskItem, Verdict } from '../task/task.ts';
import type { PromptExample } from './examples.ts';

export interface Agent {
  /** Index 0..n-1 of the agent, as in the paper. */
  readonly id: number;
  readonly name: string;
  readonly model: Model;
  /** System message of this agent; absent: none. */
  readonly instruction?: string;
  /** Few-shot examples, as chat turns before the prompt; absent: none. */
  readonly examples?: readonly PromptExample[];
}

/** The fields of an agent's message that protocols use. */
export interface ProtocolMessage {
  readonly turn: number;
  readonly agent: number;
  readonly text: string;
  /** Sampled token ids, including the end token. */
  readonly tokens: Int32Array;
  /**
   * Mean log-probability per token under the sampler, nats; per character if the agents' vocabularies differ.
   * Breaks ties in votes.
   */
  readonly meanLogp: number;
  /**
   * `length`: the message was cut off, i.e. it has no end token. Absent: unknown. A protocol that joins
   * messages sets `length` if a part was cut off.
   */
  readonly finish?: 'stop' | 'length';
}

/**
 * One message of one agent within an episode. As a {@link Sequence} it is the unit of scoring and training: its
 * `tokens` contain only what this agent sampled (E2: no prompt, other agents' or padding tokens).
 */
export interface TeamMessage extends ProtocolMessage, Sequence {
  /** The agent's prompt as token ids of its own tokenizer. */
  readonly context: Int32Array;
  /**
   * Log-probability of each token under the sampler [T], nats. A diagnostic only: ratios use the trainer's
   * log-probabilities (E9).
   */
  readonly logpSampler: Float32Array;
  readonly finish: 'stop' | 'length';
}

/**
 * Reply of an interactive task's environment after a turn. It is part of prompts, never of an agent's tokens
 * (E2).
 */
export interface EnvironmentReply {
  readonly turn: number;
  readonly text: string;
}

/** One finished episode. */
export interface Trajectory {
  readonly item: TaskItem;
  /**
   * Group within which advantages are normalised (E20): position of the item in the batch, or the number that
   * the caller assigned.
   */
  readonly group: number;
  /** Number of the episode within its group of G episodes of one prompt, 0..G-1. */
  readonly sample: number;
  readonly messages: readonly TeamMessage[];
  /** Replies of the environment; absent if the task has none. */
  readonly replies?: readonly EnvironmentReply[];
  /** Verdict on the team's answer, or on the last environment step of an interactive task. */
  readonly verdict: Verdict;
  /** `meanLogp` of the message that is the team's answer, nats; breaks ties between episodes. */
  readonly meanLogp: number;
  /**
   * Verdict on each agent's own last message, by agent id. Undefined for agents without a message, and for
   * all agents of an interactive task, whose messages are moves and not answers. In an episode with `overflow`,
   * agents without a message have the verdict on the episode.
   */
  readonly agentVerdicts: readonly (Verdict | undefined)[];
  /** Team reward r(s, a): the same number for every agent, reward units. */
  readonly reward: number;
  /**
   * Present if the episode failed, because an agent's context left no room for its message. It then counts as wrong,
   * with the lowest reward.
   */
  readonly overflow?: Overflow;
}

/** The context of a message that an agent could not write. */
export interface Overflow {
  /** Id of the agent. */
  readonly agent: number;
  readonly turn: number;
  /** Length of the context, tokens. */
  readonly tokens: number;
}

/** Defines the active agents of each turn, their prompts, and the team's answer. */
export interface Protocol {
  readonly name: string;
  /** Maximum number of turns of an episode. */
  readonly maxTurns: number;
  /**
   * True if every message is a complete answer (vote, debate), so that verdicts on single agents may enter
   * the reward. Absent: a message may be one step towards the team's answer.
   */
  readonly agentsAnswer?: boolean;
  /**
   * True if the team's answer is the plurality of the answers of the last turn. Such a vote may stop as soon
   * as the missing ballots cannot change the result.
   */
  readonly votes?: boolean;
  /**
   * Returns the ids of the agents that are active at this turn, given the messages of earlier turns; empty if
   * the episode is over.
   *
   * @param agents - number of agents of the team
   */
  active(turn: number, messages: readonly ProtocolMessage[], agents: number): readonly number[];
  /** Returns the prompt of an active agent. Messages of the same turn are not in each other's prompts. */
  view(
    item: TaskItem,
    agent: number,
    messages: readonly ProtocolMessage[],
    instruction: string | undefined,
  ): readonly ChatMessage[];
  /**
   * Returns the message whose text is the team's answer. `answerOf` extracts the normalised answer that votes
   * count.
   */
  decide(
    messages: readonly ProtocolMessage[],
    answerOf: (message: ProtocolMessage) => string | undefined,
  ): ProtocolMessage;
  /** Rules for interactive tasks; absent: the protocol does not support them. */
  readonly moves?: Moves;
}

/**
 * Rules for interactive tasks. At each turn one message, the move, is passed to the environment, which
 * replies and decides when the episode is over. Prompts contain the item, the moves and the replies, but no
 * other messages.
 */
export interface Moves {
  /** Returns the ids of the agents that are active at this turn, at least one. */
  active(turn: number, messages: readonly ProtocolMessage[], agents: number): readonly number[];
  /** Selects the message of this turn that the environment receives. */
  choose(
    messages: readonly ProtocolMessage[],
    answerOf: (message: ProtocolMessage) => string | undefined,
  ): ProtocolMessage;
}

export interface Team {
  readonly agents: readonly Agent[];
  readonly protocol: Protocol;
}
