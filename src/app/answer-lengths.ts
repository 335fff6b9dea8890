/**
 * Compares the lengths of gold answers with `train.max_completion_length`. Only tokenizers are needed.
 * @module
 */
import { SPLITS } from '../task/split.ts';
import type { Task, TaskItem } from '../task/task.ts';
import type { Protocol } from '../team/team.ts';
import type { AgentText } from './compose/agent-text.ts';

/** Number of gold answers that are measured per split. */
const MEASURED = 256;

/** Protocols in which one message contains the whole answer. In others, several messages can share it. */
const ONE_MESSAGE: ReadonlySet<string> = new Set(['vote', 'debate', 'relay', 'router']);

interface Longest {
  readonly item: TaskItem;
  readonly agent: AgentText;
  /** Length of the answer and the end token. */
  readonly tokens: number;
}

/**
 * Returns a warning if gold answers do not fit into a message: such an answer is always cut off. Only the answer and its
 * end token are counted, so a message with a derivation needs more.
 *
 * @param reserved - maximum length of a message, tokens
 */
export function answerLengthWarnings(
  texts: readonly AgentText[],
  {
    task,
    protocol,
    reserved,
  }: { readonly task: Task; readonly protocol: Protocol; readonly reserved: number },
): string[] {
  // a task that reads no answers can accept texts that are shorter than its gold answer
  if (
    task.answerOf === undefined ||
    task.environment !== undefined ||
    (texts.length > 1 && !ONE_MESSAGE.has(protocol.name))
  )
    return [];
  const agents = texts.filter((text, at) => texts.findIndex((a) => a.tokenizer === text.tokenizer) === at);
  let measured = 0;
  let tooLong = 0;
  let longest: Longest | undefined;
  for (const split of SPLITS) {
    const count = Math.min(MEASURED, task.size(split) ?? MEASURED);
    for (let index = 0; index < count; index++) {
      const found = answerTokens(task, task.item(split, index), agents);
      if (found === undefined) continue;
      measured++;
      if (found.tokens > reserved) tooLong++;
      if (longest === undefined || found.tokens > longest.tokens) longest = found;
    }
  }
  if (tooLong === 0 || longest === undefined) return [];
  const { item, agent, tokens } = longest;
  return [
    `${tooLong} of ${measured} gold answers, as they are written, need more than the ${reserved} tokens of train.max_completion_length, so a message with such an answer is always cut off; the longest is that of ${item.id} with ${tokens} tokens (agent "${agent.name}", with the end token); raise train.max_completion_length to at least ${tokens}`,
  ];
}

/** Returns the largest length of an item's gold answer over the agents; undefined without a gold answer. */
function answerTokens(task: Task, item: TaskItem, agents: readonly AgentText[]): Longest | undefined {
  const { answer } = item;
  if (answer === undefined) return undefined;
  // a gold answer can contain a derivation, of which the verifier reads the last number only
  const texts = [answer, task.answerOf?.(answer) ?? answer];
  const lengths = agents.map((agent) => {
    const tokens = Math.min(...texts.map((text) => agent.tokenizer.encode(text).length)) + 1;
    return { item, agent, tokens };
  });
  return lengths.sort((a, b) => b.tokens - a.tokens)[0];
}
