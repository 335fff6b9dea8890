import { describe, expect, it } from 'vitest';
import { characterTokenizer } from '../engine/text/character-tokenizer.ts';
import { createTokenizer } from '../engine/text/tokenizer.ts';
import type { Task } from '../task/task.ts';
import type { Team } from '../team/team.ts';
import { isBlind, unreadablePrompts } from './tokenizer-coverage.ts';

const tokenizerOf = (alphabet: string) => createTokenizer(characterTokenizer(alphabet), [0], { where: 'm' });

function teamOf(alphabets: Readonly<Record<string, string>>): Team {
  const agents = Object.entries(alphabets).map(([name, alphabet]) => ({
    name,
    model: { tokenizer: tokenizerOf(alphabet) },
  }));
  return { agents } as unknown as Team;
}

const taskOf = (...prompts: readonly string[]): Task =>
  ({ size: () => prompts.length, item: (_: string, index: number) => ({ prompt: prompts[index] }) }) as never;

describe('isBlind', () => {
  it('is true only if no character of the prompts has a token of its own', () => {
    expect(isBlind(tokenizerOf('0123'), ['ab c', 'd'])).toBe(true);
    expect(isBlind(tokenizerOf('0123 '), ['ab c'])).toBe(true);
    expect(isBlind(tokenizerOf('0123c'), ['ab c'])).toBe(false);
    expect(isBlind(tokenizerOf('abc'), ['abc'])).toBe(false);
  });

  it('makes no claim about prompts of one character, or without any', () => {
    expect(isBlind(tokenizerOf('0'), ['aaaa', 'a A'])).toBe(false);
    expect(isBlind(tokenizerOf('0'), ['', ' '])).toBe(false);
  });
});

describe('unreadablePrompts', () => {
  it('returns nothing if every tokenizer represents the prompts', () => {
    expect(unreadablePrompts(teamOf({ a: '12+', b: '12+3' }), taskOf('1+2', '2+1'), 'train')).toEqual([]);
  });

  it('names one agent', () => {
    expect(unreadablePrompts(teamOf({ a: '12+', b: '12' }), taskOf('1+2'), 'train')).toEqual([
      'agent "b" reads the prompt "1+2" as "1<|unknown|>2"; its model\'s tokenizer was made for other text',
    ]);
  });

  it('merges agents into one warning', () => {
    const team = teamOf({ a: '12', b: '12', c: '12+', d: '2+' });
    expect(unreadablePrompts(team, taskOf('1+2'), 'train')).toEqual([
      'agents "a" and "b" read the prompt "1+2" as "1<|unknown|>2", agent "d" reads the prompt "1+2" as "<|unknown|>+2"; ' +
        "their models' tokenizers were made for other text",
    ]);
  });
});
