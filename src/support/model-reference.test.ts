import { describe, expect, it } from 'vitest';
import { formatHubReference, isHubReference, parseHubReference } from './model-reference.ts';

describe('a model on the hub', () => {
  it.each([
    ['hf:Qwen/Qwen3-0.6B', { repo: 'Qwen/Qwen3-0.6B' }],
    ['hf:a/b@refs/pr/1', { repo: 'a/b', revision: 'refs/pr/1' }],
    ['hf:gpt2@main', { repo: 'gpt2', revision: 'main' }],
    ['hf:a/b/c.Q4_K_M.gguf', { repo: 'a/b', file: 'c.Q4_K_M.gguf' }],
    ['hf:a/b/Q8_0/c.gguf@v1', { repo: 'a/b', file: 'Q8_0/c.gguf', revision: 'v1' }],
  ])('%s', (model, reference) => {
    expect(isHubReference(model)).toBe(true);
    expect(parseHubReference(model)).toEqual(reference);
    expect(formatHubReference(reference)).toBe(model);
  });

  it.each([
    'hf:',
    'hf:a/b/c',
    'hf:../b',
    'hf:a/b@',
    'hf:a/b@../x',
    'hf:a/b@x@y',
    'hf:a b',
    'hf:a/..b',
    'hf:a/b/../c.gguf',
    'hf:a/b//c.gguf',
    'hf:a/b/.gguf',
  ])('is not %j', (model) => {
    expect(() => parseHubReference(model)).toThrow(
      `${model}: expected hf:OWNER/NAME or hf:OWNER/NAME@REVISION`,
    );
  });

  it('is no folder', () => {
    expect(isHubReference('models/hf')).toBe(false);
  });
});
