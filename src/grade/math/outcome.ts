/**
 * Results of comparisons, and the interface by which comparisons of compound answers compare their parts.
 * @module
 */
import type { Node } from './ast.ts';
import type { WorkBudget } from './work-budget.ts';

/** The result of a comparison of two answers. */
export interface Outcome {
  readonly same: boolean;
  /** The reason why the answers are the same, or the difference between them, as one clause. */
  readonly reason: string;
}

/**
 * Compares parts of answers. It is passed as an argument, so that comparisons of nested answers need no
 * import cycle.
 */
export interface Comparer {
  readonly work: WorkBudget;
  same(gold: Node, prediction: Node): Outcome;
}

export const same = (reason: string): Outcome => ({ same: true, reason });
export const different = (reason: string): Outcome => ({ same: false, reason });

/**
 * Returns the first outcome with `same`, or the last outcome if there is none. Expects at least one outcome.
 */
export function firstSame(outcomes: Iterable<Outcome>): Outcome {
  let last = different('nothing was compared');
  for (const outcome of outcomes) {
    if (outcome.same) return outcome;
    last = outcome;
  }
  return last;
}

/** Compares two lists item by item. The first difference decides the outcome. */
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
