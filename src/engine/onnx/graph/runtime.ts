/**
 * The only module that uses ONNX Runtime: creates sessions from serialized graphs, and converts between typed arrays
 * and tensors. `load-runtime.ts` loads the library at the first use.
 * @module
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { EngineError } from '../../../support/errors.ts';
import { loadRuntime, type Ort } from './load-runtime.ts';

export interface RuntimeOptions {
  /** Number of threads per operator (intra-op). */
  readonly threads: number;
  /**
   * Whether idle threads spin (busy waiting). Spinning is faster on an idle machine and slower on a busy one.
   */
  readonly spinning: boolean;
  /** Prefix of the profile file of each session; absent: no profiling. */
  readonly profile?: string;
}

/** An input or output tensor. */
export type Tensor = OrtTensor;

export class Runtime {
  readonly options: RuntimeOptions;
  readonly #ort: Ort;

  private constructor(ort: Ort, options: RuntimeOptions) {
    this.#ort = ort;
    this.options = options;
  }

  static async open(options: RuntimeOptions): Promise<Runtime> {
    return new Runtime(loadRuntime(), options);
  }

  float32(values: Float32Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('float32', values, dims);
  }

  int64(values: BigInt64Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('int64', values, dims);
  }

  /**
   * Creates a tensor from bfloat16 values, which are given as 16-bit patterns. Its ONNX type is uint16;
   * graphs cast it to float32.
   */
  bfloat16(values: Uint16Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('uint16', values, dims);
  }

  int32(values: Int32Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('int32', values, dims);
  }

  /** Returns a view of some rows of a matrix (float32, or bfloat16 as 16 bits), without a copy. */
  rows(
    { data }: Tensor,
    { from, to, columns }: { readonly from: number; readonly to: number; readonly columns: number },
  ): Tensor {
    const dims = [to - from, columns];
    return data instanceof Uint16Array
      ? this.bfloat16(data.subarray(from * columns, to * columns), dims)
      : this.float32((data as Float32Array).subarray(from * columns, to * columns), dims);
  }

  /** Compiles a serialized graph. */
  async session(model: Uint8Array): Promise<Session> {
    const session = await this.#ort.InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: this.options.threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
      extra: {
        session: {
          intra_op: { allow_spinning: this.options.spinning ? '1' : '0' },
          // each session has its own threads, which must not spin while another session runs
          force_spinning_stop: '1',
        },
      },
      ...(this.options.profile ? { enableProfiling: true, profileFilePrefix: this.options.profile } : {}),
    });
    return new Session(session);
  }
}

export class Session {
  readonly #session: InferenceSession;

  constructor(session: InferenceSession) {
    this.#session = session;
  }

  /**
   * Runs the graph.
   *
   * @param feeds - inputs by name, not copied; names that the graph does not have are ignored
   * @param fetches - names of the outputs to compute; default all. If a name is given with a tensor, the
   *   output is written to this tensor, which can also be an input
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[] | Readonly<Record<string, Tensor | null>>,
  ): Promise<Readonly<Record<string, Tensor>>> {
    const wanted: Record<string, Tensor> = {};
    for (const name of this.#session.inputNames) {
      const tensor = feeds[name];
      if (tensor) wanted[name] = tensor;
    }
    try {
      return fetches ? await this.#session.run(wanted, fetches) : await this.#session.run(wanted);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      throw new EngineError(`engine onnx: ${message}`, { cause });
    }
  }

  get inputNames(): readonly string[] {
    return this.#session.inputNames;
  }

  endProfiling(): void {
    this.#session.endProfiling();
  }

  async release(): Promise<void> {
    await this.#session.release();
  }
}

/** Returns the data of a float32 output. @throws EngineError if the output is missing or has another type */
export function floatData(tensor: Tensor | undefined): Float32Array {
  if (tensor?.type !== 'float32')
    throw new EngineError(`engine onnx: expected a float32 output, got ${tensor?.type ?? 'none'}`);
  return tensor.data as Float32Array;
}
