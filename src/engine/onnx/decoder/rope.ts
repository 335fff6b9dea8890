/**
 * Tables of the rotary position embedding (RoPE): cos and sin of position * frequency, where frequency j is
 * theta^(-2 j / d). For contexts longer than those of pretraining, frequencies are scaled.
 * @see Su et al., "RoFormer", arXiv:2104.09864, eq. 15; Peng et al., "YaRN", arXiv:2309.00071
 * @module
 */
import type { RopeScaling } from '../../../support/decoder-shape.ts';

export interface RopeTables {
  /** Number of rows. */
  readonly positions: number;
  /** [positions, d/2] */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly sinNegative: Float32Array;
}

export interface RopeShape {
  /** d, even. */
  readonly headDim: number;
  /** Base of the frequencies. */
  readonly theta: number;
  readonly scaling?: RopeScaling | undefined;
}

/** Computes the tables. @param positions - number of rows of the tables */
export function ropeTables(positions: number, rope: RopeShape): RopeTables {
  const half = rope.headDim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  const frequencies = ropeFrequencies(rope);
  const factor = rope.scaling?.kind === 'yarn' ? rope.scaling.attentionFactor : 1;
  for (let p = 0; p < positions; p++)
    for (let j = 0; j < half; j++) {
      const angle = p * frequencies[j];
      cos[p * half + j] = Math.cos(angle) * factor;
      sin[p * half + j] = Math.sin(angle) * factor;
    }
  return { positions, cos, sin, sinNegative: sin.map((value) => -value) };
}

/** Returns the frequency of each pair of components, radians per position [d/2]. */
export function ropeFrequencies({ headDim, theta, scaling }: RopeShape): Float64Array {
  const plain = Float64Array.from({ length: headDim / 2 }, (_, j) => theta ** ((-2 * j) / headDim));
  switch (scaling?.kind) {
    case undefined:
    case 'dynamic': // scales only positions beyond the maximum context length
      return plain;
    case 'linear':
      return plain.map((frequency) => frequency / scaling.factor);
    case 'llama3':
      return plain.map((frequency) => llama3Frequency(frequency, scaling));
    case 'yarn':
      return yarnFrequencies(plain, { headDim, theta, scaling });
  }
}

/**
 * Scales a frequency as Llama 3 does: high frequencies are unchanged, low frequencies are divided by the
 * factor, and frequencies in between are interpolated.
 */
function llama3Frequency(frequency: number, scaling: Extract<RopeScaling, { kind: 'llama3' }>): number {
  const { factor, lowFrequencyFactor, highFrequencyFactor, originalPositions } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalPositions / highFrequencyFactor) return frequency;
  if (wavelength > originalPositions / lowFrequencyFactor) return frequency / factor;
  const smooth =
    (originalPositions / wavelength - lowFrequencyFactor) / (highFrequencyFactor - lowFrequencyFactor);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

/**
 * Scales frequencies as YaRN does: frequencies with many rotations over the original context are unchanged,
 * frequencies with few rotations are divided by the factor, and a linear ramp interpolates in between.
 */
function yarnFrequencies(
  plain: Float64Array,
  {
    headDim,
    theta,
    scaling,
  }: {
    readonly headDim: number;
    readonly theta: number;
    readonly scaling: Extract<RopeScaling, { kind: 'yarn' }>;
  },
): Float64Array {
  const pairWithRotations = (rotations: number): number =>
    (headDim * Math.log(scaling.originalPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [from, to] = [pairWithRotations(scaling.betaFast), pairWithRotations(scaling.betaSlow)];
  const low = Math.max(scaling.truncate ? Math.floor(from) : from, 0);
  const high = Math.min(scaling.truncate ? Math.ceil(to) : to, headDim - 1);
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, j) => {
    const ramp = Math.max(0, Math.min(1, (j - low) / width));
    return (frequency / scaling.factor) * ramp + frequency * (1 - ramp);
  });
}
