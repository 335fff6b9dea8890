import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createArithmetic } from '../tasks/arithmetic/arithmetic.ts';
import { ContaminationIndex, problemHash, problemTokens } from './contamination.ts';
import { contaminatedPrompts, withoutContaminated } from './decontaminated-task.ts';
import type { Task, TaskItem } from './task.ts';

const item = (id: string, prompt: string, problem?: string): TaskItem => ({
  id,
  prompt,
  ...(problem === undefined ? {} : { problem }),
});

const WALK =
  'Every morning Mia walks $9$ kilometers. At $s$ km/h the walk takes her $\\frac{1}{2}$ hour more than at ' +
  '$s+2$ km/h. Find $s$, given that $1{,}000 \\le s^2 \\cdot 4$ and that she never rests.';
const SHORT = 'Compute $\\dfrac{3}{4} + 1{,}250$.';

const index = new ContaminationIndex([
  { name: 'walks', items: [item('w-1', `${WALK}\nThink step by step.`, WALK)] },
  { name: 'sums', items: [item('s-1', SHORT), item('s-2', '17+25=')] },
]);
const found = (prompt: string) => index.find(item('t', prompt));

describe('ContaminationIndex finds a copy of an evaluation problem', () => {
  it.each([
    ['verbatim', WALK],
    ['with other whitespace', WALK.replaceAll(' ', '  \n')],
    [
      'in capitals',
      WALK.toUpperCase()
        .replaceAll('\\FRAC', '\\frac')
        .replaceAll('\\LE', '\\le')
        .replaceAll('\\CDOT', '\\cdot'),
    ],
    ['without punctuation', WALK.replaceAll(/[.,](?!\})/g, '').replace('{,}', ',')],
    ['with LaTeX spacing', WALK.replaceAll('+', '\\, + \\;').replaceAll('$s$', '$\\displaystyle s\\!$')],
    [
      'with other LaTeX commands for the same signs',
      WALK.replace('\\le ', '\\leq ').replace('\\cdot', '\\times').replace('\\frac', '\\tfrac'),
    ],
    ['without dollar signs', WALK.replaceAll('$', '').replace('1{,}000', '1000')],
  ])('%s', (_, prompt) => {
    expect(found(prompt)).toEqual({ set: 'walks', item: 'w-1', kind: 'same text' });
  });

  it('inside a prompt template', () => {
    expect(found(`Question: ${WALK} Please put the answer in \\boxed{}.`)).toEqual({
      set: 'walks',
      item: 'w-1',
      kind: 'contains it',
    });
    expect(index.find(item('t', `Solve this now: ${WALK}`, WALK))?.kind).toBe('same text');
  });

  it('with its sentences in another order', () => {
    const sentences = WALK.split('. ');
    expect(found([sentences[1], sentences[0], sentences[2]].join('. '))?.kind).toBe(
      'same words in another order',
    );
  });

  it('if the problem is short, only with the same text', () => {
    expect(found('compute \\frac{3}{4}+1250')).toEqual({ set: 'sums', item: 's-1', kind: 'same text' });
    expect(found('17 + 25 =')).toMatchObject({ set: 'sums', item: 's-2' });
    for (const other of ['25+17=', '17-25=', '17+26=', '1725=', 'Now compute 3/4 + 1250 twice', ''])
      expect(found(other)).toBeUndefined();
  });

  it('not if a sign differs', () => {
    const signs = new ContaminationIndex([
      { name: 'signs', items: [item('a', 'x \\ne 5'), item('b', '5!')] },
    ]);
    expect(['x = 5', '5', 'x ≠ 5', '(5)!'].map((prompt) => signs.find(item('t', prompt))?.item)).toEqual([
      undefined,
      undefined,
      'a',
      undefined,
    ]);
  });

  it('not if one number, sign or word differs', () => {
    for (const [from, to] of [
      ['9', '8'],
      ['+2', '-2'],
      ['more', 'less'],
      ['s^2', 's^3'],
    ] as const)
      expect(found(WALK.replace(from, to))).toBeUndefined();
  });
});

describe('problemTokens', () => {
  it('does not depend on case, whitespace and punctuation', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('find', 'x', '12', '+', '(', ')', 'y', '3.5')), (words) => {
        const plain = problemTokens(words.join(' '));
        expect(problemTokens(words.join(' \n ').toUpperCase())).toEqual(plain);
        expect(problemTokens(words.join(' , '))).toEqual(plain);
        expect(problemHash([...plain].reverse())).toBe(problemHash(plain));
      }),
    );
  });

  it('handles very long and invalid texts', () => {
    for (const text of [
      '\\'.repeat(1e5),
      '{,}'.repeat(1e5),
      '*'.repeat(1e6),
      `${'9'.repeat(1e5)},`,
      '\ud800',
    ])
      expect(problemTokens(text).length).toBeLessThan(2e5);
  });
});

describe('decontamination of a task', () => {
  const prompts = ['1+1=', '2+2=', '17+25=', '3+3='];
  const finite: Task = {
    name: 'finite',
    rewardRange: [0, 1],
    warnings: ['a warning'],
    size: () => prompts.length,
    item: (split, i) => {
      if (i >= prompts.length) throw new RangeError(`no item ${i}`);
      return item(`${split}:${i}`, prompts[i]);
    },
    verify: () => ({ correct: false, reward: 0, reason: 'no' }),
  };

  it('lists the contaminated prompts of the train and validation splits', () => {
    expect(
      contaminatedPrompts(finite, index, { endless: 10 }).map(({ split, item: { id }, match }) => [
        split,
        id,
        match.item,
      ]),
    ).toEqual([
      ['train', 'train:2', 's-2'],
      ['validation', 'validation:2', 's-2'],
    ]);
  });

  it('removes them and leaves the test split unchanged', () => {
    const clean = withoutContaminated(finite, index);
    expect([clean.size('train'), clean.size('validation'), clean.size('test')]).toEqual([3, 3, 4]);
    expect([0, 1, 2].map((i) => clean.item('train', i).prompt)).toEqual(['1+1=', '2+2=', '3+3=']);
    expect(clean.item('test', 2).prompt).toBe('17+25=');
    expect(() => clean.item('train', 3)).toThrow('no item 4');
    expect(clean.warnings).toEqual(['a warning']);
    expect(contaminatedPrompts(clean, index, { endless: 1 })).toEqual([]);
  });

  it('replaces them by later problems of a generator, independent of the order of access', () => {
    const task = createArithmetic({ operands: 2, maxOperand: 9 });
    const evaluationItems = new ContaminationIndex([
      { name: 'evaluation', items: Array.from({ length: 20 }, (_, i) => task.item('train', i * 2)) },
    ]);
    const clean = withoutContaminated(task, evaluationItems);
    const late = clean.item('train', 30);
    const all = Array.from({ length: 31 }, (_, i) => clean.item('train', i));
    expect(all[30]).toEqual(late);
    expect(all.every((one) => evaluationItems.find(one) === undefined)).toBe(true);
    expect(clean.verify(late, `#${late.answer}`).correct).toBe(true);
    expect(contaminatedPrompts(task, evaluationItems, { endless: 10 }).length).toBeGreaterThanOrEqual(5);
  });

  it('throws if a generator gives only evaluation problems', () => {
    const task: Task = { ...finite, size: () => undefined, item: () => item('x', '17+25=') };
    expect(() => withoutContaminated(task, index).item('train', 0)).toThrow(
      'task finite: expected problems of the train split that are in no evaluation set, got none among 1000',
    );
  });
});
