import { describe, expect, it } from 'vitest';
import { DomainError } from './errors.ts';
import { overlongPenalty } from './overlong.ts';

const buffer = { maxLength: 100, len: 20, penaltyFactor: 1 };

describe('overlongPenalty', () => {
  it('grows linearly over the last len tokens before the maximum', () => {
    const penalties = [0, 80, 81, 90, 100, 120].map((length) => overlongPenalty(length, buffer));
    expect(penalties).toEqual([0, 0, 0.05, 0.5, 1, 1]);
    expect(overlongPenalty(90, { ...buffer, penaltyFactor: 0.2 })).toBeCloseTo(0.1, 15);
    expect(overlongPenalty(50, { ...buffer, len: 100 })).toBe(0.5);
  });

  it('throws a DomainError for invalid input', () => {
    expect(() => overlongPenalty(1, { ...buffer, len: 101 })).toThrow(DomainError);
    expect(() => overlongPenalty(1, { ...buffer, len: 0 })).toThrow('len');
    expect(() => overlongPenalty(1, { ...buffer, penaltyFactor: 0 })).toThrow('penaltyFactor > 0');
  });
});
