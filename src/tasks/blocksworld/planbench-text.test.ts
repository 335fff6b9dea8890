import { describe, expect, it } from 'vitest';
import { planText } from '../planning/strips.ts';
import { planLines, readFact, readPlan } from './planbench-text.ts';

const read = (answer: string): string => planText(readPlan(answer));

describe('readPlan', () => {
  it('reads what planLines writes', () => {
    const plan = [
      { action: 'unstack', objects: ['blue', 'orange'] },
      { action: 'put-down', objects: ['blue'] },
      { action: 'pick-up', objects: ['orange'] },
      { action: 'stack', objects: ['orange', 'blue'] },
    ];
    expect(readPlan(planLines(plan).join('\n'))).toEqual(plan);
    expect(planLines(plan)[0]).toBe('unstack the blue block from on top of the orange block');
  });

  it('is lenient where the official evaluator is', () => {
    expect(read('1. PICK UP the Red Block!\r\n[PLAN END]\nthen: put down the red block')).toBe(
      '(pick-up red) (put-down red)',
    );
    expect(read('stack the colored block on the red block')).toBe('');
    expect(read('stack the blue block on the colored block')).toBe('(stack blue red)'); // "colo-red block"
    expect(read('stack it after you unstack the red block, the blue block')).toBe('(stack red blue)'); // domain order
    expect(read('pick up the red block [COST]\nput down the red block')).toBe('(pick-up red) (put-down red)');
  });

  it('skips lines with a wrong number of blocks, or with blocks that are not named in full', () => {
    expect(read('unstack the red block')).toBe('');
    expect(read('pick up the red block from the blue block')).toBe('');
    expect(
      read('(unstack red blue)\nUnstack red from blue\nunstacking the red block on the blue block'),
    ).toBe('');
    expect(read('stack the red block on the red block')).toBe('');
  });

  it('reads only the end of a very long text, and only the text after </think>', () => {
    const long = `${'pick up the red block\n'.repeat(50_000)}put down the blue block`;
    const started = performance.now();
    expect(readPlan(long).length).toBeLessThan(5000);
    expect(performance.now() - started).toBeLessThan(2000);
    expect(read('pick up the red block</think>')).toBe('');
  });
});

it('reads facts', () => {
  const facts = [
    'the hand is empty',
    'the red block is clear',
    'the red block is on the table',
    'the red block is on top of the blue block',
    'x',
  ];
  expect(facts.map(readFact)).toEqual(['handempty', 'clear red', 'ontable red', 'on red blue', undefined]);
});
