/**
 * What makes and tries models outside of a training: pretraining, a probe of the runtime, exact tables.
 * @module
 */
export { checkRuntime } from '../engine/onnx/graph/runtime-check.ts';
export {
  demonstrationLoss,
  type PretrainProgress,
  pretrain,
  type TextExample,
} from '../engine/onnx/pretrain.ts';
export { createTabularModel } from '../engine/tabular/model.ts';
