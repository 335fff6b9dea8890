/**
 * Scaled rotary positions of a GGUF file as the `rope_scaling` of a `config.json`. Linear and YaRN scaling have metadata
 * keys. Llama 3's scaling is stored as one factor per frequency in the tensor `rope_freqs.weight`, from which its
 * parameters are recovered.
 * @see llama.cpp, conversion/llama.py `generate_extra_tensors`
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import { type GgufContent, tensorBytes } from './container.ts';
import type { Metadata } from './metadata.ts';
import { tensorType } from './tensor-types.ts';

/** Name of the tensor with one factor per frequency. */
export const ROPE_FACTORS = 'rope_freqs.weight';

type Scaling = Readonly<Record<string, unknown>>;

interface RopeOf {
  /** Architecture, the prefix of the keys. */
  readonly name: string;
  readonly headDim: number;
  /** Base of the frequencies. */
  readonly theta: number;
}

/**
 * Returns `rope_scaling`, or null if positions are not scaled.
 *
 * @throws ConfigError if the scaling is of another kind
 */
export function ropeScaling(file: GgufContent, metadata: Metadata, rope: RopeOf): Scaling | null {
  const key = (name: string): string => `${rope.name}.rope.scaling.${name}`;
  const factor = metadata.number(key('factor')) ?? metadata.number(`${rope.name}.rope.scale_linear`) ?? 1;
  const type = metadata.string(key('type')) ?? (factor === 1 || factor === 0 ? 'none' : 'linear');
  const factors = readFactors(file);
  if (factors) return llama3Scaling(file.path, factors, rope);
  if (type === 'none' || (type === 'linear' && (factor === 1 || factor === 0))) return null;
  if (type === 'linear') return { rope_type: 'linear', factor };
  if (type !== 'yarn') throw metadata.problem(key('type'), 'none, linear or yarn', type);
  const optional = (field: string, name: string): Scaling => {
    const value = metadata.number(key(name));
    return value === undefined ? {} : { [field]: value };
  };
  return {
    rope_type: 'yarn',
    factor,
    ...optional('original_max_position_embeddings', 'original_context_length'),
    ...optional('attention_factor', 'yarn_attn_factor'),
    ...optional('beta_fast', 'yarn_beta_fast'),
    ...optional('beta_slow', 'yarn_beta_slow'),
  };
}

function readFactors(file: GgufContent): Float32Array | undefined {
  const tensor = file.tensors.get(ROPE_FACTORS);
  const type = tensor && tensorType(tensor.typeId);
  if (!tensor || !type) return undefined;
  const bytes = new Uint8Array(tensorBytes(file.path, tensor, type));
  file.read(bytes, tensor.offset);
  const factors = new Float32Array(tensor.shape.reduce((product, size) => product * size, 1));
  type.convert(bytes, factors);
  return factors;
}

/** Maximum relative deviation of a recovered factor; files store factors as float32. */
const TOLERANCE = 1e-5;

/**
 * Recovers Llama 3's parameters from its factors: 1 for high frequencies, `factor` for low ones, and
 * 1 / ((1 - s) / factor + s) in between, where s is linear in the frequency. All released models use
 * `low_freq_factor` 1; other values only scale the remaining parameters.
 */
function llama3Scaling(path: string, factors: Float32Array, { headDim, theta }: RopeOf): Scaling | null {
  const frequencies = Float64Array.from(factors, (_, j) => theta ** ((-2 * j) / headDim));
  const factor = factors.reduce((largest, value) => Math.max(largest, value), 1);
  if (factor === 1) return null;
  const candidates = [{ original: 8192, high: 4 }, ...fitted({ factors, frequencies, factor })];
  for (const { original, high } of candidates) {
    const expected = frequencies.map((frequency) => llama3Factor(frequency, { factor, original, high }));
    if (expected.every((value, j) => Math.abs(value - (factors[j] as number)) <= TOLERANCE * value))
      return {
        rope_type: 'llama3',
        factor,
        low_freq_factor: 1,
        high_freq_factor: high,
        original_max_position_embeddings: original,
      };
  }
  throw new ConfigError(
    `${path}: tensor "${ROPE_FACTORS}" scales positions in another way than Llama 3, which is not supported`,
    { code: 'TROUPE_GGUF' },
  );
}

interface Llama3 {
  readonly factor: number;
  readonly original: number;
  readonly high: number;
}

function llama3Factor(frequency: number, { factor, original, high }: Llama3): number {
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < original / high) return 1;
  if (wavelength > original) return factor;
  const smooth = (original / wavelength - 1) / (high - 1);
  return 1 / ((1 - smooth) / factor + smooth);
}

/**
 * Solves s = (original / wavelength - 1) / (high - 1) for two frequencies with factors between 1 and the largest. If
 * there are fewer, `high` has its usual value.
 */
function fitted({
  factors,
  frequencies,
  factor,
}: {
  readonly factors: Float32Array;
  readonly frequencies: Float64Array;
  readonly factor: number;
}): readonly Pick<Llama3, 'original' | 'high'>[] {
  const between = [...factors.keys()].filter((j) => factors[j] > 1 && factors[j] < factor);
  const [first, last] = [between[0], between.at(-1)];
  const smooth = (j: number): number => (1 / (factors[j] as number) - 1 / factor) / (1 - 1 / factor);
  const turns = (j: number): number => (frequencies[j] as number) / (2 * Math.PI);
  const usual = 4;
  if (first === undefined || last === undefined) {
    const low = frequencies[factors.indexOf(factor)] as number;
    return [{ original: (0.99 * 2 * Math.PI) / low, high: usual }];
  }
  if (first === last) return [{ original: (1 + smooth(first) * (usual - 1)) / turns(first), high: usual }];
  const slope = (smooth(first) - smooth(last)) / (turns(first) - turns(last));
  const offset = slope * turns(first) - smooth(first);
  const high = 1 + 1 / offset;
  const original = slope * (high - 1);
  return [
    { original: Math.round(original), high: Math.round(high) },
    { original, high },
  ];
}
