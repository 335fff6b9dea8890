/**
 * A team: agents, and the protocol that says who acts when and sees what (E1, E2). There is no
 * coordinator: a protocol is a fixed rule, never a model.
 * @see docs/algorithm.md for the equations (E1)
 * @module
 */
import type { ChatMessage, Model } from '../engine/engine.ts';
import type { TaskItem, Verdict } from '../task/task.ts';

export interface Agent {
  /** 0..n-1, the id the paper uses. */
  readonly id: number;
  readonly name: string;
  readonly model: Model;
  /** System message of this agent; absent: none. */
  readonly instruction?: string;
}

/** One message of one agent within an episode. */
export interface TeamMessage {
  readonly turn: number;
  readonly agent: number;
  /** What the agent saw, in its own token ids. */
  readonly context: Int32Array;
  /** What it wrote, end token included (E2: never prompt, other agents' or padding tokens). */
  readonly tokens: Int32Array;
  /** The sampler's own logp [T]; a diagnostic only, ratios use the trainer's (E9). */
  readonly logpSampler: Float32Array;
  readonly text: string;
  readonly finish: 'stop' | 'length';
  /** Characters of the text, at least 1, where agents write in different tokens; absent: they share them. */
  readonly characters?: number;
}

/** What the environment of an interactive task said after a turn; nobody's own tokens (E2). */
export interface EnvironmentReply {
  readonly turn: number;
  readonly text: string;
}

/** One finished episode. */
export interface Trajectory {
  readonly item: TaskItem;
  /** The group of E20: position of the item in the batch, or the group it was given. */
  readonly group: number;
  /** 0..G-1 within the group. */
  readonly sample: number;
  readonly messages: readonly TeamMessage[];
  /** What the environment said; absent where the task has none. */
  readonly replies?: readonly EnvironmentReply[];
  /** Verdict on the team's answer, or on the last scene of an interactive task. */
  readonly verdict: Verdict;
  /** Mean sampler logp per token of the message that is the answer, nats; breaks ties between episodes. */
  readonly meanLogp: number;
  /**
   * Verdict on each agent's own last message; undefined where the agent never spoke, and for all agents of an
   * interactive task, whose messages are moves and not answers.
   */
  readonly agentVerdicts: readonly (Verdict | undefined)[];
  /** Team reward r(s, a): the same number for every agent, reward units. */
  readonly reward: number;
}

/** A message as a protocol sees it: text, speaker, mean logp for ties. */
export interface SpokenMessage {
  readonly turn: number;
  readonly agent: number;
  readonly text: string;
  readonly tokens: Int32Array;
  /** Mean sampler logp per token, or per character where agents write in different tokens, nats; breaks ties in votes. */
  readonly meanLogp: number;
}

/** Who acts when, what they see, and what the team's answer is. */
export interface Protocol {
  readonly name: string;
  /** Most turns an episode can have. */
  readonly maxTurns: number;
  /**
   * True where every message is an answer of its own (vote, debate), so that members' own verdicts may
   * enter the reward. Absent: a message may be one step towards the team's answer.
   */
  readonly agentsAnswer?: boolean;
  /**
   * True where the team's answer is the plurality of the answers of the last turn, so that a vote may stop
   * once the rest cannot change it.
   */
  readonly votes?: boolean;
  /** Agents active at this turn, given what was said before it; empty: the episode is over. */
  active(turn: number, spoken: readonly SpokenMessage[], agents: number): readonly number[];
  /** What an active agent sees. Messages of the same turn are invisible to each other. */
  view(
    item: TaskItem,
    agent: number,
    spoken: readonly SpokenMessage[],
    instruction: string | undefined,
  ): readonly ChatMessage[];
  /** Message whose text is the team's answer; `answerOf` gives the normalised answer to vote on. */
  decide(
    spoken: readonly SpokenMessage[],
    answerOf: (message: SpokenMessage) => string | undefined,
  ): SpokenMessage;
  /** How the team takes turns with the environment of an interactive task; absent: it cannot. */
  readonly moves?: Moves;
}

/**
 * One message per turn goes to the environment, which answers and says when the episode is over. Every agent
 * sees the prompt, those messages and the answers; a message that was not sent is seen by nobody.
 */
export interface Moves {
  /** Agents that speak at this turn, at least one. */
  active(turn: number, spoken: readonly SpokenMessage[], agents: number): readonly number[];
  /** Which of this turn's messages is sent. */
  choose(
    said: readonly SpokenMessage[],
    answerOf: (message: SpokenMessage) => string | undefined,
  ): SpokenMessage;
}

export interface Team {
  readonly agents: readonly Agent[];
  readonly protocol: Protocol;
}
