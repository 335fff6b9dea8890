/**
 * The result of a swap: forecast, comparison, decision, and hashes of the unchanged agents.
 * @module
 */
import type { AccuracyRecord, DifferenceRecord } from '../train/events.ts';
import type { SwapDecision } from './acceptance.ts';
import type { MeasuredDivergence } from './distil.ts';
import type { SignTest } from './sign-test.ts';

/** One team of the comparison. */
export interface SwapContender {
  /** `before`, `raw swap`, `stage-0`, `stage-0 (messages)` or `distilled`. */
  readonly label: string;
  readonly team: AccuracyRecord;
  /** Answers of the swapped agent alone, where agents answer. */
  readonly agent?: AccuracyRecord;
  /** Accuracy of the team minus that of the team before; absent for that team itself. */
  readonly difference?: DifferenceRecord;
  /** Of all agents' models together. */
  readonly parameters: number;
  /** Mean tokens sampled per answer of the team. */
  readonly tokensPerAnswer: number;
}

export interface Distillation {
  /** Messages of the mixture that the replacement was trained on. */
  readonly messages: number;
  /** Nats per token. */
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** KL of the replacement from the mixture and from the old model, where all share a vocabulary. */
  readonly fromTeacher?: MeasuredDivergence;
  readonly fromIncumbent?: MeasuredDivergence;
}

/** SHA-256 of each file of an agent: weights, or the description of a mixture. */
export interface AgentHash {
  readonly agent: number;
  readonly files: Readonly<Record<string, string>>;
}

export interface SwapRecord {
  readonly run: string;
  readonly checkpoint: string;
  readonly agent: { readonly id: number; readonly name: string };
  readonly replacement: string;
  readonly mode: string;
  /** Radius in nats; absent for mode raw. */
  readonly delta0?: number;
  /** Of the old model, the replacement, and whatever fills the seat. */
  readonly parameters: { readonly incumbent: number; readonly replacement: number; readonly seat: number };
  /** Memory of the models in the seat, in the engine's run-time type, bytes. */
  readonly seatBytes: number;
  readonly forecast: SignTest;
  readonly distillation?: Distillation;
  /** Prompts of the test split; absent for a dry run, as `samples` and `decision`. */
  readonly prompts?: number;
  readonly samples?: number;
  readonly contenders: readonly SwapContender[];
  readonly decision?: Omit<SwapDecision, 'path'>;
  /** Guarantees that are exact and figures that are estimated, one line each. */
  readonly notes: readonly string[];
  readonly dryRun: boolean;
  /** Run folder of the swapped team; absent if none was written, as `others`. */
  readonly out?: string;
  readonly others?: readonly AgentHash[];
}
