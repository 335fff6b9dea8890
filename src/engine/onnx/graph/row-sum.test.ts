import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import { Graph, type Value } from './graph.ts';
import { logSoftmax } from './ops.ts';
import { blockAligned, blockShape, ROW_BLOCK, rowSum, rowSumInBlocks } from './row-sum.ts';
import { floatData, Runtime, type Session, type Tensor } from './runtime.ts';
import { Tape } from './tape.ts';

const runtime = await Runtime.open({ threads: 1, spinning: false });
const opened: Session[] = [];
afterAll(async () => {
  for (const session of opened) await session.release();
});

async function run(
  build: (graph: Graph, x: Value) => Value,
  feeds: Readonly<Record<string, Tensor>>,
): Promise<Float32Array> {
  const graph = new Graph();
  graph.output(build(graph, graph.input('x', ['M', 'N'])), 'y');
  const session = await runtime.session(graph.build('test'));
  opened.push(session);
  return floatData((await session.run(feeds)).y);
}

/**
 * Logits with the shape of real ones: a few tokens have almost all probability, and the tail of the vocabulary, which
 * is 15 to 25 nats below, has a few per mille in total.
 */
function logits(rows: number, size: number): Float32Array {
  const stream = randomStream(11);
  const z = Float32Array.from({ length: rows * size }, () => 2 * stream.normal() - 20);
  for (let m = 0; m < rows; m++)
    for (let t = 0; t < 5; t++) z[m * size + Math.floor(stream.uniform() * size)] = stream.normal();
  return z;
}

/** Returns log sum exp of each row, in float64. */
function logNormalizers(z: Float32Array, size: number): number[] {
  return Array.from({ length: z.length / size }, (_, m) => {
    const row = z.subarray(m * size, (m + 1) * size);
    const max = row.reduce((most, value) => Math.max(most, value), -Infinity);
    return max + Math.log(row.reduce((sum, value) => sum + Math.exp(value - max), 0));
  });
}

describe.each([262_144, 151_936, 50_257, ROW_BLOCK + 1, ROW_BLOCK, 7])('over %i columns', (size) => {
  const rows = 4;
  const z = logits(rows, size);
  const tensor = runtime.float32(z, [rows, size]);

  it('log-softmax is normalized to float32 rounding', async () => {
    const y = await run((graph, x) => logSoftmax(new Tape(graph), x, graph.scalar(1), size), { x: tensor });
    for (const [m, exact] of logNormalizers(z, size).entries()) {
      const row = y.subarray(m * size, (m + 1) * size);
      const bias = row.reduce((sum, value, v) => sum + (value - (z[m * size + v] as number)), 0) / size;
      expect(Math.abs(bias + exact)).toBeLessThan(3e-6);
    }
  });

  it('sums without a dependence on the size of the remainder', async () => {
    const values = z.map((value) => Math.exp(value));
    const exact = Array.from({ length: rows }, (_, m) =>
      values.subarray(m * size, (m + 1) * size).reduce((sum, value) => sum + value, 0),
    );
    const x = runtime.float32(values, [rows, size]);
    const sums = [await run((graph, value) => rowSum(graph, value, size, { keepdims: false }), { x })];
    if (blockAligned(size) === size) {
      const blocks = runtime.int64(blockShape(size), [3]);
      const feeds = { x, blocks };
      sums.push(
        await run((graph, value) => rowSumInBlocks(graph, value, graph.input('blocks', [3], 'int64')), feeds),
      );
    }
    for (const sum of sums)
      exact.forEach((value, m) => {
        expect(Math.abs((sum[m] as number) / value - 1)).toBeLessThan(1e-6);
      });
  });
});
