/**
 * Whether a team's tokenizers can read a task's prompts: a base model made for another task has no tokens
 * for some of its characters, and answers a prompt it never saw whole.
 * @module
 */
import type { Split, Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';

/** Prompts looked at. */
const PROMPTS = 8;

/**
 * One line per agent that loses characters of the first few prompts. Case, width and blanks may differ:
 * that is how some tokenizers are meant.
 */
export function unreadablePrompts({ agents }: Team, task: Task, split: Split): string[] {
  const count = Math.min(PROMPTS, task.size(split) ?? PROMPTS);
  const prompts = Array.from({ length: count }, (_, index) => task.item(split, index).prompt);
  return agents.flatMap(({ name, model: { tokenizer } }) => {
    const read = (prompt: string): string => tokenizer.decode(tokenizer.encode(prompt));
    const lost = prompts.find((prompt) => plain(read(prompt)) !== plain(prompt));
    if (lost === undefined) return [];
    return [
      `agent "${name}" reads the prompt ${JSON.stringify(excerpt(lost))} as ${JSON.stringify(excerpt(read(lost)))}; its model's tokenizer was made for other text`,
    ];
  });
}

function plain(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, '');
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
