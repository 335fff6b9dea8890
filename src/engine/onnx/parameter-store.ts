/**
 * The numbers of one model: weights, gradients, AdamW moments, step count; snapshots of all that must
 * come back byte for byte. Sessions read the weight arrays in place, so updates need no copy.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { AdamWParams, SnapshotId } from '../engine.ts';
import { adamwStep, globalNorm } from './adamw.ts';
import { type ParameterSpec, parameterSize, type Weights } from './decoder/parameters.ts';
import type { Runtime, Tensor } from './runtime.ts';

interface Snapshot {
  readonly weights: Float32Array[];
  readonly m: Float32Array[];
  readonly v: Float32Array[];
  readonly step: number;
  readonly tensors: Record<string, Tensor>;
}

/** AdamW state as saved beside a checkpoint. */
export interface OptimizerState {
  readonly step: number;
  readonly m: ReadonlyMap<string, Float32Array>;
  readonly v: ReadonlyMap<string, Float32Array>;
}

export class ParameterStore {
  readonly specs: readonly ParameterSpec[];
  readonly #runtime: Runtime;
  readonly #weights: Float32Array[];
  readonly #gradients: Float32Array[];
  readonly #m: Float32Array[];
  readonly #v: Float32Array[];
  readonly #tensors: Record<string, Tensor>;
  readonly #snapshots = new Map<SnapshotId, Snapshot>();
  #step = 0;
  #nextSnapshot = 0;

  constructor(runtime: Runtime, specs: readonly ParameterSpec[], weights: Weights) {
    this.specs = specs;
    this.#runtime = runtime;
    this.#weights = specs.map((spec) => Float32Array.from(weights.get(spec.name) as Float32Array));
    const zeros = (): Float32Array[] => specs.map((spec) => new Float32Array(parameterSize(spec)));
    this.#gradients = zeros();
    this.#m = zeros();
    this.#v = zeros();
    this.#tensors = this.#wrap(this.#weights);
  }

  get parameterCount(): number {
    return this.specs.reduce((sum, spec) => sum + parameterSize(spec), 0);
  }

  get step(): number {
    return this.#step;
  }

  /** Weight feeds of the current weights, or of a snapshot. */
  tensors(snapshot?: SnapshotId): Readonly<Record<string, Tensor>> {
    return snapshot === undefined ? this.#tensors : this.#find(snapshot).tensors;
  }

  /** Current weights by name; the live arrays. */
  weights(): Weights {
    return new Map(this.specs.map((spec, i) => [spec.name, this.#weights[i]]));
  }

  /** Accumulated gradients by name; the live arrays. */
  gradients(): Weights {
    return new Map(this.specs.map((spec, i) => [spec.name, this.#gradients[i]]));
  }

  addGradients(gradient: (name: string) => Float32Array): void {
    this.specs.forEach((spec, i) => {
      const sum = this.#gradients[i];
      const part = gradient(spec.name);
      for (let k = 0; k < sum.length; k++) sum[k] += part[k];
    });
  }

  zeroGradients(): void {
    for (const gradient of this.#gradients) gradient.fill(0);
  }

  /** One AdamW step on the accumulated gradients, which are cleared. Returns the norm before clipping. */
  stepAdamW(params: AdamWParams): number {
    const norm = globalNorm(this.#gradients);
    const scale = norm > params.maxGradNorm ? params.maxGradNorm / norm : 1;
    this.#step++;
    this.specs.forEach((spec, i) => {
      adamwStep(
        {
          weights: this.#weights[i],
          gradient: this.#gradients[i],
          m: this.#m[i],
          v: this.#v[i],
          decay: spec.decay,
        },
        params,
        { step: this.#step, scale },
      );
    });
    this.zeroGradients();
    return norm;
  }

  snapshot(): SnapshotId {
    const id = `snapshot-${this.#nextSnapshot++}` as SnapshotId;
    const copy = (arrays: Float32Array[]): Float32Array[] => arrays.map((array) => array.slice());
    const weights = copy(this.#weights);
    this.#snapshots.set(id, {
      weights,
      m: copy(this.#m),
      v: copy(this.#v),
      step: this.#step,
      tensors: this.#wrap(weights),
    });
    return id;
  }

  restore(id: SnapshotId): void {
    const snapshot = this.#find(id);
    this.specs.forEach((_, i) => {
      this.#weights[i].set(snapshot.weights[i]);
      this.#m[i].set(snapshot.m[i]);
      this.#v[i].set(snapshot.v[i]);
    });
    this.#step = snapshot.step;
    this.zeroGradients();
  }

  release(id: SnapshotId): void {
    this.#snapshots.delete(id);
  }

  optimizerState(): OptimizerState {
    const named = (arrays: Float32Array[]): Map<string, Float32Array> =>
      new Map(this.specs.map((spec, i) => [spec.name, arrays[i]]));
    return { step: this.#step, m: named(this.#m), v: named(this.#v) };
  }

  loadOptimizerState(state: OptimizerState): void {
    this.specs.forEach((spec, i) => {
      this.#m[i].set(state.m.get(spec.name) as Float32Array);
      this.#v[i].set(state.v.get(spec.name) as Float32Array);
    });
    this.#step = state.step;
  }

  #wrap(arrays: Float32Array[]): Record<string, Tensor> {
    return Object.fromEntries(
      this.specs.map((spec, i) => [spec.name, this.#runtime.floats(arrays[i], spec.shape)]),
    );
  }

  #find(id: SnapshotId): Snapshot {
    const snapshot = this.#snapshots.get(id);
    if (!snapshot) throw new EngineError(`engine onnx: snapshot "${id}" does not exist; it was released`);
    return snapshot;
  }
}
