/**
 * Source of the weight inputs of a model's graphs: its own parameter store, or a shared frozen base and an adapter.
 * @module
 */
import type { SnapshotId } from '../../engine.ts';
import type { Tensor } from '../graph/runtime.ts';

export interface WeightSource {
  /** Tensors by parameter name: the current weights, or those of a snapshot. */
  tensors(snapshot?: SnapshotId): Readonly<Record<string, Tensor>>;
  /** Returns a number that differs for different weights: of the current ones, or of a snapshot. */
  version(snapshot?: SnapshotId): number;
}
