import { expect, expectTypeOf, it } from 'vitest';
import type { CamelCased } from '../schema/camel-case.ts';
import type {
  CertificateOptions,
  GateOptions,
  OptimizerOptions,
  TrainOptions,
  TrustRegionOptions,
} from '../train/options.ts';
import { resolveConfigText } from './resolve.ts';
import type { Config } from './schema.ts';
import { engineOptions, rayOptions, torchOptions, trainOptions } from './train-options.ts';

const text = `
base: b
agents: 1
task: {name: t}
seed: 7
train: {stages: 2, prompts_per_step: 3}
loss: {dual_clip: off, beta: 0.5}
trust_region: {target_kl: 0.2, target_kl_message: off}
optimizer: {max_grad_norm: off, beta2: 0.95}
reward: {agent: 0.25}
eval: {prompts: 10}
engine: {threads: 1}
`;
const { config } = resolveConfigText(text, { path: 'team.yaml' });

it('has every option of the training loop with the same name (a compile-time check)', () => {
  type Flat = CamelCased<Config['train']> & CamelCased<Config['scheme']> & CamelCased<Config['loss']>;
  type Elsewhere =
    | 'seed'
    | 'agentReward'
    | 'overlongBuffer'
    | 'stageEvaluationPrompts'
    | 'evalPrompts'
    | 'trustRegion'
    | 'optimizer'
    | 'gate'
    | 'certificate';
  expectTypeOf<Exclude<keyof TrainOptions, Elsewhere>>().toEqualTypeOf<
    Exclude<keyof Flat, 'saveTotalLimit'> & keyof TrainOptions
  >();
  expectTypeOf<keyof CamelCased<Config['trust_region']>>().toEqualTypeOf<keyof TrustRegionOptions>();
  expectTypeOf<keyof CamelCased<Config['optimizer']>>().toEqualTypeOf<keyof OptimizerOptions>();
  expectTypeOf<keyof CamelCased<Config['certificate']>>().toEqualTypeOf<keyof CertificateOptions>();
  expectTypeOf<CamelCased<Config['gate']>>().toEqualTypeOf<{
    -readonly [K in keyof GateOptions]: GateOptions[K];
  }>();
});

it('converts the file to options', () => {
  expect(trainOptions(config)).toEqual({
    seed: 7,
    stages: 2,
    rolloutMode: 'fresh',
    order: 'static',
    promptsPerStep: 3,
    companions: 'shared',
    numGenerations: 8,
    temperature: 1,
    maxCompletionLength: 64,
    numIterations: 1,
    minibatchSize: 256,
    saveSteps: 1,
    updateSchedule: 'sequential',
    credit: 'team',
    stateWeight: true,
    truncated: 'wrong',
    epsilon: 0.2,
    ratioNorm: 'sum',
    normalise: 'group',
    advantageClip: 5,
    beta: 0.5,
    agentReward: 0.25,
    stageEvaluationPrompts: 0,
    evalPrompts: 10,
    trustRegion: {
      targetKl: 0.2,
      quantile: 0.99,
      slack: 'none',
      slackConfidence: 0.05,
      maxBacktracks: 5,
      stepShrink: 'auto',
      gate: 'enforce',
    },
    optimizer: {
      learningRate: 1e-4,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0,
      maxGradNorm: Number.POSITIVE_INFINITY,
      adaptToRadius: true,
    },
    gate: { kind: 'promotion', every: 5, nPlan: 512, alpha: 0.05, tolerance: 0.05 },
    certificate: { prompts: 0, confidence: 0.05, cap: 2, paperGamma: 0.99 },
  });
  expect(engineOptions(config)).toEqual({
    threads: 1,
    spinning: false,
    tokenBudget: 4096,
    decodeBatch: 128,
    loraRank: 0,
    loraAlpha: 0,
    loraTargetModules: 'all-linear',
    loraRslora: false,
    baseDtype: 'auto',
    activationMib: 2048,
  });
});

const withSections = (sections: object) =>
  resolveConfigText(JSON.stringify({ base: 'b', agents: 1, task: { name: 't' }, ...sections }), {
    path: 'team.yaml',
  }).config;

it('converts the options of the PyTorch engine and omits absent ones', () => {
  const engine = { kind: 'torch' };
  const defaults = {
    ...{ threads: 0, tokenBudget: 4096, decodeBatch: 128, device: 'auto', dtype: 'float32' },
    ...{ sampler: 'auto', samplerCache: 0.2 },
  };
  expect(torchOptions(withSections({ engine }))).toEqual(defaults);
  const torch = { python: 'py', device: 'cuda:1', dtype: 'bfloat16' };
  const sampler = { kind: 'vllm', cache: 0.5 };
  expect(torchOptions(withSections({ engine, torch, sampler }))).toEqual({
    ...{ ...defaults, ...torch, sampler: 'vllm', samplerCache: 0.5 },
  });
  const adapted = { ...engine, lora_rank: 4, lora_alpha: 8, lora_target_modules: 'q_proj, v_proj' };
  expect(torchOptions(withSections({ engine: adapted }))).toEqual({
    ...defaults,
    lora: { rank: 4, alpha: 8, targetModules: ['q_proj', 'v_proj'], rslora: false },
  });
});

it('converts the options of the Ray engine with and without a section', () => {
  const engine = { kind: 'ray', lora_rank: 4, lora_alpha: 8 };
  const defaults = {
    ...{ threads: 0, tokenBudget: 4096, decodeBatch: 128, dtype: 'float32', address: 'auto', agents: 1 },
    ...{
      cpusPerAgent: 1,
      gpusPerAgent: 0,
      ranksPerAgent: 0,
      placement: 'spread',
      waitSeconds: 300,
      sharedFiles: false,
    },
    ...{ sampler: 'auto', samplerCache: 0.2 },
    lora: { rank: 4, alpha: 8, targetModules: 'all-linear', rslora: false },
    local: {},
  };
  expect(rayOptions(withSections({ engine }))).toEqual(defaults);
  expect(rayOptions(withSections({ engine, ray: {} }))).toEqual(defaults);
  const ray = { address: 'local', gpus_per_agent: 0.5, num_cpus: 2, temp_dir: '/t', dtype: 'bfloat16' };
  expect(rayOptions(withSections({ engine, ray }))).toEqual({
    ...defaults,
    ...{ address: 'local', gpusPerAgent: 0.5, dtype: 'bfloat16' },
    local: { cpus: 2, temporary: '/t' },
  });
});

it.each([
  [{ torch: { python: 'py' } }, 'expected nothing with engine.kind onnx, got a section'],
  [
    { engine: { kind: 'torch', spinning: true } },
    "expected false with kind torch, whose threads are PyTorch's",
  ],
  [
    { engine: { kind: 'torch', base_dtype: 'bfloat16' } },
    'expected auto with kind torch, whose base weights have the type torch.dtype, got bfloat16',
  ],
  [
    { engine: { kind: 'torch' }, torch: { address: 'http://h:1', device: 'cpu' } },
    'expected nothing together with address, whose worker has its own, got cpu',
  ],
  [
    { sampler: { kind: 'torch' } },
    'expected nothing with engine.kind onnx, which samples itself, got a section',
  ],
  [
    { engine: { kind: 'ray' }, ray: { gpus_per_agent: 2 }, sampler: { kind: 'vllm' } },
    'expected auto or torch for agents over 2 ranks, got vllm, which supports one rank per agent',
  ],
  [{ engine: { kind: 'torch' }, ray: {} }, 'expected nothing with engine.kind torch, got a section'],
  [{ engine: { kind: 'ray' }, ray: { gpus_per_agent: 1.5 } }, 'expected a whole number above 1, got 1.5'],
  [
    { engine: { kind: 'ray' }, ray: { gpus_per_agent: 4, ranks_per_agent: 2 } },
    'expected one for each of 4 GPUs, got 2; omit it',
  ],
  [
    { engine: { kind: 'ray' }, ray: { ranks_per_agent: 2, cpus_per_agent: 0 } },
    'expected more than 0 for 2 ranks, got 0',
  ],
  [
    { engine: { kind: 'ray' }, ray: { address: 'http://h:1', python: 'py' } },
    'expected nothing together with http://h:1, whose driver has its own Python, got py',
  ],
  [
    { engine: { kind: 'ray' }, ray: { num_cpus: 2 } },
    'expected nothing with an existing cluster, got 2; set address to local',
  ],
])('rejects settings of another engine: %j', (sections, message) => {
  expect(() => withSections(sections)).toThrow(message);
});
