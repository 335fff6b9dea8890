import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromFloat16, toBfloat16, toFloat16, widenFloats } from './float16.ts';

describe('bfloat16', () => {
  it('rounds to the nearest, ties to even', () => {
    // expected values: torch.tensor([...]).to(torch.bfloat16).view(torch.uint16) in PyTorch 2.8
    const values = Float32Array.of(
      1,
      1 + 2 ** -8,
      1 + 3 * 2 ** -8,
      1 + 2 ** -8 + 2 ** -20,
      -0,
      3.4e38,
      1e-45,
    );
    expect([...toBfloat16(values)]).toEqual([0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x8000, 0x7f80, 0x0000]);
  });

  it('preserves infinities and NaN', () => {
    const bits = Uint32Array.of(0x7f800000, 0xff800000, 0x7fc00000, 0x7f800001, 0xffffffff);
    const halves = toBfloat16(new Float32Array(bits.buffer));
    const back = new Float32Array(halves.length);
    widenFloats(new Uint8Array(halves.buffer), 'BF16', back);
    expect([...back]).toEqual([Infinity, -Infinity, NaN, NaN, NaN]);
  });

  it('is exact on its own results and has an error of at most half a step', () => {
    fc.assert(
      fc.property(fc.float32Array({ noNaN: true, minLength: 1, maxLength: 20 }), (values) => {
        const back = new Float32Array(values.length);
        widenFloats(new Uint8Array(toBfloat16(values).buffer), 'BF16', back);
        expect(toBfloat16(back)).toEqual(toBfloat16(values));
        values.forEach((value, i) => {
          if (Math.abs(value) > 1e-30 && Math.abs(value) < 1e38)
            expect(Math.abs((back[i] as number) / value - 1)).toBeLessThanOrEqual(2 ** -8);
        });
      }),
    );
  });
});

it('float16 patterns are converted to their values', () => {
  for (const [half, value] of [
    [0x3c00, 1],
    [0x3555, 0.333251953125],
    [0x0001, 2 ** -24],
    [0xfbff, -65504],
  ] as const)
    expect(fromFloat16(half)).toBe(value);
});

describe('float16', () => {
  it('rounds to the nearest, ties to even', () => {
    // expected values: numpy.array([...], 'float32').astype('float16').view('uint16') in NumPy 2.3
    const values = Float32Array.of(
      ...[1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20, -0, 0.1, -1.7],
      ...[
        65504,
        65519,
        65520,
        1e30,
        2 ** -14,
        2 ** -15 + 2 ** -26,
        2 ** -24,
        2 ** -25,
        1.5 * 2 ** -25,
        -1e-45,
      ],
    );
    expect([...toFloat16(values)]).toEqual([
      ...[0x3c00, 0x3c00, 0x3c02, 0x3c01, 0x8000, 0x2e66, 0xbecd],
      ...[0x7bff, 0x7bff, 0x7c00, 0x7c00, 0x0400, 0x0200, 0x0001, 0x0000, 0x0001, 0x8000],
    ]);
  });

  it('preserves infinities and NaN, and every one of its own numbers', () => {
    const special = toFloat16(Float32Array.of(Infinity, -Infinity, NaN));
    expect([...special].map(fromFloat16)).toEqual([Infinity, -Infinity, NaN]);
    const own = Uint16Array.from({ length: 0x10000 }, (_, half) => half).filter(
      (half) => (half & 0x7c00) !== 0x7c00,
    );
    expect(toFloat16(Float32Array.from(own, fromFloat16))).toEqual(own);
  });
});
