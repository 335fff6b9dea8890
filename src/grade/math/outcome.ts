/**
 * What a comparison found, and what comparators of compound answers need from the one above them.
 * @module
 */
import type { Node } from './ast.ts';
import type { Work } from './work.ts';

export interface Outcome {
  readonly same: boolean;
  /** One clause: by what they are the same, or what differs. */
  readonly reason: string;
}

/** Compares parts of answers; handed down, so that lists of sets of pairs need no circle of imports. */
export interface Comparer {
  readonly work: Work;
  same(gold: Node, prediction: Node): Outcome;
}

export const same = (reason: string): Outcome => ({ same: true, reason });
export const different = (reason: string): Outcome => ({ same: false, reason });

/** The first outcome that says same; else the last. At least one is given. */
export function firstSame(outcomes: Iterable<Outcome>): Outcome {
  let last = different('nothing was compared');
  for (const outcome of outcomes) {
    if (outcome.same) return outcome;
    last = outcome;
  }
  return last;
}

/** Item by item in order; the first difference decides. */
export function allSame(
  golds: readonly Node[],
  predictions: readonly Node[],
  comparer: Comparer,
  reason: string,
): Outcome {
  if (golds.length !== predictions.length)
    return different(`expected ${golds.length} items, got ${predictions.length}`);
  for (const [i, gold] of golds.entries()) {
    const outcome = comparer.same(gold, predictions[i]);
    if (!outcome.same)
      return different(golds.length > 1 ? `item ${i + 1}: ${outcome.reason}` : outcome.reason);
  }
  return same(reason);
}
