/**
 * Schema of an agent in a team file: its model, and how prompts are presented to it.
 * @module
 */
import { z } from 'zod';
import { show, text } from '../schema/fields.ts';

/** Schema of variables for a chat template, such as `enable_thinking` and `date_string`. */
export function templateKwargs(description: string) {
  return z
    .record(z.string(), z.unknown(), {
      error: (issue) => `expected a section of template variables, got ${show(issue.input)}`,
    })
    .describe(description);
}

/** Schema of few-shot examples: solved prompts that precede the prompt as chat turns. */
export function examplesSchema(description: string) {
  return z
    .array(z.strictObject({ prompt: text('a prompt'), answer: text('an answer') }), {
      error: (issue) => `expected a list of {prompt, answer}, got ${show(issue.input)}`,
    })
    .max(64, { error: 'expected at most 64 examples' })
    .describe(description);
}

/** Schema of the setting that replaces the chat templates of models. */
export function chatTemplate(description: string) {
  return text('plain, or a Jinja file').optional().describe(description);
}

export const agentSchema = z.strictObject({
  name: text().optional().describe('Name in reports. Default: agent_0, agent_1, ...'),
  model: text('a model folder')
    .optional()
    .describe(
      'Hugging Face folder or GGUF file of the model, relative to this file, or a model on the Hugging Face hub: hf:OWNER/NAME@REVISION or hf:OWNER/NAME/FILE.gguf. Default: `base`.',
    ),
  instruction: text().optional().describe('System message of this agent. Default: that of all agents.'),
  examples: examplesSchema('Few-shot examples of this agent. Default: those of all agents.').optional(),
  chat_template: chatTemplate("This agent's chat template; it overrides the one for all agents."),
  chat_template_kwargs: templateKwargs(
    "Variables for this agent's chat template; they override those for all agents.",
  ).optional(),
});
