/**
 * A frozen base model, which all adapters over it share in memory. Matrices can be stored as bfloat16, which halves
 * the memory; the graphs cast one layer at a time to float32.
 * @module
 */
import { ConfigError } from '../../../support/errors.ts';
import { toBfloat16 } from '../../../support/float16.ts';
import { type ParameterSpec, parameterSize, parameterSpecs, type Weights } from '../decoder/parameters.ts';
import { isFrozenMatrix, type WeightStorage } from '../decoder/weight-inputs.ts';
import type { Runtime, Tensor } from '../graph/runtime.ts';
import {
  type Checkpoint,
  type OnWarning,
  readCheckpointFiles,
  readParameters,
} from '../weights/checkpoint.ts';

/** Bases smaller than this size (bytes in float32) stay float32, which is faster. */
const BFLOAT16_FROM_BYTES = 3 * 2 ** 30;

/**
 * Returns the storage type of a base for `baseDtype: auto`.
 *
 * @param bytes - size of the base in float32
 * @param dtype - type of its matrices on disk
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

  /** @param tensors - weights by parameter name; matrices have type `storage` */
  constructor(files: Files, storage: WeightStorage, tensors: Readonly<Record<string, Tensor>>) {
    this.files = files;
    this.storage = storage;
    this.tensors = tensors;
    this.parameterCount = Object.values(tensors).reduce((sum, { size }) => sum + size, 0);
  }

  /** Creates a base from weights in memory; float32 arrays are not copied. */
  static fromWeights(runtime: Runtime, checkpoint: Checkpoint, storage: WeightStorage): FrozenBase {
    const tensors = parameterSpecs(checkpoint.config).map((spec): [string, Tensor] => {
      const values = checkpoint.weights.get(spec.name) as Float32Array;
      return [spec.name, storedTensor(runtime, { spec, values, storage })];
    });
    const { config, tokenizer } = checkpoint;
    return new FrozenBase({ config, tokenizer }, storage, Object.fromEntries(tensors));
  }

  /**
   * Reads a base from a folder tensor by tensor: memory never contains more than the stored base and one
   * tensor.
   *
   * @param options.storage - type of the matrices in memory; `auto` is bfloat16 if the base is large and its matrices
   *   are bfloat16 on disk, so that no value changes
   * @throws ConfigError if the folder is not a complete checkpoint
   */
  static fromFolder(
    runtime: Runtime,
    dir: string,
    { storage, onWarning }: { readonly storage: WeightStorage | 'auto'; readonly onWarning?: OnWarning },
  ): FrozenBase {
    const files = readCheckpointFiles(dir, onWarning);
    const specs = parameterSpecs(files.config);
    const bytes = 4 * specs.reduce((sum, spec) => sum + parameterSize(spec), 0);
    const tensors: Record<string, Tensor> = {};
    let chosen: WeightStorage | undefined = storage === 'auto' ? undefined : storage;
    const onParameter = (spec: ParameterSpec, values: Float32Array, dtype: string): void => {
      // the type of the first parameter, the embedding, decides, because checkpoints normally have a single
      // type
      if (storage === 'auto' && chosen === 'bfloat16' && dtype !== 'BF16' && isFrozenMatrix(spec))
        throw new ConfigError(
          `${dir}: expected all matrices in bfloat16 like the first one, got ${dtype} for ${spec.name}; set engine.base_dtype`,
        );
      chosen ??= automaticStorage(bytes, dtype);
      tensors[spec.name] = storedTensor(runtime, { spec, values, storage: chosen });
    };
    readParameters(dir, specs, { onParameter, onWarning });
    return new FrozenBase(files, chosen ?? 'float32', tensors);
  }

  /** Returns all weights in float32. Weights that are stored as float32 are not copied. */
  weights(): Weights {
    return new Map(
      Object.entries(this.tensors).map(([name, { data }]) => [
        name,
        data instanceof Uint16Array ? upcast(data) : (data as Float32Array), // bfloat16 or float32
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
