import { expect, it } from 'vitest';
import { readConfig, SMALL_SIZES } from '../testing/read-config.ts';

const read = (json: object) => readConfig({ ...SMALL_SIZES, ...json });

it.each([
  [{ architectures: ['Qwen3Model'], model_type: 'qwen3' }, 'Qwen3ForCausalLM'],
  [{ architectures: ['FSDPQwen3ForCausalLM'], model_type: 'qwen3' }, 'Qwen3ForCausalLM'],
  [{ architectures: ['Gemma3TextModel'], model_type: 'gemma3_text' }, 'Gemma3ForCausalLM'],
  [{ architectures: ['LlamaForCausalLM'], model_type: 'LLAMA' }, 'LlamaForCausalLM'],
  [{ architectures: null, model_type: 'llama' }, 'LlamaForCausalLM'],
])('%j is %s', (json, architecture) => {
  expect(read(json)).toMatchObject({ config: { architecture }, warnings: [] });
});

it('goes by the model type, as Transformers does, if the class belongs to another family', () => {
  const { config, warnings } = read({ architectures: ['LlamaForCausalLM'], model_type: 'mistral' });
  expect(config.architecture).toBe('MistralForCausalLM');
  expect(warnings).toEqual([
    'm/config.json: expected one family, got LlamaForCausalLM and model_type "mistral"; the latter counts, as in Transformers',
  ]);
});

it.each(['Qwen3ForSequenceClassification', 'Qwen3MoeForCausalLM', 'MyLlama'])(
  'refuses the class %s',
  (name) => {
    expect(() => read({ architectures: [name], model_type: 'qwen3' })).toThrow(
      `m/config.json: architecture "${name}" is not supported`,
    );
  },
);

it('reads the text part of a model for text and images', () => {
  const { vocab_size: _, ...text } = SMALL_SIZES;
  const { config, warnings } = readConfig({
    architectures: ['Gemma3ForConditionalGeneration'],
    model_type: 'gemma3',
    eos_token_id: [1, 106],
    text_config: { ...text, model_type: 'gemma3_text', sliding_window: 8 },
    vision_config: { hidden_size: 9 },
  });
  expect(config).toMatchObject({ architecture: 'Gemma3ForCausalLM', vocabSize: 262208, endTokens: [1, 106] });
  expect(warnings).toEqual([
    'm/config.json: Gemma3ForConditionalGeneration is read without its parts for images; a saved model has its text part only',
  ]);
  expect(() => read({ model_type: 'qwen2_5_vl', text_config: text })).toThrow(
    '"qwen2_5_vl" is not supported',
  );
});
