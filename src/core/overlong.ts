/**
 * Soft overlong punishment: a penalty on the reward of messages whose length approaches the maximum.
 * @see DAPO (arXiv 2503.14476) Eq. 13
 * @module
 */
import { checkInteger, checkPositive } from './check.ts';

/** The interval of lengths in which the penalty grows, and its maximum. */
export interface OverlongBuffer {
  /** Maximum length of a message (L_max), tokens. */
  readonly maxLength: number;
  /** Length of the interval before the maximum (L_cache), tokens, 1..maxLength. */
  readonly len: number;
  /** Penalty at the maximum length, reward units, > 0. DAPO: 1. */
  readonly penaltyFactor: number;
}

/**
 * Returns the penalty of a message: 0 up to maxLength − len tokens, then growing linearly to `penaltyFactor` at
 * maxLength.
 *
 * @param length - tokens of the message including its end token
 * @returns penalty to subtract from the reward, reward units
 * @throws DomainError if a length is not an integer in its range or the factor is not > 0
 *
 * @example
 * overlongPenalty(90, { maxLength: 100, len: 20, penaltyFactor: 1 }); // => 0.5
 */
export function overlongPenalty(length: number, buffer: OverlongBuffer): number {
  const where = 'overlongPenalty';
  const { maxLength, len, penaltyFactor } = buffer;
  checkInteger(where, 'length', length, 0);
  checkInteger(where, 'len', len, 1);
  checkInteger(where, 'maxLength', maxLength, len);
  checkPositive(where, 'penaltyFactor', penaltyFactor);
  const exceeding = Math.max(0, length - (maxLength - len));
  return penaltyFactor * Math.min(1, exceeding / len);
}
