/**
 * Checks whether tokenizers can represent a task's prompts. A base model that was pretrained for another task may have
 * no tokens for some characters; its agent then gets incomplete prompts.
 * @module
 */
import type { Tokenizer } from '../engine/engine.ts';
import type { Split, Task } from '../task/task.ts';
import { firstPrompts } from '../team/first-prompts.ts';
import type { Team } from '../team/team.ts';

/** Number of prompts to check. */
const PROMPTS = 8;

/** Returns the texts of the first prompts of a split that the task does not skip. */
export function checkedPrompts(task: Task, split: Split): string[] {
  return firstPrompts(task, split, PROMPTS).map(({ prompt }) => prompt);
}

/**
 * Returns whether a tokenizer encodes every character of the prompts as the same tokens, those of an unknown
 * character, so that all prompts of equal length look the same to its model. White space and case are ignored.
 */
export function isBlind(tokenizer: Pick<Tokenizer, 'encode'>, prompts: readonly string[]): boolean {
  const characters = [...new Set(normalized(prompts.join('')))];
  const encodings = new Set<string>();
  for (const character of characters) {
    encodings.add(tokenizer.encode(character).join());
    if (encodings.size > 1) return false;
  }
  return characters.length > 1;
}

/**
 * Returns a warning if tokenizers lose characters of the split's first prompts, else nothing. Changes of case,
 * character width and white space are normal for some tokenizers and not reported.
 */
export function unreadablePrompts({ agents }: Team, task: Task, split: Split): string[] {
  const prompts = checkedPrompts(task, split);
  const readers = new Map<string, string[]>();
  for (const { name, model } of agents) {
    const reading = lossyReading(model.tokenizer, prompts);
    if (reading !== undefined) readers.set(reading, [...(readers.get(reading) ?? []), `"${name}"`]);
  }
  if (readers.size === 0) return [];
  const sentences = [...readers].map(([reading, names]) =>
    names.length === 1 ? `agent ${names[0]} reads ${reading}` : `agents ${listed(names)} read ${reading}`,
  );
  const count = [...readers.values()].flat().length;
  return [
    `${sentences.join(', ')}; ${count === 1 ? "its model's tokenizer was" : "their models' tokenizers were"} made for other text`,
  ];
}

/** Describes how a tokenizer reads a prompt whose characters it loses; undefined if it loses none. */
function lossyReading(tokenizer: Tokenizer, prompts: readonly string[]): string | undefined {
  const roundTrip = (prompt: string): string => tokenizer.decode(tokenizer.encode(prompt));
  const lossy = prompts.find((prompt) => normalized(roundTrip(prompt)) !== normalized(prompt));
  if (lossy === undefined) return undefined;
  return `the prompt ${JSON.stringify(excerpt(lossy))} as ${JSON.stringify(excerpt(roundTrip(lossy)))}`;
}

function listed(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function normalized(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, '');
}

function excerpt(text: string): string {
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}
