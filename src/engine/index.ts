/**
 * `troupe/engine`: the port of engines, and the engines.
 * @module
 */
export type * from './engine.ts';
export type * from './generation.ts';
export { createOnnxEngine, type OnnxEngine, type OnnxEngineOptions } from './onnx/engine.ts';
