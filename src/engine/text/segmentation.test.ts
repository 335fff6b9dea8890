import { expect, it } from 'vitest';
import { segmentationWarning } from './segmentation.ts';

const gemma = { architecture: 'Gemma3ForCausalLM', algorithm: 'Unigram', vocabSize: 262_144 };

it('warns about a released Gemma model with a Unigram tokenizer', () => {
  expect(segmentationWarning(gemma, 'm/tokenizer.json')).toMatch(
    /^m\/tokenizer\.json: .* trained with BPE.*use the GGUF file/,
  );
});

it.each([
  { ...gemma, algorithm: 'BPE' },
  { ...gemma, architecture: 'LlamaForCausalLM' },
  { ...gemma, vocabSize: 300 },
])('returns nothing for %o', (model) => {
  expect(segmentationWarning(model, 'm/tokenizer.json')).toBeUndefined();
});
