/**
 * Sums over wide rows, e.g. over a vocabulary. The runtime's ReduceSum adds a row in a few float32 accumulators, so
 * that small terms are lost beside a large partial sum: log-normalizers of 262,144 real logits come out up to 1.2e-4
 * too small. Sums of blocks, which are then summed, are accurate to 3e-7 and take the same time.
 * @see Higham, "The accuracy of floating point summation", SIAM J. Sci. Comput. 14(4), 1993 (blocked summation)
 * @module
 */
import type { Graph, Value } from './graph.ts';

/** Number of elements of a block. Rows of at most this size are summed by one ReduceSum. */
export const ROW_BLOCK = 512;

/** Options of {@link rowSum}. */
export interface RowSumOptions {
  /** Whether the result keeps the summed axis with size 1. */
  readonly keepdims: boolean;
}

/**
 * Sums the last axis of a matrix [M, N], whose size N is known when the graph is built.
 *
 * @returns [M, 1], or [M] without `keepdims`
 */
export function rowSum(graph: Graph, matrix: Value, size: number, { keepdims }: RowSumOptions): Value {
  if (size <= ROW_BLOCK) return reduce(graph, matrix, keepdims);
  const rest = size % ROW_BLOCK;
  const columns = (from: number, to: number): Value =>
    graph.op('Slice', [matrix, graph.ints([from]), graph.ints([to]), graph.ints([-1])]);
  const whole = rest === 0 ? matrix : columns(0, size - rest);
  const sums = blockSums(graph, whole, graph.ints([0, -1, ROW_BLOCK]));
  if (rest === 0) return reduce(graph, sums, keepdims);
  const last = reduce(graph, columns(size - rest, size), true);
  return reduce(graph, graph.op('Concat', [sums, last], { attributes: { axis: -1 } }), keepdims);
}

/**
 * Sums the last axis of a matrix [M, N], whose size N is known only at run time.
 *
 * @param blocks - int64 [3]: the shape [0, -1, block], which {@link blockShape} returns for N
 * @returns [M, 1]
 */
export function rowSumInBlocks(graph: Graph, matrix: Value, blocks: Value): Value {
  return reduce(graph, blockSums(graph, matrix, blocks), true);
}

/**
 * Returns the shape that splits rows of N elements into blocks. N is at most {@link ROW_BLOCK}, or a multiple of it
 * ({@link blockAligned}).
 */
export function blockShape(size: number): BigInt64Array {
  return BigInt64Array.of(0n, -1n, BigInt(Math.min(size, ROW_BLOCK)));
}

/** Rounds a size down to a multiple of the block; sizes below a block are unchanged. */
export function blockAligned(size: number): number {
  return size < ROW_BLOCK ? size : size - (size % ROW_BLOCK);
}

function blockSums(graph: Graph, matrix: Value, shape: Value): Value {
  return reduce(graph, graph.op('Reshape', [matrix, shape]), false);
}

function reduce(graph: Graph, value: Value, keepdims: boolean): Value {
  return graph.op('ReduceSum', [value, graph.ints([-1])], { attributes: { keepdims: keepdims ? 1 : 0 } });
}
