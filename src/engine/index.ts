/**
 * The library entry `troupe/engine`: the engine port, the four engines, pretraining and tokenizers. Importing it has no
 * side effects: ONNX Runtime, Python workers and Ray are loaded or started with the first model.
 *
 * @example
 * import { randomStream } from 'troupe/core';
 * import { createOnnxEngine } from 'troupe/engine';
 *
 * const engine = createOnnxEngine();
 * const model = await engine.load({ dir: 'models/my-model' });
 * const context = model.tokenizer.encodeChat([{ role: 'user', content: '2+2=' }]);
 * const requests = [{ context, stream: randomStream(1) }];
 * const [completion] = await model.sample(requests, { temperature: 1, maxTokens: 16 });
 * console.log(model.tokenizer.decode(completion.tokens));
 * await engine.close();
 * @module
 */

// The engine port: types that every engine and model implements.
export type { DecodeBatch, LogitsRow } from './decode-batch.ts';
export type {
  AdamWParams,
  Agreement,
  BackwardParams,
  BackwardResult,
  Capabilities,
  ChatMessage,
  ChatOptions,
  Completion,
  Divergence,
  Engine,
  Handover,
  LoadOptions,
  Model,
  SampleRequest,
  SamplingParams,
  ScoreParams,
  Sequence,
  SnapshotId,
  Tokenizer,
  ToolCall,
} from './engine.ts';
export type {
  GeneratedToken,
  Generation,
  GenerationRequest,
  GeneratorLoad,
  GeneratorOptions,
  MessageGenerator,
  RankedToken,
} from './generation.ts';
// The embedded engine: ONNX Runtime on the CPU, in this process.
export {
  createOnnxEngine,
  type LoraOptions,
  type OnnxEngine,
  type OnnxEngineOptions,
} from './onnx/engine.ts';
export type { OnnxModel } from './onnx/model.ts';
// Pretraining of small base models from scratch.
export {
  demonstrationLoss,
  type ModelShape,
  type PretrainOptions,
  type PretrainProgress,
  pretrain,
  type TextExample,
} from './onnx/pretrain.ts';
// The Ray engine: PyTorch on a Ray cluster.
export {
  createRayEngine,
  type LocalCluster,
  type RayEngineOptions,
  type TeamPlacement,
} from './ray/engine.ts';
// The tabular engine: exact softmax policies in plain arrays.
export { createTabularEngine } from './tabular/engine.ts';
export { createTabularModel, type TabularModel, type TabularModelOptions } from './tabular/model.ts';
export type { TablePrior } from './tabular/table.ts';
// Tokenizers and chat templates.
export { characterTokenizer } from './text/character-tokenizer.ts';
export { readChatFiles, readCheckpointTokenizer } from './text/checkpoint-text.ts';
export { createTokenizer } from './text/tokenizer.ts';
export { readTokenizerFiles, type TokenizerFiles } from './text/tokenizer-files.ts';
// The PyTorch engine: PyTorch in a Python worker process.
export {
  createTorchEngine,
  type TimedModelCall,
  type TorchEngine,
  type TorchEngineOptions,
  type TorchLora,
} from './torch/engine.ts';
export type { TorchModel } from './torch/model.ts';
