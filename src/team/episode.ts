/**
 * An episode in progress: its messages so far and, for an interactive task, the state of the environment.
 * @module
 */
import type { ChatMessage } from '../engine/engine.ts';
import type { EnvironmentStep, TaskItem } from '../task/task.ts';
import { withExamples } from './examples.ts';
import type { Agent, EnvironmentReply, Overflow, Protocol, TeamMessage } from './team.ts';
import { type Exchange, exchangeTranscript } from './transcript.ts';

export interface Episode {
  readonly item: TaskItem;
  readonly group: number;
  readonly sample: number;
  readonly messages: TeamMessage[];
  /** State of the environment; present with an interactive task. */
  readonly play?: Play;
  /** Present if an agent's context left no room for its message. The episode is then over. */
  overflow?: Overflow;
}

/** State of the environment in an interactive episode. */
export interface Play {
  lastStep: EnvironmentStep;
  readonly exchanges: Exchange[];
}

/** Returns the prompt of an agent at the current turn. */
export function viewOf(protocol: Protocol, agent: Agent, episode: Episode): readonly ChatMessage[] {
  const { item, messages, play } = episode;
  const { id, instruction, examples } = agent;
  const view =
    play === undefined
      ? protocol.view(item, id, messages, instruction)
      : exchangeTranscript(item, id, { exchanges: play.exchanges, instruction });
  return withExamples(view, examples);
}

/** Returns the environment's replies so far. */
export function repliesOf({ exchanges }: Play): EnvironmentReply[] {
  return exchanges.flatMap(({ sent: { turn }, reply }) =>
    reply === undefined ? [] : [{ turn, text: reply }],
  );
}
