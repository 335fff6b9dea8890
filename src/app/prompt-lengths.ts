/**
 * Compares the lengths of a task's prompts with the contexts of a team's models. Only tokenizers are needed.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import type { ChatMessage } from '../engine/engine.ts';
import type { SplitLengths } from '../task/check-task.ts';
import { withPromptLimit } from '../task/limited-task.ts';
import { SPLITS } from '../task/split.ts';
import type { Split, Task, TaskItem } from '../task/task.ts';
import { withExamples } from '../team/examples.ts';
import type { Protocol } from '../team/team.ts';
import { openingMessages } from '../team/transcript.ts';
import type { AgentText } from './compose/agent-text.ts';

/** Number of prompts that are measured if a split is generated without end. */
const GENERATED_PROMPTS = 256;
/**
 * Upper estimates for texts that certainly fit and are not tokenized: tokens per UTF-16 unit, and tokens by which a
 * template can grow with the text.
 */
const TOKENS_PER_UNIT = 4;
const SLACK_TOKENS = 64;

/** A prompt that leaves an agent fewer tokens than a message may have. */
export interface Overlong {
  readonly item: TaskItem;
  readonly agent: AgentText;
  /** Length of the agent's first context, tokens. */
  readonly tokens: number;
}

/** Measures prompts for all agents of a team. */
export class PromptLengths {
  readonly #texts: readonly AgentText[];
  readonly #task: Task;
  readonly #protocol: Protocol;
  /** Length of each agent's context for an empty prompt, tokens. */
  readonly #overheads = new Map<AgentText, number>();

  constructor(
    texts: readonly AgentText[],
    { task, protocol }: { readonly task: Task; readonly protocol: Protocol },
  ) {
    this.#texts = texts;
    this.#task = task;
    this.#protocol = protocol;
  }

  /**
   * Returns the first agent whose context, with `reserved` tokens for its message, exceeds its context window;
   * undefined if there is none.
   */
  overlong(item: TaskItem, reserved: number): Overlong | undefined {
    for (const agent of this.#texts) {
      const view = this.#view(item, agent);
      if (this.#upperBound(agent, view) + reserved <= agent.maxContext) continue;
      const tokens = agent.tokenizer.encodeChat(view).length;
      if (tokens + reserved > agent.maxContext) return { item, agent, tokens };
    }
    return undefined;
  }

  /** Returns the length of an agent's first context, tokens. */
  tokens(item: TaskItem, agent: AgentText): number {
    return agent.tokenizer.encodeChat(this.#view(item, agent)).length;
  }

  /** Returns the agent's prompt before any message. */
  #view(item: TaskItem, agent: AgentText): readonly ChatMessage[] {
    return withExamples(this.#viewWithoutExamples(item, agent), agent.examples);
  }

  #viewWithoutExamples(item: TaskItem, { id, instruction }: AgentText): readonly ChatMessage[] {
    if (this.#task.environment !== undefined) return openingMessages(item, instruction);
    try {
      return this.#protocol.view(item, id, [], instruction);
    } catch {
      // a user's protocol may expect messages before this agent acts
      return openingMessages(item, instruction);
    }
  }

  #upperBound(agent: AgentText, view: readonly ChatMessage[]): number {
    let overhead = this.#overheads.get(agent);
    if (overhead === undefined) {
      const empty = view.map((message) => ({ ...message, content: '' }));
      overhead = agent.tokenizer.encodeChat(empty).length + SLACK_TOKENS;
      this.#overheads.set(agent, overhead);
    }
    return overhead + TOKENS_PER_UNIT * view.reduce((sum, { content }) => sum + content.length, 0);
  }
}

/**
 * Applies `train.overlong_prompts`: returns the task without train and validation prompts that are too long, or refuses
 * them. Test prompts are never left out. Every prompt is measured once.
 *
 * @throws ConfigError if the setting is `error` and a prompt is too long, or if no train prompt is short enough
 */
export function limitPrompts(resolved: ResolvedConfig, lengths: PromptLengths, task: Task): Task {
  const { train, gate } = resolved.config;
  const { max_completion_length: reserved, overlong_prompts } = train;
  const measured = new Map<string, Overlong | undefined>();
  const measure = (split: Split, index: number): Overlong | undefined => {
    const key = `${split} ${index}`;
    if (!measured.has(key)) {
      // a test prompt is used if it leaves room for any message
      const room = split === 'test' && overlong_prompts === 'skip' ? 1 : reserved;
      measured.set(key, lengths.overlong(task.item(split, index), room));
    }
    return measured.get(key);
  };
  const scans: Scan[] = [];
  for (const split of SPLITS) {
    const found = overlongOf(task, split, measure);
    const [first] = found;
    if (first === undefined) continue;
    const scan = { split, count: found.length, isAll: found.length === task.size(split), first };
    if (overlong_prompts === 'error' || (split === 'train' && scan.isAll))
      throw refusal(resolved, task, scan);
    scans.push(scan);
  }
  const isTooLong = (split: Split, index: number): boolean => measure(split, index) !== undefined;
  return withPromptLimit(
    task,
    isTooLong,
    overlongWarnings(scans, { task, reserved, hasGate: gate.kind !== 'off' }),
  );
}

/** The prompts of a split that are too long. */
interface Scan {
  readonly split: Split;
  readonly count: number;
  /** Whether every prompt of the split is too long. */
  readonly isAll: boolean;
  readonly first: Overlong;
}

function overlongWarnings(
  scans: readonly Scan[],
  { task, reserved, hasGate }: { readonly task: Task; readonly reserved: number; readonly hasGate: boolean },
): string[] {
  const counted = ({ split, count }: Scan): string => `${count} of ${sizeText(task, split)} ${split} prompts`;
  const skipped = scans.filter(({ split }) => split !== 'test');
  const warnings = skipped
    .slice(0, 1)
    .map(
      ({ first }) =>
        `prompts too long for the context, never used for training: ${skipped.map(counted).join(', ')}; ${lengthText(first, reserved)}`,
    );
  if (hasGate && scans.some(({ split, isAll }) => split === 'validation' && isAll))
    warnings.push(
      'every prompt of the validation split is too long for the context, so no acceptance test can run and no gain can be proved; give the task shorter prompts, or set gate.kind: off',
    );
  for (const scan of scans)
    if (scan.split === 'test')
      warnings.push(
        `prompts too long for the context, whose answers count as wrong: ${counted(scan)}; ${lengthText(scan.first, reserved)}`,
      );
  return warnings;
}

/**
 * Measures the prompts of every split: all of a finite split, the first `prompts` of a generated one. Agents with equal
 * tokenizers, instructions and examples share a row.
 */
export function splitLengths(
  texts: readonly AgentText[],
  {
    reserved,
    prompts,
    ...team
  }: {
    readonly task: Task;
    readonly protocol: Protocol;
    /** Tokens of a message. */
    readonly reserved: number;
    readonly prompts: number;
  },
): SplitLengths[] {
  const lengths = new PromptLengths(texts, team);
  const groups = new Map<string, AgentText[]>();
  const tokenizers = [...new Set(texts.map(({ tokenizer }) => tokenizer))];
  for (const text of texts) {
    const key = JSON.stringify([tokenizers.indexOf(text.tokenizer), text.instruction, text.examples]);
    groups.set(key, [...(groups.get(key) ?? []), text]);
  }
  return SPLITS.flatMap((split) => {
    const count = team.task.size(split) ?? prompts;
    const items = Array.from({ length: count }, (_, index) => team.task.item(split, index));
    if (items.length === 0) return [];
    return [...groups.values()].map((agents): SplitLengths => {
      const [first] = agents as [AgentText];
      const measured = items
        .map((item) => ({ item: item.id, tokens: lengths.tokens(item, first) }))
        .sort((a, b) => a.tokens - b.tokens);
      const at = (share: number): number => measured[Math.ceil(share * count) - 1]!.tokens;
      const limit = first.maxContext - reserved;
      return {
        ...{ split, measured: count, median: at(0.5), p95: at(0.95), limit },
        agents: agents.map(({ name }) => name),
        longest: measured.at(-1)!,
        overlong: measured.filter(({ tokens }) => tokens > limit).length,
      };
    });
  });
}

function overlongOf(
  task: Task,
  split: Split,
  measure: (split: Split, index: number) => Overlong | undefined,
): Overlong[] {
  const count = task.size(split) ?? GENERATED_PROMPTS;
  return Array.from({ length: count }, (_, index) => measure(split, index)).filter(
    (found) => found !== undefined,
  );
}

function refusal(resolved: ResolvedConfig, task: Task, { split, count, first }: Scan): Error {
  const { max_completion_length } = resolved.config.train;
  return resolved.problem([
    {
      path: ['task'],
      message: `expected prompts that leave room for max_completion_length = ${max_completion_length} tokens, got ${count} of ${sizeText(task, split)} ${split} prompts that do not; ${lengthText(first, max_completion_length)}; shorten them, lower train.max_completion_length, or set train.overlong_prompts to skip`,
    },
  ]);
}

function lengthText({ item, agent, tokens }: Overlong, reserved: number): string {
  return `the first is ${item.id} with ${tokens} tokens, and agent "${agent.name}" has ${agent.maxContext} for prompt and message (max_completion_length ${reserved})`;
}

function sizeText(task: Task, split: Split): string {
  const size = task.size(split);
  return size === undefined ? `the first ${GENERATED_PROMPTS}` : String(size);
}
