/**
 * Checks that ONNX Runtime works on this machine: computes one matmul through the same code path as models.
 * @module
 */
import { EngineError } from '../../../support/errors.ts';
import { Graph } from './graph.ts';
import { floatData, Runtime } from './runtime.ts';

/**
 * Computes [1 2; 3 4] [5; 6] with ONNX Runtime.
 *
 * @returns milliseconds from loading the runtime to the result
 * @throws EngineError if the runtime cannot be loaded or its result is wrong
 */
export async function checkRuntime(): Promise<number> {
  const start = performance.now();
  const runtime = await Runtime.open({ threads: 1, spinning: false });
  const graph = new Graph();
  const product = graph.op('MatMul', [graph.input('a', [2, 2]), graph.input('b', [2, 1])]);
  graph.output(product, 'y');
  const session = await runtime.session(graph.build('runtime-check'));
  const feeds = {
    a: runtime.float32(Float32Array.of(1, 2, 3, 4), [2, 2]),
    b: runtime.float32(Float32Array.of(5, 6), [2, 1]),
  };
  const { y } = await session.run(feeds);
  const got = [...floatData(y)];
  await session.release();
  if (got[0] !== 17 || got[1] !== 39)
    throw new EngineError(
      `engine onnx: expected the product [17, 39], got [${got}]; reinstall onnxruntime-node`,
    );
  return performance.now() - start;
}
