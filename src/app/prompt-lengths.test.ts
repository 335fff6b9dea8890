import { describe, expect, it } from 'vitest';
import type { ResolvedConfig } from '../config/resolve.ts';
import type { Split, Task } from '../task/task.ts';
import { createVote } from '../team/vote.ts';
import type { AgentText } from './compose/agent-text.ts';
import { limitPrompts, PromptLengths } from './prompt-lengths.ts';

/** A tokenizer with one token per character, which counts its calls. */
function countingAgent(maxContext: number): { readonly agent: AgentText; calls: number } {
  const counted = {
    calls: 0,
    agent: {
      ...{ id: 0, name: 'a', instruction: undefined, examples: undefined, maxContext },
      tokenizer: {
        encodeChat(messages: readonly { readonly content: string }[]) {
          counted.calls++;
          return new Int32Array(messages.reduce((sum, { content }) => sum + content.length, 0));
        },
      },
    } as unknown as AgentText,
  };
  return counted;
}

function resolvedOf(overlong: 'skip' | 'error', gate: 'promotion' | 'off'): ResolvedConfig {
  const train = { max_completion_length: 8, overlong_prompts: overlong };
  const problem: ResolvedConfig['problem'] = ([first]) => new Error(first?.message) as never;
  return { config: { train, gate: { kind: gate } }, problem } as unknown as ResolvedConfig;
}

/** A task with prompts of the given lengths. */
function taskOf(lengths: Readonly<Record<Split, readonly number[]>>): Task {
  return {
    name: 'lengths',
    rewardRange: [0, 1],
    size: (split) => lengths[split].length,
    item: (split, index) => ({ id: `${split}:${index}`, prompt: 'x'.repeat(lengths[split][index]!) }),
    verify: () => ({ correct: false, reward: 0, reason: '' }),
  };
}

const CONTEXT = 100;
const limited = (
  lengths: Readonly<Record<Split, readonly number[]>>,
  overlong: 'skip' | 'error' = 'skip',
  gate: 'promotion' | 'off' = 'promotion',
) => {
  const counted = countingAgent(CONTEXT);
  const task = taskOf(lengths);
  const prompts = new PromptLengths([counted.agent], { task, protocol: createVote() });
  return { task: limitPrompts(resolvedOf(overlong, gate), prompts, task), counted };
};

describe('limitPrompts', () => {
  it('skips train and validation prompts that are too long, and counts test prompts separately', () => {
    const { task } = limited({ train: [5, 93, 92], validation: [5, 99], test: [93, 100] });
    expect([0, 1, 2].map((index) => task.isSkipped?.('train', index))).toEqual([false, true, false]);
    expect(task.isSkipped?.('validation', 1)).toBe(true);
    expect(task.isSkipped?.('test', 1)).toBe(false);
    expect(task.warnings).toEqual([
      'prompts too long for the context, never used for training: 1 of 3 train prompts, 1 of 2 validation prompts; the first is train:1 with 93 tokens, and agent "a" has 100 for prompt and message (max_completion_length 8)',
      expect.stringMatching(
        /^prompts too long for the context, whose answers count as wrong: 1 of 2 test prompts; the first is test:1 with 100/,
      ),
    ]);
  });

  it('gives no warning if every prompt fits', () => {
    expect(limited({ train: [5], validation: [92], test: [99] }).task.warnings).toEqual([]);
  });

  it('measures every prompt once', () => {
    const { task, counted } = limited({ train: [90, 93], validation: [91], test: [95] });
    const { calls } = counted;
    expect([0, 1].map((index) => task.isSkipped?.('train', index))).toEqual([false, true]);
    expect(task.isSkipped?.('validation', 0)).toBe(false);
    expect(counted.calls).toBe(calls);
  });

  it('warns under a gate if no validation prompt is left', () => {
    const lengths = { train: [5], validation: [93, 94], test: [5] };
    const warning = expect.stringMatching(
      /^every prompt of the validation split is too long .* no acceptance test/,
    );
    expect(limited(lengths).task.warnings).toContainEqual(warning);
    expect(limited(lengths, 'skip', 'off').task.warnings).not.toContainEqual(warning);
    expect(limited({ ...lengths, validation: [93, 5] }).task.warnings).not.toContainEqual(warning);
  });

  it('refuses a train split without a prompt that fits, and every long prompt with overlong_prompts: error', () => {
    expect(() => limited({ train: [93], validation: [5], test: [5] })).toThrow(/got 1 of 1 train prompts/);
    expect(() => limited({ train: [5], validation: [5], test: [93] }, 'error')).toThrow(
      /1 of 1 test prompts/,
    );
  });
});
