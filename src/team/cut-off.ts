/**
 * Treatment of messages that were cut off: they reached the maximum length, or the end of the context window,
 * without an end token. A verifier may find an answer in an unfinished message that the agent did not give,
 * such as the last number of a calculation.
 * @module
 */
import type { TaskItem, Verdict } from '../task/task.ts';
import type { ProtocolMessage } from './team.ts';
import type { VerifierCache } from './verifier-cache.ts';

/**
 * `wrong`: a cut-off message is no answer. Its verdict is wrong with the lowest reward, it does not count in
 * votes, and an environment does not receive it: the episode ends. `judge`: the task judges its text like any
 * other. `mask`: as `judge`; in addition, training leaves the learner's cut-off messages out of the loss.
 */
export type TruncatedRule = 'wrong' | 'judge' | 'mask';

/** Returns whether a message was cut off. */
export function isCutOff({ finish }: Pick<ProtocolMessage, 'finish'>): boolean {
  return finish === 'length';
}

export function countCutOff(messages: readonly Pick<ProtocolMessage, 'finish'>[]): number {
  return messages.filter(isCutOff).length;
}

/** Returns whether a message counts as no answer under a rule, because it was cut off. */
export function isRejected(rule: TruncatedRule, message: Pick<ProtocolMessage, 'finish'>): boolean {
  return rule === 'wrong' && isCutOff(message);
}

/** Verdicts on the messages of an episode under a rule for cut-off messages. */
export class MessageJudge {
  readonly #verifier: VerifierCache;
  readonly #rule: TruncatedRule;

  constructor(verifier: VerifierCache, rule: TruncatedRule) {
    this.#verifier = verifier;
    this.#rule = rule;
  }

  /** Returns whether a message counts as no answer, because it was cut off. */
  isRejected(message: Pick<ProtocolMessage, 'finish'>): boolean {
    return isRejected(this.#rule, message);
  }

  verdict(item: TaskItem, message: ProtocolMessage): Verdict {
    return this.isRejected(message)
      ? this.#verifier.cutOffVerdict()
      : this.#verifier.verdict(item, message.text);
  }

  /** Returns the answer that votes count; undefined if the message has none. */
  answerOf(item: TaskItem): (message: ProtocolMessage) => string | undefined {
    return (message) => this.verdict(item, message).answer;
  }

  /** Returns the verdict on an interactive episode with the given moves. */
  episodeVerdict(
    item: TaskItem,
    lastStep: Parameters<VerifierCache['episodeVerdict']>[1],
    moves: readonly ProtocolMessage[],
  ): Verdict {
    return moves.some((move) => this.isRejected(move))
      ? this.#verifier.cutOffVerdict()
      : this.#verifier.episodeVerdict(item, lastStep);
  }
}
