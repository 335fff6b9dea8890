import { describe, expect, it } from 'vitest';
import { Graph } from './graph.ts';
import { floatData, Runtime } from './runtime.ts';

const runtime = await Runtime.open({ threads: 1, spinning: false });

describe('a graph', () => {
  it('runs with constants, all kinds of attributes, omitted inputs and several outputs', async () => {
    const graph = new Graph();
    const x = graph.input('x', ['N', 4]);
    // this Clip has no lower bound, so its second input is omitted
    const clipped = graph.op('Clip', [x, undefined, graph.scalar(2.5)]);
    const transposed = graph.op('Transpose', [clipped], { attributes: { perm: [1, 0] } });
    const [upper, lower] = graph.ops('Split', [transposed, graph.ints([1, 3])], {
      attributes: { axis: 0 },
      outputs: 2,
    });
    graph.output(upper!, 'upper');
    graph.output(graph.op('LeakyRelu', [lower!], { attributes: { alpha: { float: 0.5 } } }), 'lower');
    graph.output(graph.op('Gelu', [x], { attributes: { approximate: 'tanh' } }), 'gelu');
    const session = await runtime.session(graph.build('kinds'));
    const feed = runtime.float32(Float32Array.of(3, -2, 1, 0, 0, 4, -8, 2), [2, 4]);
    const { upper: top, lower: bottom, gelu } = await session.run({ x: feed });
    expect([...floatData(top)]).toEqual([2.5, 0]);
    expect([...floatData(bottom)]).toEqual([-1, 2.5, 1, -4, 0, 2]);
    expect(floatData(gelu)[2]).toBeCloseTo(0.841192, 5); // tanh approximation at 1
    expect((await session.run({ x: feed }, ['upper'])).lower).toBeUndefined();
    await session.release();
  });

  it('shares equal constants', () => {
    const graph = new Graph();
    expect(graph.scalar(2)).toBe(graph.scalar(2));
    expect(graph.ints([2])).toBe(graph.ints([2]));
    expect(
      new Set([graph.scalar(2), graph.scalar(3), graph.ints([2]), graph.ints([2, 3]), graph.ints([])]).size,
    ).toBe(5);
    expect(graph.scalar(1).dtype).toBe('float32');
    expect(graph.ints([1]).dtype).toBe('int64');
  });

  it('serializes to the same bytes when it is built in the same way', () => {
    const build = () => {
      const graph = new Graph();
      const x = graph.input('x', ['N', 3]);
      graph.output(graph.op('Add', [x, graph.scalar(1)]), 'y');
      return graph.build('same');
    };
    expect(build()).toEqual(build());
  });

  it('gives a result the type of its first input by default', () => {
    const graph = new Graph();
    const ids = graph.input('ids', [2], 'int64');
    expect(graph.op('Add', [ids, ids]).dtype).toBe('int64');
    expect(graph.op('Cast', [ids], { attributes: { to: 1 }, dtype: 'float32' }).dtype).toBe('float32');
  });

  it('counts its nodes, including outputs', () => {
    const graph = new Graph();
    const x = graph.input('x', [1]);
    graph.output(graph.op('Neg', [x]), 'y');
    expect(graph.nodeCount).toBe(2);
  });
});

describe('the runtime', () => {
  it('wraps errors of ONNX Runtime in engine errors', async () => {
    const graph = new Graph();
    graph.output(graph.op('Neg', [graph.input('x', [2])]), 'y');
    const session = await runtime.session(graph.build('neg'));
    await expect(session.run({ x: runtime.float32(new Float32Array(3), [3]) })).rejects.toThrow(
      /^engine onnx: /,
    );
    await expect(session.run({})).rejects.toThrow(/^engine onnx: /);
    await session.release();
  });

  it('rejects outputs that are not float32', () => {
    expect(() => floatData(undefined)).toThrow('expected a float32 output, got none');
    expect(() => floatData(runtime.int64(BigInt64Array.of(1n), [1]))).toThrow(
      'expected a float32 output, got int64',
    );
  });
});
