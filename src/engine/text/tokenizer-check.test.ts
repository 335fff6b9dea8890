import { expect, it } from 'vitest';
import { checkTokenizer } from './tokenizer-check.ts';

it('encodes and decodes a text with the Rust library', () => {
  expect(checkTokenizer()).toBeGreaterThan(0);
});
