/**
 * Reverse-mode automatic differentiation over a {@link Graph}. Every differentiable operator records a backward rule;
 * `gradients` applies the rules in reverse order and emits their nodes into the same graph, so forward and backward
 * run as one graph.
 * @module
 */
import type { Graph, Value } from './graph.ts';

/**
 * Emits the nodes that compute d loss / d argument from d loss / d result. An undefined value means that
 * there is no gradient.
 */
export type BackwardRule = (gradients: readonly (Value | undefined)[]) => readonly (Value | undefined)[];

interface Entry {
  readonly results: readonly Value[];
  readonly args: readonly Value[];
  readonly backward: BackwardRule;
}

export class Tape {
  readonly graph: Graph;
  readonly #entries: Entry[] = [];
  readonly #accumulators = new Map<string, Value>();

  constructor(graph: Graph) {
    this.graph = graph;
  }

  /**
   * Makes the backward rule of a matrix add its gradient to a graph input (gradient accumulation inside the
   * matmul), which saves a pass over the gradient. Use it only for matrices that a single operator reads.
   */
  accumulateInto(matrix: Value, sum: Value): void {
    this.#accumulators.set(matrix.name, sum);
  }

  /** Returns the graph input to which the gradient of a matrix is added; undefined if there is none. */
  accumulatorOf(matrix: Value): Value | undefined {
    return this.#accumulators.get(matrix.name);
  }

  /** Records one differentiable operation. */
  record(results: readonly Value[], args: readonly Value[], backward: BackwardRule): void {
    this.#entries.push({ results, args, backward });
  }

  /**
   * Emits the backward pass.
   *
   * @param seeds - d loss / d value for the values that the loss depends on directly
   * @param wrt - values to differentiate with respect to
   * @returns gradients in the order of `wrt`
   * @throws RangeError if the loss does not depend on a value of `wrt`
   */
  gradients(seeds: ReadonlyMap<Value, Value>, wrt: readonly Value[]): readonly Value[] {
    const parts = new Map<string, Value[]>();
    for (const [value, gradient] of seeds) parts.set(value.name, [gradient]);
    const take = (value: Value): Value | undefined => {
      const list = parts.get(value.name);
      if (!list) return undefined;
      const total = list.length === 1 ? (list[0] as Value) : this.graph.op('Sum', list);
      parts.set(value.name, [total]);
      return total;
    };
    for (let i = this.#entries.length - 1; i >= 0; i--) {
      const entry = this.#entries[i] as Entry;
      const incoming = entry.results.map(take);
      if (incoming.every((gradient) => gradient === undefined)) continue;
      entry.backward(incoming).forEach((gradient, k) => {
        if (!gradient) return;
        const name = (entry.args[k] as Value).name;
        const list = parts.get(name);
        if (list) list.push(gradient);
        else parts.set(name, [gradient]);
      });
    }
    return wrt.map((value) => {
      const gradient = take(value);
      if (!gradient) throw new RangeError(`tape: the loss does not depend on "${value.name}"`);
      return gradient;
    });
  }
}
