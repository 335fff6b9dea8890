/**
 * AdamW on float32 arrays in place: decoupled weight decay, bias-corrected moments.
 * The reference on plain numbers is `core/adamw.ts`; a test holds the two together.
 * @see Loshchilov & Hutter, arXiv:1711.05101
 * @module
 */
import type { AdamWParams } from '../../engine.ts';

/** One parameter's numbers; all arrays have its length. */
export interface AdamWSlot {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
  readonly decay: boolean;
}

/**
 * theta <- theta - lr (mhat / (sqrt(vhat) + eps) + wd theta), gradient scaled by `scale` first.
 *
 * @param step - 1 for the first step
 * @param scale - factor of clipping, 1 when the norm is small enough
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

/** L2 norm over several gradients; NaN or Infinity if any entry is. */
export function globalNorm(gradients: readonly Float32Array[]): number {
  let sum = 0;
  for (const gradient of gradients)
    for (let i = 0; i < gradient.length; i++) sum += gradient[i] * gradient[i];
  return Math.sqrt(sum);
}
