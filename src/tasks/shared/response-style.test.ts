import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { demonstrationText, markedAnswer } from './response-style.ts';

const solution = { steps: ['17+25=42', '42+38=80'], answer: '80' };

function texts(style: { workedShare: number; demoNoise: number }, count: number): string[] {
  return Array.from({ length: count }, (_, i) => demonstrationText(solution, style, randomStream(5, i)));
}

describe('demonstrationText', () => {
  it('writes the steps always with share 1 and never with share 0', () => {
    expect(new Set(texts({ workedShare: 1, demoNoise: 0 }, 50))).toEqual(new Set(['17+25=42;42+38=80#80']));
    expect(new Set(texts({ workedShare: 0, demoNoise: 0 }, 50))).toEqual(new Set(['#80']));
  });

  it('writes the steps in the configured share of demonstrations', () => {
    const worked = texts({ workedShare: 0.3, demoNoise: 0 }, 2000).filter((text) => text.length > 3).length;
    // 600 are expected, with standard deviation 20.5
    expect(Math.abs(worked - 600)).toBeLessThan(62);
  });

  it('replaces only digits, in the configured share of demonstrations', () => {
    const all = texts({ workedShare: 1, demoNoise: 0.4 }, 2000);
    for (const text of all) expect(text).toMatch(/^\d\d\+\d\d=\d\d;\d\d\+\d\d=\d\d#\d\d$/);
    const noisy = all.filter((text) => text !== '17+25=42;42+38=80#80').length;
    // 800 are expected, with standard deviation 22
    expect(Math.abs(noisy - 800)).toBeLessThan(66);
  });

  it('depends on the random stream alone', () => {
    const style = { workedShare: 0.5, demoNoise: 0.5 };
    expect(texts(style, 30)).toEqual(texts(style, 30));
  });
});

describe('markedAnswer', () => {
  it('returns the text after the last marker', () => {
    expect(markedAnswer('1+1=2#2')).toBe('2');
    expect(markedAnswer('#1#  2 ')).toBe('2');
    expect(markedAnswer('#### 18')).toBe('18');
    expect(markedAnswer('#')).toBe('');
    expect(markedAnswer('80')).toBeUndefined();
  });
});
