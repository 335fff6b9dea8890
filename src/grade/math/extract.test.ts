import { describe, expect, it } from 'vitest';
import { boxesIn, isConnectionOfBoxes, lastJoined, mathIn } from './boxed.ts';
import { extractAnswer, goldAnswer } from './extract.ts';

const found = (text: string) => {
  const extracted = extractAnswer(text);
  return extracted && [extracted.text.trim(), extracted.by];
};

describe('boxes', () => {
  it('close at the matching brace', () => {
    expect(found('so \\boxed{\\frac{1}{2}} it is')).toEqual(['\\frac{1}{2}', 'box']);
    expect(found('\\boxed{\\{1, 2\\}}')).toEqual(['\\{1, 2\\}', 'box']);
    expect(found('\\boxed {3}')).toEqual(['3', 'box']);
    expect(found('\\fbox{3}')).toEqual(['3', 'box']);
    expect(found('\\\\boxed{3}')).toEqual(['3', 'box']);
  });

  it('are read from the end, and unclosed ones are skipped', () => {
    expect(found('\\boxed{1} is wrong since this is the case: it must be \\boxed{2}')).toEqual(['2', 'box']);
    expect(found('\\boxed{1} and then \\boxed{2')).toEqual(['1', 'box']);
    expect(found('} } \\boxed{7}')).toEqual(['7', 'box']);
    expect(found('\\boxed 5 is it')).toEqual(['5', 'box']);
  });

  it('are joined if only a short connection separates them', () => {
    expect(found('\\boxed{1} and \\boxed{2}')).toEqual(['1, 2', 'box']);
    expect(found('$\\boxed{k=45} \\quad \\text{and} \\quad \\boxed{n=2}$')).toEqual(['k=45, n=2', 'box']);
    expect(found('\\boxed{1} papers and \\boxed{2} bins')).toEqual(['1, 2', 'box']);
    expect(found('\\boxed{1},\\boxed{2},\\boxed{3}')).toEqual(['1, 2, 3', 'box']);
    expect(found(`\\boxed{1} ${'-'.repeat(60)} \\boxed{2}`)).toEqual(['2', 'box']);
    expect(found('\\boxed{1} no no no \\boxed{2}')).toEqual(['2', 'box']);
    const nested = '\\boxed{\\boxed{3}}';
    expect(lastJoined(nested, boxesIn(nested), isConnectionOfBoxes)).toBe('\\boxed{3}');
    expect(found('\\boxed{1}\\boxed{2}')).toEqual(['1, 2', 'box']);
    expect(found('\\boxed{5}. \\n\\n \\boxed{5}')).toEqual(['5', 'box']);
  });
});

describe('phrases and markers', () => {
  it('introduce the answer in their sentence', () => {
    expect(found('The answer is 5. I hope it is correct.')).toEqual(['5', 'phrase']);
    expect(found('Answer: B')).toEqual(['B', 'phrase']);
    expect(found('**Final Answer:** $\\frac{1}{2}$')).toEqual(['\\frac{1}{2}', 'phrase']);
    expect(found('The final answer is "$12 $ and $13 $". I hope so.')).toEqual([
      '" 12   and  13  "',
      'phrase',
    ]);
    expect(found('The answer is not 7. It is 8.')?.[0]).toBe('8');
    expect(found('The answer is not 7.')).toBeUndefined();
    expect(found('```\n7\n```')?.[0]).toBe('7');
    expect(found('The answer is 3.5 and not 4. Done.')).toEqual(['3.5', 'phrase']);
    expect(found('the answer is that we need 12 apples')).toEqual(['12', 'phrase']);
    expect(found('Answer is: New York')).toEqual(['New York', 'phrase']);
  });

  it('may introduce a sentence that ends with the answer', () => {
    expect(found('Final Answer: The largest $n$ is 34. I hope so.')).toEqual(['34', 'phrase']);
    expect(found('Final Answer: Jane began 3 hours ago.')).toEqual(['3', 'phrase']);
    expect(found('Answer: the color is dark red')).toEqual(['dark red', 'phrase']);
  });

  it('take precedence over a box only with "final answer"', () => {
    expect(found('\\boxed{255} is one part. The final answer is $10,455$.')).toEqual(['10,455', 'phrase']);
    expect(found('\\boxed{255}. This answer is right 9 times.')).toEqual(['255', 'box']);
    expect(found('\\boxed{255}. The final answer is as above.')).toEqual(['255', 'box']);
    expect(found('The final answer is 5, that is \\boxed{6}')).toEqual(['6', 'box']);
  });

  it('do not match inside longer words', () => {
    expect(found('answer island 5')).toEqual(['5', 'last number']);
  });

  it('include the marker of GSM8K', () => {
    expect(found('12*2=24\n#### 1,234')).toEqual(['1,234', 'marker']);
    expect(found('#### $5.50 per hour')).toEqual(['5.50 per hour', 'marker']);
  });
});

describe('texts without box, phrase and marker', () => {
  it('are the answer if they contain nothing else', () => {
    expect(found('x \\in [-2,7]')).toEqual(['x \\in [-2,7]', 'whole text']);
    expect(found('$28$ %')).toEqual(['28  %', 'whole text']);
    expect(found('12 apples')).toEqual(['12 apples', 'whole text']);
    expect(found('New York')).toEqual(['New York', 'whole text']);
    expect(found('3.')).toEqual(['3', 'whole text']);
  });

  it('give their last formula or number', () => {
    expect(found('So we get $x=3$ and so on')).toEqual(['x=3', 'last formula']);
    expect(found('It is \\( 9+1 \\)')).toEqual(['9+1', 'last formula']);
    expect(found('The roots are $1$ and $2$')).toEqual(['1, 2', 'last formula']);
    expect(found('the number is not 10 which is 1,000.99€')).toEqual(['1,000.99', 'last number']);
    expect(found('for $x^2$ it grows by 100%.')).toEqual(['100%', 'last number']);
    expect(found('that leaves -5 of them')).toEqual(['-5', 'last number']);
    expect(found('from 3-5 we get 3/4')).toEqual(['3/4', 'last number']);
  });

  it('may have no answer', () => {
    for (const text of ['', ' \n', 'I do not know what to say about this, it is beyond what I can do'])
      expect(found(text)).toBeUndefined();
  });
});

it('only the end of the text after the last </think> is read', () => {
  expect(found('<think>\\boxed{1}</think> it is \\boxed{2}')).toEqual(['2', 'box']);
  expect(found('<think>\\boxed{1}</think>')).toBeUndefined();
  expect(found(`\\boxed{1}${' '.repeat(70_000)}`)).toBeUndefined();
});

it('mathIn handles all delimiters and escaped dollars', () => {
  const spans = (text: string) => mathIn(text).map(({ content }) => content);
  expect(spans('a $b$ c $$d$$ \\(e\\) \\[f\\] $g')).toEqual(['b', 'd', 'e', 'f']);
  expect(spans('$a \\$ b$')).toEqual(['a \\$ b']);
  expect(spans('\\$5 and \\$6')).toEqual([]);
});

it('goldAnswer reads a bare answer or the answer of a solution', () => {
  expect(goldAnswer(' \\frac{14}{3} ')).toBe('\\frac{14}{3}');
  expect(goldAnswer('Thus $x = \\boxed{5}$.')).toBe('5');
  expect(goldAnswer('2*3=6\n#### 6')).toBe('6');
  expect(goldAnswer('\\frac{1}{7}\\triangle ABC')).toBe('\\frac{1}{7}\\triangle ABC');
  expect(goldAnswer('  ')).toBeUndefined();
});
