/**
 * Divergence of a whole message and divergences of its tokens, on trees of messages that are small enough to
 * enumerate.
 * @see docs/algorithm.md, E8
 * @module
 */
import { checkLength } from '../check.ts';
import { logSoftmax, stateDivergence } from '../divergence.ts';

/** A policy over messages, as a tree: logits of the next token, and one subtree per token. */
export interface MessageTree {
  readonly logits: ArrayLike<number>;
  /** One subtree per token; absent if the message ends after this token. */
  readonly next?: readonly MessageTree[];
}

/** Result of {@link messageDivergence}. */
export interface MessageDivergence {
  /** KL(new‖old) of the whole message as one action, computed by enumeration, nats. */
  readonly klNewOld: number;
  /** KL(old‖new) of the whole message, nats. */
  readonly klOldNew: number;
  /** Total variation of the whole message, 0..1. */
  readonly tv: number;
  /**
   * Expected sum of the tokens' KLs, E_{x~new} Σ_u KL(new(.|x_<u)‖old(.|x_<u)) over the token positions u,
   * nats; equals `klNewOld`.
   */
  readonly tokenSum: number;
}

/**
 * Computes the divergences of whole messages, and the expected sum of the divergences of their tokens. By the
 * chain rule, KL_msg(new‖old) = E_{x~new} Σ_u KL(new(.|s, x_<u) ‖ old(.|s, x_<u))   (E8).
 *
 * The expectation is under the new policy, so the KL must have the direction KL(new‖old).
 *
 * @throws DomainError if the trees have different shapes
 */
export function messageDivergence(next: MessageTree, old: MessageTree): MessageDivergence {
  const logpNew: number[] = [];
  const logpOld: number[] = [];
  const visit = (a: MessageTree, b: MessageTree, before: readonly [number, number]): number => {
    const logpNew_V = logSoftmax(a.logits);
    const logpOld_V = logSoftmax(b.logits);
    checkLength('messageDivergence', 'tokens', logpNew_V.length, logpOld_V.length);
    checkLength('messageDivergence', 'subtrees', a.next?.length ?? 0, b.next?.length ?? 0);
    let sum = Math.exp(before[0]) * stateDivergence(logpNew_V, logpOld_V).klNewOld;
    logpNew_V.forEach((logp, v) => {
      const after = [before[0] + logp, before[1] + logpOld_V[v]] as const;
      if (a.next && b.next) sum += visit(a.next[v], b.next[v], after);
      else {
        logpNew.push(after[0]);
        logpOld.push(after[1]);
      }
    });
    return sum;
  };
  const tokenSum = visit(next, old, [0, 0]);
  return { ...stateDivergence(logpNew, logpOld), tokenSum };
}

/** Returns Pinsker's upper bound on the TV, sqrt(KL/2). The KL, in nats, may have either direction. */
export function pinsker(kl: number): number {
  return Math.sqrt(kl / 2);
}
