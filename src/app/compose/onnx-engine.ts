/**
 * The embedded engine for users of the library: its code is imported with the first model, so that importing the
 * library stays cheap.
 * @module
 */
import type { Engine, LoadOptions, Model } from '../../engine/engine.ts';
import type { OnnxEngineOptions } from '../../engine/onnx/engine.ts';

/**
 * Creates the embedded engine, which runs models on the CPU inside this process. `troupe/engine` exports the class with
 * all of its methods.
 *
 * @example
 * const engine = createOnnxEngine({ threads: 2 });
 * const model = await engine.load({ dir: 'models/my-model' });
 * await engine.close();
 */
export function createOnnxEngine(options: OnnxEngineOptions = {}): Engine {
  let engine: Promise<Engine> | undefined;
  return {
    name: 'onnx',
    async load(what: LoadOptions): Promise<Model> {
      engine ??= import('../../engine/onnx/engine.ts').then((onnx) => onnx.createOnnxEngine(options));
      return (await engine).load(what);
    },
    async close(): Promise<void> {
      await (await engine)?.close();
    },
  };
}
