import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { readConfig, WHERE } from '../testing/read-config.ts';
import { parameterSize, parameterSpecs } from './parameters.ts';

/** The config.json of published models by name, retyped. */
const read = (name: string): Readonly<Record<string, unknown>> =>
  JSON.parse(readFileSync(`test/fixtures/configs/real/${name}.json`, 'utf8'));
const supported = read('supported');
const others = read('other-architectures');

/** Published numbers of parameters; tied weights count once, and those of image encoders do not count. */
const PARAMETERS: Readonly<Record<string, number>> = {
  'meta-llama/Meta-Llama-3-8B-Instruct': 8_030_261_248,
  'meta-llama/Llama-3.1-8B-Instruct': 8_030_261_248,
  'meta-llama/Llama-3.2-1B-Instruct': 1_235_814_400,
  'meta-llama/Llama-3.2-3B-Instruct': 3_212_749_824,
  'meta-llama/Llama-3.3-70B-Instruct': 70_553_706_496,
  'meta-llama/Llama-2-7b-chat-hf': 6_738_415_616,
  'TinyLlama/TinyLlama-1.1B-Chat-v1.0': 1_100_048_384,
  'lmsys/vicuna-7b-v1.5': 6_738_415_616,
  'lmsys/vicuna-7b-v1.5-16k': 6_738_415_616,
  'HuggingFaceTB/SmolLM2-135M-Instruct': 134_515_008,
  'HuggingFaceTB/SmolLM2-360M-Instruct': 361_821_120,
  'HuggingFaceTB/SmolLM2-1.7B-Instruct': 1_711_376_384,
  'HuggingFaceTB/SmolLM-135M': 134_515_008,
  'HuggingFaceTB/SmolLM3-3B': 3_075_098_624,
  'Qwen/Qwen1.5-0.5B-Chat': 463_987_712,
  'Qwen/Qwen1.5-1.8B-Chat': 1_836_828_672,
  'Qwen/Qwen2-0.5B-Instruct': 494_032_768,
  'Qwen/Qwen2-7B-Instruct': 7_615_616_512,
  'Qwen/Qwen2.5-0.5B-Instruct': 494_032_768,
  'Qwen/Qwen2.5-1.5B-Instruct': 1_543_714_304,
  'Qwen/Qwen2.5-7B-Instruct': 7_615_616_512,
  'Qwen/Qwen2.5-Coder-0.5B-Instruct': 494_032_768,
  'Qwen/Qwen2.5-Coder-1.5B': 1_543_714_304,
  'Qwen/Qwen2.5-Math-1.5B': 1_543_714_304,
  'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B': 1_777_088_000,
  'deepseek-ai/DeepSeek-R1-Distill-Llama-8B': 8_030_261_248,
  'Qwen/Qwen3-0.6B': 596_049_920,
  'Qwen/Qwen3-1.7B': 1_720_574_976,
  'Qwen/Qwen3-4B': 4_022_468_096,
  'Qwen/Qwen3-4B-Instruct-2507': 4_022_468_096,
  'Qwen/Qwen3-8B': 8_190_735_360,
  'Qwen/Qwen3-0.6B-Base': 596_049_920,
  'mistralai/Mistral-7B-v0.1': 7_241_732_096,
  'mistralai/Mistral-7B-Instruct-v0.2': 7_241_732_096,
  'mistralai/Mistral-7B-Instruct-v0.3': 7_248_023_552,
  'mistralai/Ministral-8B-Instruct-2410': 8_019_808_256,
  'teknium/OpenHermes-2.5-Mistral-7B': 7_241_748_480,
  'NousResearch/Hermes-3-Llama-3.2-3B': 3_212_749_824,
  'google/gemma-2-2b-it': 2_614_341_888,
  'google/gemma-2-9b-it': 9_241_705_984,
  'google/gemma-3-1b-it': 999_885_952,
  'google/gemma-3-270m-it': 268_098_176,
  'google/gemma-3-4b-it': 3_880_263_168,
  '01-ai/Yi-1.5-6B-Chat': 6_061_035_520,
  'deepseek-ai/deepseek-coder-1.3b-instruct': 1_346_471_936,
  'unsloth/Llama-3.2-1B-Instruct': 1_235_814_400,
  'unsloth/Qwen2.5-0.5B-Instruct': 494_032_768,
  'mlx-community/Llama-3.2-1B-Instruct-bf16': 1_235_814_400,
  'tiiuae/Falcon3-1B-Instruct': 1_669_408_768,
};

/** Warnings about published files. All other files give none. */
const WARNINGS: Readonly<Record<string, string>> = {
  'google/gemma-3-4b-it':
    'Gemma3ForConditionalGeneration is read without its parts for images; a saved model has its text part only',
  'tiiuae/Falcon3-1B-Instruct': 'the key "activation" is not known and is ignored',
};

it('has at least forty files', () => {
  expect(Object.keys(supported).length).toBeGreaterThanOrEqual(40);
  expect(Object.keys(supported).sort()).toEqual(Object.keys(PARAMETERS).sort());
});

it.each(Object.keys(supported))('%s loads with its published number of parameters', (name) => {
  const { config, warnings } = readConfig(supported[name]);
  const count = parameterSpecs(config).reduce((sum, spec) => sum + parameterSize(spec), 0);
  expect(count).toBe(PARAMETERS[name]);
  expect(warnings).toEqual(name in WARNINGS ? [`${WHERE}: ${WARNINGS[name]}`] : []);
});

it.each([
  ['vicuna', 'lmsys/vicuna-7b-v1.5-16k', { ropeScaling: { kind: 'linear', factor: 4 }, maxPositions: 4096 }],
  ['SmolLM3', 'HuggingFaceTB/SmolLM3-3B', { ropeTheta: 5e6, maxPositions: 65536 }],
  ['Mistral 0.1', 'mistralai/Mistral-7B-v0.1', { slidingWindow: 4096 }],
  ['Gemma 3', 'google/gemma-3-270m-it', { slidingWindow: 512, ropeTheta: 1e6, localRopeTheta: 1e4 }],
  ['Gemma 3 4B', 'google/gemma-3-4b-it', { ropeScaling: { kind: 'linear', factor: 8 }, endTokens: [1, 106] }],
  ['Qwen2.5', 'Qwen/Qwen2.5-0.5B-Instruct', { biases: { qkv: true, o: false, mlp: false } }],
])('%s has its settings', (_, name, settings) => {
  expect(readConfig(supported[name]).config).toMatchObject(settings);
});

it.each(Object.keys(others))('%s is refused by its architecture', (name) => {
  const { architectures } = others[name] as { readonly architectures: readonly string[] };
  expect(() => readConfig(others[name])).toThrow(
    `${WHERE}: architecture "${architectures[0]}" is not supported; supported: Qwen3ForCausalLM`,
  );
});
