import { expect, it } from 'vitest';
import { encodeValues, storedValues, writtenBytes, writtenType } from './write-values.ts';

it('quantizes to Q8_0 like the gguf package', () => {
  const values = Float32Array.from({ length: 64 }, (_, i) =>
    i < 32 ? Math.fround(((i * 37) % 64) / 8 - 4) : 0,
  );
  // gguf.quants.quantize(values, GGMLQuantizationType.Q8_0) of gguf 0.19
  const hex = Buffer.from(encodeValues(values, 'Q8_0')).toString('hex');
  expect(hex).toBe(`08288114a93cd063f88d20b547dc6f04992cc053e87b10a538cc5ff4891cb143d86b${'00'.repeat(34)}`);
  const stored = storedValues(values, 'Q8_0');
  stored.forEach((value, i) => {
    expect(Math.abs(value - (values[i] as number))).toBeLessThanOrEqual(4 / 127 / 2 + 4e-3);
  });
});

it('keeps vectors in float32, and rows that have no whole blocks in float16', () => {
  expect(writtenType([64], 'Q8_0')).toBe('F32');
  expect(writtenType([3, 64], 'Q8_0')).toBe('Q8_0');
  expect(writtenType([3, 48], 'Q8_0')).toBe('F16');
  expect(writtenType([3, 48], 'BF16')).toBe('BF16');
  expect(writtenBytes([3, 64], 'Q8_0')).toBe(3 * 2 * 34);
  expect(writtenBytes([3, 48], 'F16')).toBe(288);
});
