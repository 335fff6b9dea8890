import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../../core/rng.ts';
import { ropeTables } from '../decoder/rope.ts';
import { Graph, type Value } from './graph.ts';
import * as ops from './ops.ts';
import { floatData, Runtime, type Session, type Tensor } from './runtime.ts';
import { Tape } from './tape.ts';

/**
 * An argument of an operator: a constant if `values` is given, else an argument whose gradient is checked.
 */
interface Argument {
  readonly name: string;
  readonly shape: readonly number[];
  /** Values of a constant argument. Absent: random values. */
  readonly values?: Float32Array | BigInt64Array;
}

interface Case {
  readonly name: string;
  readonly args: readonly Argument[];
  readonly build: (tape: Tape, values: readonly Value[]) => readonly Value[];
}

const ints = (...values: number[]) => BigInt64Array.from(values, BigInt);
const rope = ropeTables(7, { headDim: 6, theta: 10000 });
const ropeArgs: Argument[] = [
  { name: 'cos', shape: [7, 3], values: rope.cos },
  { name: 'sin', shape: [7, 3], values: rope.sin },
  { name: 'sinNegative', shape: [7, 3], values: rope.sinNegative },
];

/** Causal mask for g = 2 query heads per key head, T = 5. */
const mask = new Float32Array(10 * 5);
for (let row = 0; row < 10; row++) mask.fill(-1e30, row * 5 + (row % 5) + 1, (row + 1) * 5);

const cases: Case[] = [
  {
    name: 'embedding, with repeated ids',
    args: [
      { name: 'table', shape: [5, 3] },
      { name: 'ids', shape: [2, 3], values: ints(4, 1, 1, 0, 4, 4) },
    ],
    build: (tape, [table, ids]) => [ops.embedding(tape, table!, ids!, 5, 3)],
  },
  {
    name: 'linear',
    args: [
      { name: 'x', shape: [3, 5, 7] },
      { name: 'w', shape: [11, 7] },
    ],
    build: (tape, [x, w]) => [ops.linear(tape, x!, w!, { in: 7, out: 11 })],
  },
  {
    name: 'add, of a value with itself',
    args: [{ name: 'x', shape: [3, 5] }],
    build: (tape, [x]) => [ops.add(tape, x!, x!)],
  },
  {
    name: 'rmsNorm over rows',
    args: [
      { name: 'x', shape: [3, 5, 7] },
      { name: 'w', shape: [7] },
    ],
    build: (tape, [x, w]) => [ops.rmsNorm(tape, x!, w!, { width: 7, epsilon: 1e-6 })],
  },
  {
    name: 'rmsNorm per head',
    args: [
      { name: 'x', shape: [2, 3, 5, 6] },
      { name: 'w', shape: [6] },
    ],
    build: (tape, [x, w]) => [ops.rmsNorm(tape, x!, w!, { width: 6, epsilon: 1e-6 })],
  },
  {
    name: 'unitRms',
    args: [{ name: 'x', shape: [3, 5, 7] }],
    build: (tape, [x]) => {
      const ones = tape.graph.op('Expand', [tape.graph.scalar(1), tape.graph.ints([7])]);
      return [ops.rmsNormUnscaled(tape, x!, { ones, epsilon: 1e-6 })];
    },
  },
  {
    name: 'scaleColumns',
    args: [
      { name: 'matrix', shape: [3, 5] },
      { name: 'scale', shape: [5] },
    ],
    build: (tape, [matrix, scale]) => [ops.scaleColumns(tape, matrix!, scale!)],
  },
  {
    name: 'split into unequal parts',
    args: [{ name: 'x', shape: [2, 6, 3] }],
    build: (tape, [x]) => ops.split(tape, x!, 1, [1, 2, 3]),
  },
  {
    name: 'swiglu',
    args: [
      { name: 'gate', shape: [3, 13] },
      { name: 'up', shape: [3, 13] },
    ],
    build: (tape, [gate, up]) => [ops.swiglu(tape, gate!, up!)],
  },
  {
    name: 'geglu',
    args: [
      { name: 'gate', shape: [3, 13] },
      { name: 'up', shape: [3, 13] },
    ],
    build: (tape, [gate, up]) => [ops.geglu(tape, gate!, up!)],
  },
  {
    name: 'addBias',
    args: [
      { name: 'x', shape: [2, 3, 5] },
      { name: 'bias', shape: [5] },
    ],
    build: (tape, [x, bias]) => [ops.addBias(tape, x!, bias!, 5)],
  },
  {
    name: 'shift',
    args: [{ name: 'x', shape: [5] }],
    build: (tape, [x]) => [ops.shift(tape, x!, 1)],
  },
  {
    name: 'scale',
    args: [{ name: 'x', shape: [2, 5] }],
    build: (tape, [x]) => [ops.scale(tape, x!, -2.5)],
  },
  {
    name: 'softcap, near 0 and saturated',
    args: [{ name: 'x', shape: [4, 5] }],
    build: (tape, [x]) => [ops.softcap(tape, ops.scale(tape, x!, 2), 1.5)],
  },
  {
    name: 'concat of unequal parts',
    args: [
      { name: 'a', shape: [2, 1, 3] },
      { name: 'b', shape: [2, 4, 3] },
    ],
    build: (tape, [a, b]) => [ops.concat(tape, [a!, b!], { axis: 1, sizes: [1, 4] })],
  },
  {
    name: 'reshape',
    args: [{ name: 'x', shape: [2, 3, 10] }],
    build: (tape, [x]) => [ops.reshape(tape, x!, [0, 0, 5, 2], [0, 0, 10])],
  },
  {
    name: 'swapHeads',
    args: [{ name: 'x', shape: [2, 3, 5, 7] }],
    build: (tape, [x]) => [ops.transposeHeads(tape, x!)],
  },
  {
    name: 'rotary',
    args: [{ name: 'x', shape: [2, 3, 5, 6] }, ...ropeArgs],
    build: (tape, [x, cos, sin, sinNegative]) => {
      const { graph } = tape;
      // the second row is a tree: two tokens follow the same token
      const positions = graph.op(
        'Reshape',
        [graph.ints([0, 1, 2, 3, 4, 0, 1, 2, 2, 3]), graph.ints([2, 5])],
        {
          dtype: 'int64',
        },
      );
      return [ops.rotary(tape, x!, { cos: cos!, sin: sin!, sinNegative: sinNegative!, positions })];
    },
  },
  {
    name: 'attention with grouped queries',
    args: [
      { name: 'q', shape: [2, 6, 5, 4] },
      { name: 'k', shape: [2, 3, 5, 4] },
      { name: 'v', shape: [2, 3, 5, 4] },
      { name: 'mask', shape: [10, 5], values: mask },
    ],
    build: (tape, [q, k, v, m]) => [
      ops.attention(tape, { q: q!, k: k!, v: v!, mask: m! }, { heads: 6, kvHeads: 3, headDim: 4 }),
    ],
  },
  {
    name: 'attention with soft-capped scores and another scale',
    args: [
      { name: 'q', shape: [2, 6, 5, 4] },
      { name: 'k', shape: [2, 3, 5, 4] },
      { name: 'v', shape: [2, 3, 5, 4] },
      { name: 'mask', shape: [10, 5], values: mask },
    ],
    build: (tape, [q, k, v, m]) => [
      ops.attention(
        tape,
        { q: q!, k: k!, v: v!, mask: m! },
        { heads: 6, kvHeads: 3, headDim: 4, queryScalar: 2, softcap: 1.5 },
      ),
    ],
  },
  {
    name: 'selectRows',
    args: [
      { name: 'x', shape: [2, 3, 5] },
      { name: 'indices', shape: [3], values: ints(4, 0, 5) },
      { name: 'inverse', shape: [6], values: ints(1, 3, 3, 3, 0, 2) },
    ],
    build: (tape, [x, indices, inverse]) => [
      ops.selectRows(tape, x!, { indices: indices!, inverse: inverse! }, 5),
    ],
  },
  {
    name: 'logSoftmax at a temperature',
    args: [{ name: 'z', shape: [3, 7] }],
    build: (tape, [z]) => [ops.logSoftmax(tape, z!, tape.graph.scalar(1.25), 7)],
  },
];

const runtime = await Runtime.open({ threads: 1, spinning: false });
const opened: Session[] = [];
afterAll(async () => {
  for (const session of opened) await session.release();
});

/**
 * Compiles an operator to a graph. Its outputs are the operator's results y<r> and, with gradients, the
 * gradients g<i> of arguments i. Its inputs are the arguments and, with gradients, the flattened d loss / d
 * y<r>.
 */
async function compile(
  args: readonly Argument[],
  build: Case['build'],
  gradients: boolean,
): Promise<Session> {
  const graph = new Graph();
  const tape = new Tape(graph);
  const inputs = args.map((arg) =>
    graph.input(arg.name, arg.shape, arg.values instanceof BigInt64Array ? 'int64' : 'float32'),
  );
  const results = build(tape, inputs);
  results.forEach((result, r) => {
    graph.output(result, `y${r}`);
  });
  if (gradients) {
    const seeds = results.map((result, r): [Value, Value] => {
      const shape = graph.op('Shape', [result], { dtype: 'int64' });
      return [result, graph.op('Reshape', [graph.input(`seed${r}`, [`S${r}`]), shape])];
    });
    const wrt = args.flatMap((arg, i) => (arg.values ? [] : [i]));
    const found = tape.gradients(
      new Map(seeds),
      wrt.map((i) => inputs[i]!),
    );
    found.forEach((gradient, k) => {
      graph.output(gradient, `g${wrt[k]}`);
    });
  }
  const session = await runtime.session(graph.build('case'));
  opened.push(session);
  return session;
}

const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

describe('gradients of all operators match central differences', () => {
  it.each(cases)('$name', async ({ args, build }) => {
    const stream = randomStream(17);
    const values = args.map(
      (arg) => arg.values ?? Float32Array.from({ length: size(arg.shape) }, () => stream.normal()),
    );
    const wrt = args.flatMap((arg, i) => (arg.values ? [] : [i]));

    const forward = await compile(args, build, false);
    const backward = await compile(args, build, true);
    const feed = (at: number, changed: Float32Array): Record<string, Tensor> =>
      Object.fromEntries(
        args.map((arg, i) => {
          const data = i === at ? changed : values[i]!;
          return [
            arg.name,
            data instanceof BigInt64Array ? runtime.int64(data, arg.shape) : runtime.float32(data, arg.shape),
          ];
        }),
      );
    const results = Object.values(await forward.run(feed(-1, new Float32Array()))).map(
      (y) => floatData(y).length,
    );
    const weights = results.map((length) => Float32Array.from({ length }, () => stream.normal()));
    const seeds = Object.fromEntries(weights.map((w, r) => [`seed${r}`, runtime.float32(w, [w.length])]));
    const loss = async (at: number, changed: Float32Array): Promise<number> => {
      const outputs = await forward.run(feed(at, changed));
      return weights.reduce(
        (sum, w, r) => sum + floatData(outputs[`y${r}`]).reduce((part, value, i) => part + value * w[i]!, 0),
        0,
      );
    };

    const exact = await backward.run({ ...feed(-1, new Float32Array()), ...seeds });
    for (const i of wrt) {
      const gradient = floatData(exact[`g${i}`]);
      const base = values[i] as Float32Array;
      expect(gradient.length).toBe(base.length);
      const scale = Math.max(...gradient.map(Math.abs), 1e-3);
      for (let k = 0; k < base.length; k++) {
        const step = 1e-2;
        const shifted = (by: number) => base.map((value, j) => (j === k ? value + by : value));
        const numeric = ((await loss(i, shifted(step))) - (await loss(i, shifted(-step)))) / (2 * step);
        expect(Math.abs(gradient[k]! - numeric), `${args[i]!.name}[${k}]`).toBeLessThan(3e-3 * scale);
      }
    }
  });
});

describe('tape', () => {
  it('names a value that the loss does not depend on', () => {
    const graph = new Graph();
    const tape = new Tape(graph);
    const [x, lonely] = [graph.input('x', [2]), graph.input('lonely', [2])];
    const y = ops.add(tape, x, x);
    expect(() => tape.gradients(new Map([[y, y]]), [lonely])).toThrow('does not depend on "lonely"');
  });
});
