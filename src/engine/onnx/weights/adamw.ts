/**
 * In-place AdamW on float32 arrays: decoupled weight decay, bias-corrected moments. A test compares it with the
 * float64 reference in `core/adamw.ts`.
 * @see Loshchilov & Hutter, arXiv:1711.05101
 * @module
 */
import type { AdamWParams } from '../../engine.ts';

/** One parameter with its gradient and moments; all arrays have the same length. */
export interface AdamWSlot {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly decay: boolean;
}

/**
 * Updates theta <- theta - lr (mhat / (sqrt(vhat) + eps) + wd theta) with the gradient multiplied by `scale`.
 *
 * @param state.step - step number, 1 for the first step
 * @param state.scale - factor of gradient clipping; 1 without clipping
 */
export function adamwStep(
  slot: AdamWSlot,
  params: AdamWParams,
  state: { readonly step: number; readonly scale: number },
): void {
  const { weights, gradient, m, v } = slot;
  const { beta1, beta2, epsilon, learningRate } = params;
  const { step, scale } = state;
  const correction1 = 1 / (1 - beta1 ** step);
  const correction2 = 1 / (1 - beta2 ** step);
  const shrink = 1 - learningRate * (slot.decay ? params.weightDecay : 0);
  for (let i = 0; i < weights.length; i++) {
    const g = gradient[i] * scale;
    const first = beta1 * m[i] + (1 - beta1) * g;
    const second = beta2 * v[i] + (1 - beta2) * g * g;
    m[i] = first;
    v[i] = second;
    weights[i] =
      weights[i] * shrink -
      (learningRate * first * correction1) / (Math.sqrt(second * correction2) + epsilon);
  }
}

/** Returns the L2 norm of several gradients together; NaN or Infinity if any entry is NaN or Infinity. */
export function globalNorm(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients)
    for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
  return Math.sqrt(sum);
}
