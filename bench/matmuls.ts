/**
 * Plain matmuls of given shapes in the engine's runtime, as an upper bound of the engine's speed. All matmuls
 * of a set run in one graph. The graph outputs only one element of each result, because copying results to
 * JavaScript is not part of a matmul.
 * @module
 */
import { randomStream } from '../src/core/rng.ts';
import { Graph } from '../src/engine/onnx/graph/graph.ts';
import type { Runtime, Session, Tensor } from '../src/engine/onnx/graph/runtime.ts';

export interface MatmulShape {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transA?: boolean;
  readonly transB?: boolean;
  /** Number of matmuls of this shape. */
  readonly count: number;
}

export class MatmulSet {
  /** Floating-point operations of one run of the set. */
  readonly flops: number;
  readonly #session: Session;
  readonly #feeds: Readonly<Record<string, Tensor>>;

  private constructor(session: Session, feeds: Readonly<Record<string, Tensor>>, flops: number) {
    this.#session = session;
    this.#feeds = feeds;
    this.flops = flops;
  }

  static async open(runtime: Runtime, shapes: readonly MatmulShape[]): Promise<MatmulSet> {
    const graph = new Graph();
    const feeds: Record<string, Tensor> = {};
    let flops = 0;
    shapes.forEach((shape, s) => {
      for (let i = 0; i < shape.count; i++) {
        // every matmul has its own operands, because the runtime would compute equal matmuls only once
        const name = `${s}_${i}`;
        feeds[`a${name}`] = runtime.float32(noise(size(shape.a)), shape.a);
        feeds[`b${name}`] = runtime.float32(noise(size(shape.b)), shape.b);
        const product = graph.op(
          'FusedMatMul',
          [graph.input(`a${name}`, shape.a), graph.input(`b${name}`, shape.b)],
          {
            domain: 'com.microsoft',
            attributes: { transA: shape.transA ? 1 : 0, transB: shape.transB ? 1 : 0 },
          },
        );
        const flat = graph.op('Reshape', [product, graph.ints([-1])]);
        graph.output(graph.op('Gather', [flat, graph.ints([0])], { attributes: { axis: 0 } }), `y${name}`);
        flops += productFlops(shape);
      }
    });
    return new MatmulSet(await runtime.session(graph.build('matmuls')), feeds, flops);
  }

  /** Runs the set once. @returns milliseconds */
  async run(): Promise<number> {
    const start = performance.now();
    await this.#session.run(this.#feeds);
    return performance.now() - start;
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function productFlops(shape: MatmulShape): number {
  const [rows, inner] = lastTwo(shape.a, shape.transA);
  const [, columns] = lastTwo(shape.b, shape.transB);
  return 2 * size(shape.a.slice(0, -2)) * rows * inner * columns;
}

function lastTwo(shape: readonly number[], transposed = false): [number, number] {
  const [rows, columns] = [shape.at(-2)!, shape.at(-1)!];
  return transposed ? [columns, rows] : [rows, columns];
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

let seed = 0;
function noise(length: number): Float32Array {
  const stream = randomStream(9, seed++);
  return Float32Array.from({ length }, () => stream.uniform() - 0.5);
}
