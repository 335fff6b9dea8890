/**
 * The trainable parameters of one model: weights, gradients, AdamW moments and step count, and snapshots that restore
 * them byte for byte. Sessions read the weight arrays in place, so updates need no copy.
 * @module
 */
import { EngineError } from '../../../support/errors.ts';
import type { AdamWParams, GradientOptions, SnapshotId } from '../../engine.ts';
import { type ParameterSpec, parameterSize, type Weights } from '../decoder/parameters.ts';
import type { Runtime, Tensor } from '../graph/runtime.ts';
import { adamwStep, globalNorm } from './adamw.ts';
import type { WeightSource } from './weight-source.ts';

interface Snapshot {
  readonly weights: Float32Array[];
  /** First and second moments. Absent before the first step, when all moments are zero. */
  readonly moments?: { readonly m: Float32Array[]; readonly v: Float32Array[] };
  readonly step: number;
  readonly version: number;
  readonly tensors: Record<string, Tensor>;
}

/** AdamW's state by parameter name. */
export interface OptimizerState {
  readonly step: number;
  readonly m: ReadonlyMap<string, Float32Array>;
  readonly v: ReadonlyMap<string, Float32Array>;
}

export class ParameterStore implements WeightSource {
  readonly specs: readonly ParameterSpec[];
  readonly #runtime: Runtime;
  /** Index of each parameter by name. */
  readonly #index: ReadonlyMap<string, number>;
  readonly #weights: Float32Array[];
  /**
   * Gradients by parameter index. They are allocated at the first use, because a model that only samples
   * needs neither gradients nor moments.
   */
  #gradients: Float32Array[] | undefined;
  /** Indices of parameters whose gradients count as zero, although their arrays still contain old values. */
  readonly #stale = new Set<number>();
  #moments: { readonly m: Float32Array[]; readonly v: Float32Array[] } | undefined;
  readonly #tensors: Record<string, Tensor>;
  readonly #snapshots = new Map<SnapshotId, Snapshot>();
  #step = 0;
  #nextSnapshot = 0;
  /** Version of the current weights. */
  #version = 0;
  #nextVersion = 1;

  /**
   * @param weights - initial weights by parameter name
   * @param options.adopt - whether the store takes ownership of the arrays; by default they are copied
   */
  constructor(
    runtime: Runtime,
    specs: readonly ParameterSpec[],
    weights: Weights,
    options: { readonly adopt?: boolean } = {},
  ) {
    this.specs = specs;
    this.#runtime = runtime;
    this.#index = new Map(specs.map((spec, i) => [spec.name, i]));
    this.#weights = specs.map((spec) => {
      const values = weights.get(spec.name) as Float32Array;
      return options.adopt ? values : Float32Array.from(values);
    });
    this.#tensors = this.#wrap(this.#weights);
  }

  get parameterCount(): number {
    return this.specs.reduce((sum, spec) => sum + parameterSize(spec), 0);
  }

  get step(): number {
    return this.#step;
  }

  /** Returns the tensors of the current weights, or of a snapshot, by parameter name. */
  tensors(snapshot?: SnapshotId): Readonly<Record<string, Tensor>> {
    return snapshot === undefined ? this.#tensors : this.#find(snapshot).tensors;
  }

  version(snapshot?: SnapshotId): number {
    return snapshot === undefined ? this.#version : this.#find(snapshot).version;
  }

  /** Returns the current weights by name; the arrays are not copied, and the caller may change them. */
  weights(): Weights {
    this.#version = this.#nextVersion++;
    return new Map(this.specs.map((spec, i) => [spec.name, this.#weights[i]]));
  }

  /** Returns the accumulated gradients by name; the arrays are not copied. */
  gradients(): Weights {
    const gradients = this.#liveGradients();
    return new Map(this.specs.map((spec, i) => [spec.name, gradients[i]]));
  }

  addGradients(gradient: (name: string) => Float32Array): void {
    for (const spec of this.specs) this.addGradient(spec.name, gradient(spec.name));
  }

  /** Adds to one parameter's gradient, starting at element `offset`. */
  addGradient(name: string, part: Float32Array, offset = 0): void {
    const index = this.#index.get(name) as number;
    const sum = this.#gradients?.[index] ?? this.#liveGradients()[index];
    const isFirst = this.#stale.delete(index);
    if (isFirst && part.length === sum.length) {
      sum.set(part); // for the first part, copying is several times faster than adding to zeros
      return;
    }
    if (isFirst) sum.fill(0);
    for (let k = 0; k < part.length; k++) sum[offset + k] += part[k];
  }

  /**
   * Returns the accumulated gradient of some rows of a matrix, as a tensor to which a graph adds in place.
   */
  gradientRows(name: string, firstRow: number, shape: readonly number[]): Tensor {
    const index = this.#index.get(name) as number;
    const sum = this.#gradients?.[index] ?? this.#liveGradients()[index];
    if (this.#stale.delete(index)) sum.fill(0);
    const [rows, columns] = shape as readonly [number, number];
    return this.#runtime.float32(sum.subarray(firstRow * columns, (firstRow + rows) * columns), shape);
  }

  zeroGradients(): void {
    this.#gradients?.forEach((_, index) => {
      this.#stale.add(index);
    });
  }

  /**
   * Takes one AdamW step on the accumulated gradients and clears them, unless `keepGradients` is set. Returns
   * their L2 norm before clipping.
   */
  stepAdamW(params: AdamWParams, { keepGradients = false }: GradientOptions = {}): number {
    const gradients = this.#liveGradients();
    const { m, v } = this.#liveMoments();
    const norm = globalNorm(gradients);
    const scale = norm > params.maxGradNorm ? params.maxGradNorm / norm : 1;
    this.#step++;
    this.#version = this.#nextVersion++;
    this.specs.forEach((spec, i) => {
      adamwStep(
        { weights: this.#weights[i], gradient: gradients[i], m: m[i], v: v[i], decay: spec.decay },
        params,
        { step: this.#step, scale },
      );
    });
    if (!keepGradients) this.zeroGradients();
    return norm;
  }

  snapshot(): SnapshotId {
    const id = `snapshot-${this.#nextSnapshot++}` as SnapshotId;
    const copy = (arrays: Float32Array[]): Float32Array[] => arrays.map((array) => array.slice());
    const weights = copy(this.#weights);
    this.#snapshots.set(id, {
      weights,
      ...(this.#moments ? { moments: { m: copy(this.#moments.m), v: copy(this.#moments.v) } } : {}),
      step: this.#step,
      version: this.#version,
      tensors: this.#wrap(weights),
    });
    return id;
  }

  restore(id: SnapshotId, { keepGradients = false }: GradientOptions = {}): void {
    const snapshot = this.#find(id);
    const { moments } = snapshot;
    this.specs.forEach((_, i) => {
      this.#weights[i].set(snapshot.weights[i]);
      if (moments) this.#liveMoments().m[i].set(moments.m[i]);
      if (moments) this.#liveMoments().v[i].set(moments.v[i]);
    });
    if (!moments) this.#moments = undefined;
    this.#step = snapshot.step;
    this.#version = snapshot.version;
    if (!keepGradients) this.zeroGradients();
  }

  release(id: SnapshotId): void {
    this.#snapshots.delete(id);
  }

  optimizerState(): OptimizerState {
    const { m, v } = this.#liveMoments();
    const named = (arrays: Float32Array[]): Map<string, Float32Array> =>
      new Map(this.specs.map((spec, i) => [spec.name, arrays[i]]));
    return { step: this.#step, m: named(m), v: named(v) };
  }

  loadOptimizerState(state: OptimizerState): void {
    const { m, v } = this.#liveMoments();
    this.specs.forEach((spec, i) => {
      m[i].set(state.m.get(spec.name) as Float32Array);
      v[i].set(state.v.get(spec.name) as Float32Array);
    });
    this.#step = state.step;
  }

  /** Returns all gradients. Allocates them at the first use, and zeroes stale arrays. */
  #liveGradients(): Float32Array[] {
    this.#gradients ??= this.#zeros();
    for (const index of this.#stale) this.#gradients[index].fill(0);
    this.#stale.clear();
    return this.#gradients;
  }

  #liveMoments(): { readonly m: Float32Array[]; readonly v: Float32Array[] } {
    this.#moments ??= { m: this.#zeros(), v: this.#zeros() };
    return this.#moments;
  }

  #zeros(): Float32Array[] {
    return this.specs.map((spec) => new Float32Array(parameterSize(spec)));
  }

  #wrap(arrays: Float32Array[]): Record<string, Tensor> {
    return Object.fromEntries(
      this.specs.map((spec, i) => [spec.name, this.#runtime.float32(arrays[i], spec.shape)]),
    );
  }

  #find(id: SnapshotId): Snapshot {
    const snapshot = this.#snapshots.get(id);
    if (!snapshot) throw new EngineError(`engine onnx: snapshot "${id}" does not exist; it was released`);
    return snapshot;
  }
}
