import { expect, it } from 'vitest';
import { type CardAgent, modelCard } from './model-card.ts';

const agent: CardAgent = {
  ...{ name: 'a', base: 'base', files: ['model.safetensors'], weights: 'float32', format: 'safetensors' },
  isAdapter: false,
};
const card = (...agents: readonly CardAgent[]) => ({
  ...{
    title: 'team',
    checkpoint: 'stage_0001',
    agents,
    facts: [],
    evaluations: [],
    comparisons: [],
    use: [],
  },
});

it('lists instructions, examples and chat templates that differ from the base, each once', () => {
  const prompted: CardAgent = {
    ...{ ...agent, name: 'b', instruction: 'Be ```brief', chatTemplate: 'plain' },
    examples: [{ prompt: 'a|b\nc', answer: '2' }],
  };
  const text = modelCard(card(agent, prompted, { ...prompted, name: 'c', instruction: 'Be long' }));
  expect(text).toContain('b:\n\n````text\nBe ```brief\n````\n\nc:\n\n```text\nBe long\n```');
  expect(text).toContain(
    'b, c:\n\n```json\n[\n  {"role":"user","content":"a|b\\nc"},\n  {"role":"assistant","content":"2"}\n]\n```',
  );
  expect(text).toContain('| agent | chat_template |\n| --- | --- |\n| b | plain |\n| c | plain |');
  expect(modelCard(card(agent, prompted), agent)).not.toMatch(/brief|chat_template|assistant/);
});
