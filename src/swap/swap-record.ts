/**
 * Result of a swap of one agent's model: forecast, comparison of the teams, decision, and hashes of the
 * unchanged agents.
 * @module
 */
import type { AccuracyRecord, DifferenceRecord } from '../train/events.ts';
import type { SwapDecision } from './acceptance.ts';
import type { MeasuredDivergence } from './distil.ts';
import type { SignTest } from './sign-test.ts';

/** One team of the comparison. */
export interface SwapContender {
  /** Name of the team: `before`, `raw swap`, `stage-0`, `stage-0 (messages)` or `distilled`. */
  readonly label: string;
  readonly team: AccuracyRecord;
  /** Accuracy of the swapped agent's own answers; absent if the protocol has no answers of single agents. */
  readonly agent?: AccuracyRecord;
  /** Accuracy of this team minus that of the team before the swap; absent for the team before the swap. */
  readonly difference?: DifferenceRecord;
  /** Number of parameters of all agents' models together. */
  readonly parameters: number;
  /** Mean number of tokens that the team samples per answer. */
  readonly tokensPerAnswer: number;
}

export interface Distillation {
  /** Number of messages, sampled from the mixture, on which the replacement was trained. */
  readonly messages: number;
  /** Loss before the distillation, nats per token. */
  readonly lossBefore: number;
  /** Loss after the distillation, nats per token. */
  readonly lossAfter: number;
  /** KL of the distilled replacement model from the mixture, nats; absent if their vocabularies differ. */
  readonly fromTeacher?: MeasuredDivergence;
  /** KL of the distilled replacement model from the old model, nats; absent if their vocabularies differ. */
  readonly fromIncumbent?: MeasuredDivergence;
}

/** SHA-256 of each file of an agent's model, by file name: its weights, or the description of a mixture. */
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
  /**
   * Upper bound on the KL of the mixture from the old model after the first step towards the replacement
   * (radius delta0), nats; absent for mode `raw`.
   */
  readonly delta0?: number;
  /**
   * Numbers of parameters of the old model, of the replacement, and of all models that the agent uses after
   * the swap (`seat`), e.g. both models of a mixture.
   */
  readonly parameters: { readonly incumbent: number; readonly replacement: number; readonly seat: number };
  /**
   * Memory of all models that the agent has after the swap, in the data type in which the engine runs them,
   * bytes.
   */
  readonly seatBytes: number;
  readonly forecast: SignTest;
  readonly distillation?: Distillation;
  /** Number of prompts of the test split; absent for a dry run. */
  readonly prompts?: number;
  /** Number of episodes per prompt; absent for a dry run. */
  readonly samples?: number;
  readonly contenders: readonly SwapContender[];
  /** Result of the acceptance test; absent for a dry run. */
  readonly decision?: Omit<SwapDecision, 'path'>;
  /** Lines of text that state which guarantees are exact and which figures are estimates. */
  readonly notes: readonly string[];
  readonly dryRun: boolean;
  /** Path of the run folder of the swapped team; absent if none was written. */
  readonly out?: string;
  /** Hashes of the agents that were not swapped; absent if no run folder was written. */
  readonly others?: readonly AgentHash[];
}
