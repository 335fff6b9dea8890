/**
 * Result of the measurement of rounding: the part of the learned change that an exported model keeps.
 * @module
 */
import { percent } from './format.ts';

/** KL per token state, nats. */
export interface KlSummary {
  readonly mean: number;
  /** 99% quantile over token states. */
  readonly q99: number;
}

export interface RoundingLoss {
  /** Name of the type of the exported weights, e.g. `bfloat16`. */
  readonly dtype: string;
  readonly messages: number;
  /** Whether the messages were sampled for the measurement, because the run has stored none. */
  readonly sampled?: boolean;
  /** Number of token states of these messages. */
  readonly states: number;
  /** KL(trained || exported) over the token states. */
  readonly lost: KlSummary;
  /** KL(trained || base) over the same token states; absent if the base is not on this machine. */
  readonly learned?: KlSummary;
  /** Numbers of weights that training could change, and of those that equal the base after rounding. */
  readonly weights?: { readonly trained: number; readonly equal: number };
}

/** Largest share of the learned change, in KL, that an export can lose without a warning. */
const MATERIAL_SHARE = 0.1;
/** KL that is never material, nats per token: about the float32 error of the measurement itself. */
const NEGLIGIBLE_KL = 1e-6;
/** KL that is material where the base is unknown, nats per token. */
const MATERIAL_KL = 1e-3;

/** Returns whether rounding lost a material part of the learned change, or of a policy that did not change. */
export function isMaterial(loss: Pick<RoundingLoss, 'lost' | 'learned'>): boolean {
  const share = lostShare(loss);
  if (share === undefined) return loss.lost.mean > MATERIAL_KL;
  return share > MATERIAL_SHARE && loss.lost.mean > NEGLIGIBLE_KL;
}

/** Share of the learned change that rounding lost, in KL; undefined if it cannot be measured. */
export function lostShare({ lost, learned }: Pick<RoundingLoss, 'lost' | 'learned'>): number | undefined {
  return learned === undefined || learned.mean <= NEGLIGIBLE_KL ? undefined : lost.mean / learned.mean;
}

/** Describes the loss in one sentence per fact. */
export function roundingLines(loss: RoundingLoss): string[] {
  const { dtype, messages, sampled = false, states, lost, learned, weights } = loss;
  const share = lostShare(loss);
  const kl = ({ mean, q99 }: KlSummary): string =>
    `${mean.toExponential(1)} nats per token on average, ${q99.toExponential(1)} at the 99% quantile`;
  return [
    `KL(trained || exported) ${kl(lost)}, over ${states} tokens of ${messages} messages ${sampled ? 'sampled on prompts of the task' : 'of the run'}`,
    ...(learned === undefined ? [] : [`KL(trained || base) ${kl(learned)}`]),
    ...(learned === undefined || share !== undefined
      ? []
      : ['the trained model and the base do not differ on these messages']),
    ...(share === undefined
      ? []
      : [
          `rounding to ${dtype} loses ${percent(share)} of the learned change, as the ratio of the two means`,
        ]),
    ...(weights === undefined
      ? []
      : [
          `${percent(weights.equal / Math.max(1, weights.trained))} of the ${weights.trained.toLocaleString('en')} trained weights equal the base's in ${dtype}`,
        ]),
  ];
}

/** Returns the recommendation for an export that loses a material part; undefined if it loses none. */
export function roundingAdvice(loss: RoundingLoss, adapters: boolean): string | undefined {
  if (!isMaterial(loss)) return undefined;
  const instead = adapters ? '--dtype float32, or the adapter (without --merge)' : '--dtype float32';
  const limit =
    lostShare(loss) === undefined
      ? `${MATERIAL_KL} nats per token`
      : `${percent(MATERIAL_SHARE)} of the change`;
  return `${loss.dtype} does not keep the trained policy (limit: ${limit}); export with ${instead}`;
}
