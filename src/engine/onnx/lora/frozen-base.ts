/**
 * Weights that nobody trains, once in memory however many agents adapt them. Matrices may be kept as
 * bfloat16, half the memory; the graphs widen one layer at a time.
 * @module
 */
import { toBfloat16 } from '../../../support/float16.ts';
import type { Checkpoint } from '../checkpoint.ts';
import { parameterSpecs, type Weights } from '../decoder/parameters.ts';
import { isFrozenMatrix, type WeightStorage } from '../decoder/weight-inputs.ts';
import type { Runtime, Tensor } from '../runtime.ts';

/** Bases below this many bytes in float32 are kept so: they are faster, and there is room. */
const NARROW_FROM_BYTES = 2 ** 30;

export class FrozenBase {
  readonly files: Pick<Checkpoint, 'config' | 'tokenizer'>;
  readonly storage: WeightStorage;
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly parameterCount: number;

  /**
   * @param checkpoint - handed over; its matrices are let go one by one as they are narrowed
   * @param storage - auto: bfloat16 where the base is large and no value changes by it
   */
  constructor(runtime: Runtime, checkpoint: Checkpoint, storage: WeightStorage | 'auto') {
    const { config, tokenizer } = checkpoint;
    this.files = { config, tokenizer };
    const specs = parameterSpecs(config);
    const weights = new Map(checkpoint.weights);
    this.storage = storage === 'auto' ? chosenStorage(weights) : storage;
    const tensors: Record<string, Tensor> = {};
    let count = 0;
    for (const spec of specs) {
      const values = weights.get(spec.name) as Float32Array;
      count += values.length;
      tensors[spec.name] =
        this.storage === 'bfloat16' && isFrozenMatrix(spec)
          ? runtime.halves(toBfloat16(values), spec.shape)
          : runtime.floats(values, spec.shape);
      weights.delete(spec.name);
    }
    this.tensors = tensors;
    this.parameterCount = count;
  }

  /** The weights in float32, those that are so already without a copy. */
  weights(): Weights {
    return new Map(
      Object.entries(this.tensors).map(([name, { data }]) => [
        name,
        data instanceof Uint16Array ? widened(data) : (data as Float32Array), // the two kinds there are
      ]),
    );
  }
}

function widened(halves: Uint16Array): Float32Array {
  const values = new Float32Array(halves.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = halves[i] << 16;
  return values;
}

function chosenStorage(weights: Weights): WeightStorage {
  let bytes = 0;
  for (const { byteLength } of weights.values()) bytes += byteLength;
  if (bytes < NARROW_FROM_BYTES) return 'float32';
  for (const values of weights.values()) {
    const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
    for (let i = 0; i < bits.length; i++) if ((bits[i] & 0xffff) !== 0) return 'float32';
  }
  return 'bfloat16';
}
