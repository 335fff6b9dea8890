/**
 * The library `troupe`: functions that train, evaluate, serve and change a team of small language models. Importing it
 * has no side effects: engines, tasks and servers are loaded at their first use. Parts of the library are available as
 * `troupe/core` (the algorithm on plain arrays), `troupe/engine` (the engines) and `troupe/grade` (the verifiers).
 *
 * @example
 * import { train } from 'troupe';
 *
 * const run = train({ config: 'team.yaml' });
 * for await (const event of run) if (event.kind === 'stage_finished') console.log(event.stage, event.reward);
 * const { checkpoint } = await run.result;
 * @module
 */

// Use cases. The request of each use case has an AbortSignal and a listener for events.
export { type Comparison, type ComparisonRequest, compare } from './app/compare.ts';
// The embedded engine.
export { createOnnxEngine } from './app/compose/onnx-engine.ts';
export { type EvaluationRequest, type EvaluationResult, evaluate } from './app/evaluate.ts';
export {
  type BenchmarkRequest,
  type BenchmarkResult,
  evaluateBenchmarks,
  type ResumeBenchmarkRequest,
  resumeBenchmarks,
} from './app/evaluate-benchmarks.ts';
export { type ExportedAgent, type ExportRequest, exportTeam } from './app/export.ts';
export { type PlanRequest, type PlanResult, plan } from './app/plan.ts';
export { type PretrainEvent, type PretrainedModel, type PretrainRequest, pretrain } from './app/pretrain.ts';
export { type RunningServer, type ServeRequest, serve } from './app/serve.ts';
export { type SwapRequest, swap } from './app/swap.ts';
export { type NewRun, type ResumedRun, type TrainRequest, train } from './app/train.ts';
export { isRunEvent, type TrainingEvent, type TrainingResult, TrainingRun } from './app/training-run.ts';
export type {
  DownloadEvent,
  LoadEvent,
  ProgressEvent,
  UseCaseEvent,
  UseCaseOptions,
  WarningEvent,
} from './app/use-case.ts';
export { type OnRows, type WatchRequest, watch } from './app/watch.ts';
// Reading and validating team files.
export type { Override } from './config/overrides.ts';
export { type ResolvedConfig, resolveConfig, resolveConfigObject } from './config/resolve.ts';
export type { Config, TeamFile } from './config/schema.ts';
// The ONNX engine and the types of engines. `troupe/engine` has all engines.
export type { Engine, Model } from './engine/engine.ts';
export type { OnnxEngineOptions } from './engine/onnx/engine.ts';
// Sampling from and evaluating a team whose models are in memory.
export { evaluateTeam, type TeamEvaluation } from './evaluate/evaluate.ts';
export type { Scores } from './evaluate/scores.ts';
// Reading a run folder.
export { foldEvents } from './run-view/event-rows.ts';
export type { RunView, StageView } from './run-view/run-view.ts';
export { finishedStages, stageEvaluations, updatesOf } from './run-view/selectors.ts';
export { findStoredTeam, readEvents, readRunConfig, type StoredTeam } from './store/read-run.ts';
// Errors. Each has a `code` that does not change between versions.
export {
  ConfigError,
  type ConfigIssue,
  EngineError,
  StoreError,
  TaskError,
  TroupeError,
} from './support/errors.ts';
export type { SwapRecord } from './swap/swap-record.ts';
// Writing a task.
export type {
  Answerer,
  Demonstration,
  Environment,
  EnvironmentStep,
  PendingStep,
  Question,
  QuestionWithStream,
  Split,
  Task,
  TaskItem,
  Verdict,
} from './task/task.ts';
export type { ModuleContext, ModuleItem, ModuleVerdict, TaskModule } from './tasks/module/contract.ts';
export { createTask, taskNames } from './tasks/registry.ts';
// Writing a protocol.
export { plurality } from './team/plurality.ts';
export { createProtocol, type ProtocolOptions, protocolNames } from './team/protocols.ts';
export type { Agent, Moves, Protocol, ProtocolMessage, Team, TeamMessage, Trajectory } from './team/team.ts';
export type {
  AccuracyRecord,
  AttemptRecord,
  CertificateRecord,
  DifferenceRecord,
  EvaluationRecord,
  GateRecord,
  Phase,
  RunEvent,
  UpdateRecord,
  UpdateStatus,
} from './train/events.ts';
export { Interrupted } from './train/interrupted.ts';
