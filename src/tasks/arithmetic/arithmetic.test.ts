import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { ConfigError } from '../../support/errors.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { SPLITS } from '../../task/split.ts';
import type { TaskItem } from '../../task/task.ts';
import { arithmetic, createArithmetic } from './arithmetic.ts';
import { type Chain, chainKey } from './chain.ts';

const task = createArithmetic();
const item: TaskItem = {
  id: 'train-0',
  prompt: '17+25+38=',
  answer: '80',
  data: { operands: [17, 25, 38], operations: ['+', '+'] } satisfies Chain,
};

describe('items', () => {
  it('depend on options, split and index alone, in any order of access', () => {
    const again = createArithmetic();
    const later = again.item('validation', 41);
    expect(again.item('validation', 7)).toEqual(task.item('validation', 7));
    expect(later).toEqual(task.item('validation', 41));
    expect(createArithmetic({ seed: 2 }).item('validation', 7)).not.toEqual(task.item('validation', 7));
  });

  it('are disjoint between splits, for thousands of problems and two seeds', () => {
    const owner = new Map<string, string>();
    for (const seed of [1, 2]) {
      const seeded = createArithmetic({ seed, maxOperand: 30 });
      for (const split of SPLITS)
        for (let index = 0; index < 2000; index++) {
          const key = chainKey(seeded.item(split, index).data as Chain);
          expect(owner.get(key) ?? split).toBe(split);
          owner.set(key, split);
        }
    }
    expect(owner.size).toBeGreaterThan(2000);
  });

  it('have unique ids', () => {
    const ids = SPLITS.flatMap((split) => Array.from({ length: 100 }, (_, i) => task.item(split, i).id));
    expect(new Set(ids).size).toBe(300);
  });

  it('have short prompts (9 characters) and messages (24) of the alphabet by default', () => {
    const worked = createArithmetic({ workedShare: 1 });
    for (let index = 0; index < 500; index++) {
      const { prompt } = worked.item('train', index);
      const [message] = worked.demonstrate?.(worked.item('train', index), randomStream(index)).messages ?? [];
      expect(prompt.length).toBeLessThanOrEqual(9);
      expect(message.length).toBeLessThanOrEqual(24);
      for (const character of prompt + message) expect(worked.alphabet).toContain(character);
    }
  });
});

describe('demonstrate', () => {
  it('is accepted by the verifier in both styles, for all combinations of options', () => {
    for (const operations of [['+'], ['+', '-'], ['+', '-', '*']] as const)
      for (const modulus of [undefined, 10])
        for (let index = 0; index < 60; index++) {
          const mixed = createArithmetic({ operations, modulus, operands: 2 + (index % 4) });
          const problem = mixed.item('train', index);
          const [message] = mixed.demonstrate?.(problem, randomStream(index)).messages ?? [];
          expect(mixed.verify(problem, message)).toMatchObject({ correct: true, reward: 1 });
        }
  });

  it('writes the intermediate step or answers directly', () => {
    const shown = new Set(
      Array.from({ length: 20 }, (_, i) => task.demonstrate?.(item, randomStream(i)).messages[0]),
    );
    expect(shown).toEqual(new Set(['17+25=42;42+38=80#80', '#80']));
  });

  it('is mostly incorrect with random digits', () => {
    const noisy = createArithmetic({ demoNoise: 1 });
    const correct = Array.from(
      { length: 200 },
      (_, i) => noisy.demonstrate?.(item, randomStream(i)).messages[0],
    ).filter((message) => noisy.verify(item, message ?? '').correct).length;
    expect(correct).toBeLessThan(10); // two digits: 1 in 100
  });
});

describe('verify', () => {
  it('accepts the value after the last marker after any text', () => {
    for (const text of ['#80', '17+25=42;42+38=80#80', 'nonsense#80', '#1#80', '# 80 ', '#080', '#### 80'])
      expect(task.verify(item, text)).toEqual({
        correct: true,
        reward: 1,
        answer: '80',
        reason: '80 is right',
      });
  });

  it('gives the reason for an incorrect verdict', () => {
    expect(task.verify(item, '#81')).toEqual({
      correct: false,
      reward: 0,
      answer: '81',
      reason: 'got 81, expected 80',
    });
    expect(task.verify(item, '80').reason).toBe('no answer: the text has no "#"');
    expect(task.verify(item, '#8 0').reason).toBe('no answer: expected an integer after "#", got "8 0"');
    expect(task.verify(item, '#').reason).toBe('no answer: expected an integer after "#", got ""');
    for (const text of ['', '#', '#8o', '#80.0', `#${'9'.repeat(1000)}`])
      expect(task.verify(item, text).answer).toBeUndefined();
  });

  it('normalizes integers', () => {
    expect(task.verify(item, '#-0').answer).toBe('0');
    expect(task.verify(item, '#-007').answer).toBe('-7');
  });

  it('accepts only the residue with a modulus', () => {
    const modular = createArithmetic({ modulus: 10 });
    const problem = modular.item('train', 3);
    expect(Number(problem.answer)).toBeLessThan(10);
    expect(modular.verify(problem, `#${Number(problem.answer) + 10}`).correct).toBe(false);
  });

  it('never throws, and is correct only for the correct integer', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'#-80 1+=;') }));
    fc.assert(
      fc.property(text, (written) => {
        const verdict = task.verify(item, written);
        expect(verdict.correct).toBe(/#\s*0*80\s*$/.test(written));
        expect(verdict.reason).not.toBe('');
      }),
      { numRuns: 500 },
    );
  });
});

describe('the options of arithmetic', () => {
  it('have snake_case keys', () => {
    const read = parseTaskOptions(arithmetic, {
      max_operand: 20,
      operations: '*+',
      worked_share: 0.25,
      modulus: 7,
    });
    expect(read).toMatchObject({ maxOperand: 20, operations: ['+', '*'], workedShare: 0.25, modulus: 7 });
  });

  it('reject unknown and repeated operations', () => {
    for (const operations of ['+/', '++'])
      expect(() => parseTaskOptions(arithmetic, { operations })).toThrow(
        `task arithmetic.operations: expected distinct characters of "+-*", got "${operations}"`,
      );
    expect(() => parseTaskOptions(arithmetic, { operand: 2 })).toThrow(ConfigError);
  });
});
