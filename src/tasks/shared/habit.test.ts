import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { demonstrationText, markedAnswer } from './habit.ts';

const solution = { steps: ['17+25=42', '42+38=80'], answer: '80' };

function texts(habits: { workedShare: number; demoNoise: number }, count: number): string[] {
  return Array.from({ length: count }, (_, i) => demonstrationText(solution, habits, randomStream(5, i)));
}

describe('demonstrationText', () => {
  it('always works the steps out at share 1 and never at share 0', () => {
    expect(new Set(texts({ workedShare: 1, demoNoise: 0 }, 50))).toEqual(new Set(['17+25=42;42+38=80#80']));
    expect(new Set(texts({ workedShare: 0, demoNoise: 0 }, 50))).toEqual(new Set(['#80']));
  });

  it('mixes the habits in the asked share', () => {
    const worked = texts({ workedShare: 0.3, demoNoise: 0 }, 2000).filter((text) => text.length > 3).length;
    // 600 expected, standard deviation 20.5
    expect(Math.abs(worked - 600)).toBeLessThan(62);
  });

  it('replaces digits, and only digits, in the asked share of demonstrations', () => {
    const all = texts({ workedShare: 1, demoNoise: 0.4 }, 2000);
    for (const text of all) expect(text).toMatch(/^\d\d\+\d\d=\d\d;\d\d\+\d\d=\d\d#\d\d$/);
    const noisy = all.filter((text) => text !== '17+25=42;42+38=80#80').length;
    // 800 expected, standard deviation 22
    expect(Math.abs(noisy - 800)).toBeLessThan(66);
  });

  it('is decided by the stream alone', () => {
    const habits = { workedShare: 0.5, demoNoise: 0.5 };
    expect(texts(habits, 30)).toEqual(texts(habits, 30));
  });
});

describe('markedAnswer', () => {
  it('takes what follows the last marker', () => {
    expect(markedAnswer('1+1=2#2')).toBe('2');
    expect(markedAnswer('#1#  2 ')).toBe('2');
    expect(markedAnswer('#### 18')).toBe('18');
    expect(markedAnswer('#')).toBe('');
    expect(markedAnswer('80')).toBeUndefined();
  });
});
