/**
 * An episode under way: what was said so far and, with an interactive task, how things stand.
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';
import type { EnvironmentStep, TaskItem } from '../task/task.ts';
import type { Agent, EnvironmentReply, Protocol, SpokenMessage, TeamMessage } from './team.ts';
import { type Exchange, exchangeTranscript } from './transcript.ts';

export interface Episode {
  readonly item: TaskItem;
  readonly group: number;
  readonly sample: number;
  readonly spoken: SpokenMessage[];
  readonly messages: TeamMessage[];
  /** Present with an interactive task. */
  readonly play?: Play;
}

/** The part of an episode that the environment has a say in. */
export interface Play {
  scene: EnvironmentStep;
  readonly exchanges: Exchange[];
  readonly replies: EnvironmentReply[];
}

/** What an agent sees before it speaks. */
export function viewOf(protocol: Protocol, agent: Agent, episode: Episode): readonly ChatMessage[] {
  const { item, spoken, play } = episode;
  const { id, instruction } = agent;
  return play === undefined
    ? protocol.view(item, id, spoken, instruction)
    : exchangeTranscript(item, id, { exchanges: play.exchanges, instruction });
}
