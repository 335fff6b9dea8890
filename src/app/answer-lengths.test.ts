import { describe, expect, it } from 'vitest';
import type { Task } from '../task/task.ts';
import { createParts } from '../team/parts.ts';
import { createVote } from '../team/vote.ts';
import { answerLengthWarnings } from './answer-lengths.ts';
import type { AgentText } from './compose/agent-text.ts';

/** An agent with one token per character. */
function agent(name: string): AgentText {
  const tokenizer = { encode: (text: string) => new Int32Array(text.length) };
  return { id: 0, name, instruction: undefined, examples: undefined, tokenizer, maxContext: 100 } as never;
}

function taskOf(answers: readonly (string | undefined)[]): Task {
  return {
    name: 'answers',
    rewardRange: [0, 1],
    size: (split) => (split === 'train' ? answers.length : 0),
    item: (_, index) => {
      const answer = answers[index];
      return { id: `${index}`, prompt: '', ...(answer === undefined ? {} : { answer }) };
    },
    verify: () => ({ correct: false, reward: 0, reason: '' }),
    answerOf: (text) => /#### (.*)$/.exec(text)?.[1] ?? text,
  };
}

const warnings = (answers: readonly (string | undefined)[], reserved: number) =>
  answerLengthWarnings([agent('a')], { task: taskOf(answers), protocol: createVote(), reserved });

describe('answerLengthWarnings', () => {
  it('counts answers that are longer than a message with its end token', () => {
    expect(warnings(['abc', 'abcd', 'abcdefg', undefined], 4)).toEqual([
      '2 of 3 gold answers, as they are written, need more than the 4 tokens of train.max_completion_length, so a message with such an answer is always cut off; the longest is that of 2 with 8 tokens (agent "a", with the end token); raise train.max_completion_length to at least 8',
    ]);
    expect(warnings(['abc', 'abcd', 'abcdefg'], 8)).toEqual([]);
  });

  it('measures the answer that the verifier reads from a solution', () => {
    expect(warnings(['a long derivation #### 42'], 3)).toEqual([]);
  });

  it('gives no warning if the answer can be spread over several messages', () => {
    const options = { task: taskOf(['abcdef']), reserved: 2 };
    expect(answerLengthWarnings([agent('a'), agent('b')], { ...options, protocol: createParts() })).toEqual(
      [],
    );
  });
});
