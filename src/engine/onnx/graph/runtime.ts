/**
 * The only place that touches ONNX Runtime: makes sessions from serialized graphs, and feeds and reads typed arrays.
 * @module
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { EngineError } from '../../../support/errors.ts';
import { loadRuntime, type Ort } from './load-runtime.ts';

export interface RuntimeOptions {
  /** Threads of one operator. Default: 2, or fewer where the machine has fewer cores. */
  readonly threads: number;
  /** Whether idle threads spin; faster when nothing else runs, slower on a busy machine. */
  readonly spinning: boolean;
  /** Prefix of a profile file written when sessions end; off when absent. */
  readonly profile?: string;
}

/** A tensor on its way in or out. */
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

  floats(values: Float32Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('float32', values, dims);
  }

  longs(values: BigInt64Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('int64', values, dims);
  }

  /** bfloat16 numbers as their bits; the graph widens them. */
  halves(values: Uint16Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('uint16', values, dims);
  }

  ints(values: Int32Array, dims: readonly number[]): Tensor {
    return new this.#ort.Tensor('int32', values, dims);
  }

  /** Rows of a matrix of float32 or of the bits of bfloat16 numbers, where they lie. */
  rows(
    { data }: Tensor,
    { from, to, columns }: { readonly from: number; readonly to: number; readonly columns: number },
  ): Tensor {
    const dims = [to - from, columns];
    return data instanceof Uint16Array
      ? this.halves(data.subarray(from * columns, to * columns), dims)
      : this.floats((data as Float32Array).subarray(from * columns, to * columns), dims);
  }

  /** A session over a serialized graph. */
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
          // every session has threads of its own: those of one must not spin while another runs
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
   * @param feeds - inputs by name; their memory is read, not copied. Those that the graph does not have are
   * left out
   * @param fetches - outputs wanted; default all. A tensor beside a name is written to, and may be one that is fed
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

/** The float32 data of an output. */
export function floatData(tensor: Tensor | undefined): Float32Array {
  if (tensor?.type !== 'float32')
    throw new EngineError(`engine onnx: expected a float32 output, got ${tensor?.type ?? 'none'}`);
  return tensor.data as Float32Array;
}
