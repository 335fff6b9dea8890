import { describe, expect, it } from 'vitest';
import { EngineError } from '../../../support/errors.ts';
import { checkContext, checkSequence } from './sequence-check.ts';

const limits = { vocabSize: 10, maxPositions: 4 };
const check = (context: readonly number[], tokens: readonly number[]) => () =>
  checkSequence({ context: Int32Array.from(context), tokens: Int32Array.from(tokens) }, limits);

describe('checkSequence', () => {
  it('accepts valid sequences up to the maximum context', () => {
    expect(check([0], [])).not.toThrow();
    // the last token is only a target, so it does not count towards the maximum
    expect(check([9, 0, 1], [9, 2])).not.toThrow();
    expect(check([1, 2, 3, 4], [5])).not.toThrow();
  });

  it('rejects invalid sequences', () => {
    expect(check([], [1])).toThrow('engine onnx: expected a context of at least one token');
    expect(check([1, 10], [])).toThrow('engine onnx: expected token ids from 0 to 9, got 10; the tokens are');
    expect(check([-1], [1])).toThrow('expected token ids from 0 to 9, got -1');
    expect(check([1], [2, 33])).toThrow('expected token ids from 0 to 9, got 33');
    expect(check([1, 2, 3], [4, 5, 6])).toThrow('expected at most 4 tokens (max_position_embeddings), got 5');
    expect(check([], [])).toThrow(EngineError);
  });
});

it('checkContext does not check the length', () => {
  expect(() => checkContext(new Int32Array(9), limits)).not.toThrow();
});
