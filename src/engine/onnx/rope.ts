/**
 * Tables of the rotary position embedding: cos and sin of position * theta^(-2 j / d).
 * @see Su et al., "RoFormer", arXiv:2104.09864, eq. 15
 * @module
 */

export interface RopeTables {
  /** Positions in the tables. */
  readonly positions: number;
  /** [positions, d/2] */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
  readonly sinNegative: Float32Array;
}

/**
 * @param positions - rows of the tables
 * @param headDim - d, even
 * @param theta - base of the frequencies
 */
export function ropeTables(positions: number, headDim: number, theta: number): RopeTables {
  const half = headDim / 2;
  const cos = new Float32Array(positions * half);
  const sin = new Float32Array(positions * half);
  for (let p = 0; p < positions; p++)
    for (let j = 0; j < half; j++) {
      const angle = p * theta ** ((-2 * j) / headDim);
      cos[p * half + j] = Math.cos(angle);
      sin[p * half + j] = Math.sin(angle);
    }
  return { positions, cos, sin, sinNegative: sin.map((value) => -value) };
}
