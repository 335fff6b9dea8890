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

it('lists instructions, examples and chat templates that differ from the base', () => {
  const prompted: CardAgent = {
    ...{ ...agent, name: 'b', instruction: 'Be brief', chatTemplate: 'plain' },
    examples: [{ prompt: 'a|b\nc', answer: '2' }],
  };
  const text = modelCard(card(agent, prompted));
  expect(text).toContain('| b | Be brief |');
  expect(text).toContain('| agent | user | assistant |\n| --- | --- | --- |\n| b | a\\|b c | 2 |');
  expect(text).toContain('| agent | chat_template |\n| --- | --- |\n| b | plain |');
  expect(modelCard(card(agent, prompted), agent)).not.toMatch(/Be brief|chat_template|assistant/);
});
