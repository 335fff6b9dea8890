import { describe, expect, it } from 'vitest';
import { ropeTables } from './rope.ts';

describe('ropeTables', () => {
  it('contain cos and sin of position * theta^(-2j/d)', () => {
    // python: [math.cos(p * 10000 ** (-2 * j / 4)) for p in range(3) for j in range(2)], and sin
    const { positions, cos, sin } = ropeTables(3, { headDim: 4, theta: 10000 });
    expect(positions).toBe(3);
    const close = (got: Float32Array, expected: readonly number[]): void =>
      expected.forEach((value, i) => {
        expect(got[i]).toBeCloseTo(value, 7);
      });
    close(cos, [1, 1, 0.5403023058681398, 0.9999500004166653, -0.4161468365471424, 0.9998000066665778]);
    close(sin, [0, 0, 0.8414709848078965, 0.009999833334166664, 0.9092974268256817, 0.01999866669333308]);
  });

  it('are exact at large positions: angles are computed in float64', () => {
    // python: math.cos(40000.0), math.sin(40000 * 1e6 ** (-2 / 8))
    const { cos, sin } = ropeTables(40001, { headDim: 8, theta: 1e6 });
    expect(cos[40000 * 4]).toBeCloseTo(0.32258747361288764, 7);
    expect(sin[40000 * 4 + 1]).toBeCloseTo(0.9130803781772845, 7);
  });

  it('include the inverse rotation', () => {
    const { sin, sinNegative } = ropeTables(9, { headDim: 6, theta: 500 });
    expect([...sinNegative]).toEqual([...sin].map((value) => -value));
  });

  it('have the same rows when they grow', () => {
    const [short, long] = [
      ropeTables(5, { headDim: 6, theta: 10000 }),
      ropeTables(64, { headDim: 6, theta: 10000 }),
    ];
    expect(long.cos.slice(0, 15)).toEqual(short.cos);
    expect(long.sin.slice(0, 15)).toEqual(short.sin);
  });
});
