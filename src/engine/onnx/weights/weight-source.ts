/**
 * Where a model's weights come from, for whoever runs graphs: its own store, or a frozen base that it shares
 * with others and an adapter of its own.
 * @module
 */
import type { SnapshotId } from '../../engine.ts';
import type { Tensor } from '../graph/runtime.ts';

export interface WeightSource {
  /** Feeds by parameter name: the current weights, or a snapshot's. */
  tensors(snapshot?: SnapshotId): Readonly<Record<string, Tensor>>;
}
