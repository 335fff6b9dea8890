import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { type CardAgent, cardMetadata } from './card-metadata.ts';

const agent: CardAgent = {
  ...{ name: 'a', base: 'hf:Qwen/Qwen3-0.6B@main', hub: 'Qwen/Qwen3-0.6B', files: [], weights: 'float32' },
  ...{ license: { license: 'apache-2.0', source: 'README.md' }, format: 'safetensors', isAdapter: false },
};
const metadata = (...agents: CardAgent[]): Record<string, unknown> =>
  parse(cardMetadata(agents).replaceAll('---', '')) as Record<string, unknown>;

it('states library, licence, base and tags in the format of the hub', () => {
  expect(metadata(agent, { ...agent, name: 'b' })).toEqual({
    ...{ library_name: 'transformers', pipeline_tag: 'text-generation', license: 'apache-2.0' },
    ...{ base_model: ['Qwen/Qwen3-0.6B'], base_model_relation: 'finetune' },
    tags: ['troupe', 'sequential-agent-tuning', 'reinforcement-learning'],
  });
  expect(metadata({ ...agent, isAdapter: true })).toMatchObject({
    ...{ library_name: 'peft', base_model_relation: 'adapter' },
    tags: expect.arrayContaining(['lora']),
  });
  expect(metadata({ ...agent, format: 'gguf' }).tags).toContain('gguf');
});

it('states a licence only if all bases have the same one', () => {
  const { license: _, ...unknown } = agent;
  expect(metadata(agent, unknown)).not.toHaveProperty('license');
  expect(metadata(agent, { ...agent, license: { license: 'mit', source: 'x' } })).not.toHaveProperty(
    'license',
  );
  expect(
    metadata({ ...agent, license: { license: 'other', name: 'Own: terms', source: 'x' } }),
  ).toMatchObject({
    ...{ license: 'other', license_name: 'Own: terms' },
  });
});
