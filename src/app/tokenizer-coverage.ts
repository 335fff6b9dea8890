/**
 * Warns if a tokenizer cannot represent a task's prompts. A base model that was pretrained for another task
 * may have no tokens for some characters; its agent then sees incomplete prompts.
 * @module
 */
import type { Split, Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';

/** Number of prompts to check. */
const PROMPTS = 8;

/**
 * Returns a warning for each agent whose tokenizer loses characters of the split's first prompts. Changes of
 * case, character width and white space are normal for some tokenizers and not reported.
 */
export function unreadablePrompts({ agents }: Team, task: Task, split: Split): string[] {
  const count = Math.min(PROMPTS, task.size(split) ?? PROMPTS);
  const prompts = Array.from({ length: count }, (_, index) => task.item(split, index).prompt);
  return agents.flatMap(({ name, model: { tokenizer } }) => {
    const roundTrip = (prompt: string): string => tokenizer.decode(tokenizer.encode(prompt));
    const lossy = prompts.find((prompt) => normalized(roundTrip(prompt)) !== normalized(prompt));
    if (lossy === undefined) return [];
    return [
      `agent "${name}" reads the prompt ${JSON.stringify(excerpt(lossy))} as ${JSON.stringify(excerpt(roundTrip(lossy)))}; its model's tokenizer was made for other text`,
    ];
  });
}

function normalized(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, '');
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
