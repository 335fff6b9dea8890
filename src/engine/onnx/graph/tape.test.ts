import { describe, expect, it } from 'vitest';
import { Graph, type Value } from './graph.ts';
import { add, split } from './ops.ts';
import { floatData, Runtime } from './runtime.ts';
import { Tape } from './tape.ts';

const runtime = await Runtime.open({ threads: 1, spinning: false });

/** Builds and runs a graph with inputs x, y and seed s [4]; returns its outputs. */
async function run(
  build: (tape: Tape, inputs: { x: Value; y: Value; s: Value }) => void,
): Promise<Record<string, number[]>> {
  const graph = new Graph();
  const [x, y, s] = ['x', 'y', 's'].map((name) => graph.input(name, [4])) as [Value, Value, Value];
  build(new Tape(graph), { x, y, s });
  const session = await runtime.session(graph.build('tape'));
  const feed = (...values: number[]) => runtime.float32(Float32Array.from(values), [4]);
  const all = { x: feed(1, 2, 3, 4), y: feed(5, 6, 7, 8), s: feed(1, 10, 100, 1000) };
  const outputs = await session.run(
    Object.fromEntries(Object.entries(all).filter(([name]) => session.inputNames.includes(name))),
  );
  await session.release();
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, [...floatData(value)]]));
}

describe('gradients', () => {
  it('are summed over all uses of a value', async () => {
    const { dx, dy } = await run((tape, { x, y, s }) => {
      const loss = add(tape, add(tape, x, add(tape, x, y)), x); // 3x + y
      const [gx, gy] = tape.gradients(new Map([[loss, s]]), [x, y]) as [Value, Value];
      tape.graph.output(gx, 'dx');
      tape.graph.output(gy, 'dy');
    });
    expect(dx).toEqual([3, 30, 300, 3000]);
    expect(dy).toEqual([1, 10, 100, 1000]);
  });

  it('can start from several values, and can be taken for intermediate values', async () => {
    const { dx, dmiddle } = await run((tape, { x, y, s }) => {
      const middle = add(tape, x, y);
      const loss = add(tape, middle, middle);
      const seeds = new Map([
        [loss, s],
        [middle, s],
      ]);
      const [gm, gx] = tape.gradients(seeds, [middle, x]) as [Value, Value];
      tape.graph.output(gm, 'dmiddle');
      tape.graph.output(gx, 'dx');
    });
    expect(dmiddle).toEqual([3, 30, 300, 3000]);
    expect(dx).toEqual([3, 30, 300, 3000]);
  });

  it('of the loss itself are the seed', async () => {
    const { dl } = await run((tape, { x, y, s }) => {
      const loss = add(tape, x, y);
      tape.graph.output(tape.gradients(new Map([[loss, s]]), [loss])[0] as Value, 'dl');
    });
    expect(dl).toEqual([1, 10, 100, 1000]);
  });

  it('emit no nodes for values that the loss does not depend on', () => {
    const graph = new Graph();
    const tape = new Tape(graph);
    const [x, y] = [graph.input('x', [4]), graph.input('y', [4])];
    const loss = add(tape, x, x);
    split(tape, add(tape, y, y), 0, [2, 2]); // not used by the loss
    const before = graph.nodeCount;
    tape.gradients(new Map([[loss, loss]]), [x]);
    expect(graph.nodeCount).toBe(before + 1); // the only new node is the sum over both uses of x
  });

  it('throw for a split if a part does not reach the loss', () => {
    const graph = new Graph();
    const tape = new Tape(graph);
    const x = graph.input('x', [4]);
    const [part] = split(tape, x, 0, [2, 2]) as [Value, Value];
    expect(() => tape.gradients(new Map([[part, part]]), [x])).toThrow(
      'split: every part must reach the loss',
    );
  });
});
