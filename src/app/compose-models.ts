/**
 * Functions that create and check models outside of training: pretraining, a check of the runtime, tabular models.
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
