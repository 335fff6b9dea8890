/**
 * Weights that nobody trains, once in memory however many agents adapt them. Matrices may be kept as
 * bfloat16, half the memory; the graphs widen one layer at a time.
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import { toBfloat16 } from '../../../support/float16.ts';
import { type ParameterSpec, parameterSize, parameterSpecs, type Weights } from '../decoder/parameters.ts';
import { isFrozenMatrix, type WeightStorage } from '../decoder/weight-inputs.ts';
import type { Runtime, Tensor } from '../graph/runtime.ts';
import { type Checkpoint, readCheckpointFiles, readParameters } from '../weights/checkpoint.ts';

/** Bases below this many bytes in float32 are kept so: they are faster, and there is room. */
const BFLOAT16_FROM_BYTES = 3 * 2 ** 30;

/**
 * How a base is kept where nobody says.
 *
 * @param bytes - its size in float32
 * @param dtype - of its matrices on disk
 */
export function automaticStorage(bytes: number, dtype: string): WeightStorage {
  return bytes >= BFLOAT16_FROM_BYTES && dtype === 'BF16' ? 'bfloat16' : 'float32';
}

type Files = Pick<Checkpoint, 'config' | 'tokenizer'>;

export class FrozenBase {
  readonly files: Files;
  readonly storage: WeightStorage;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly parameterCount: number;

  /** @param tensors - by parameter name, the matrices in `storage` */
  constructor(files: Files, storage: WeightStorage, tensors: Readonly<Record<string, Tensor>>) {
    this.files = files;
    this.storage = storage;
    this.tensors = tensors;
    this.parameterCount = Object.values(tensors).reduce((sum, { size }) => sum + size, 0);
  }

  /** A base over weights in memory; what is kept in float32 is not copied. */
  static fromWeights(runtime: Runtime, checkpoint: Checkpoint, storage: WeightStorage): FrozenBase {
    const tensors = parameterSpecs(checkpoint.config).map((spec): [string, Tensor] => {
      const values = checkpoint.weights.get(spec.name) as Float32Array;
      return [spec.name, storedTensor(runtime, { spec, values, storage })];
    });
    const { config, tokenizer } = checkpoint;
    return new FrozenBase({ config, tokenizer }, storage, Object.fromEntries(tensors));
  }

  /**
   * The base in a folder, read tensor by tensor: memory never holds more than the base as it is kept and one
   * tensor.
   *
   * @param storage - auto: bfloat16 where the base is large and so on disk, so that no value changes
   * @throws ConfigError if the folder is no whole checkpoint
   */
  static fromFolder(runtime: Runtime, dir: string, storage: WeightStorage | 'auto'): FrozenBase {
    const files = readCheckpointFiles(dir);
    const specs = parameterSpecs(files.config);
    const bytes = 4 * specs.reduce((sum, spec) => sum + parameterSize(spec), 0);
    const tensors: Record<string, Tensor> = {};
    let chosen: WeightStorage | undefined = storage === 'auto' ? undefined : storage;
    readParameters(dir, specs, (spec, values, dtype) => {
      // the first is the embedding, and checkpoints are of one type but for accidents
      if (storage === 'auto' && chosen === 'bfloat16' && dtype !== 'BF16' && isFrozenMatrix(spec))
        throw new ConfigError(
          `${dir}: expected all matrices in bfloat16 as the first is, got ${dtype} for ${spec.name}; say which to keep with engine.base_dtype`,
        );
      chosen ??= automaticStorage(bytes, dtype);
      tensors[spec.name] = storedTensor(runtime, { spec, values, storage: chosen });
    });
    return new FrozenBase(files, chosen ?? 'float32', tensors);
  }

  /** The weights in float32, those that are so already without a copy. */
  weights(): Weights {
    return new Map(
      Object.entries(this.tensors).map(([name, { data }]) => [
        name,
        data instanceof Uint16Array ? upcast(data) : (data as Float32Array), // the two kinds there are
      ]),
    );
  }
}

function upcast(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return values;
}

function storedTensor(
  runtime: Runtime,
  parameter: { readonly spec: ParameterSpec; readonly values: Float32Array; readonly storage: WeightStorage },
): Tensor {
  const { spec, values, storage } = parameter;
  return storage === 'bfloat16' && isFrozenMatrix(spec)
    ? runtime.bfloat16(toBfloat16(values), spec.shape)
    : runtime.float32(values, spec.shape);
}
