import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { ConfigError } from '../../support/errors.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { SPLITS, splitOf } from '../../task/split.ts';
import type { Task } from '../../task/task.ts';
import { createJsonl, jsonl } from './jsonl.ts';
import { normalPrompt } from './partition.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'jsonl-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function records(name: string, objects: readonly object[]): string {
  return file(name, objects.map((object) => `${JSON.stringify(object)}\n`).join(''));
}

const questions = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({
    prompt: `How much is ${from + i} plus 1?`,
    answer: from + i + 1,
  }));

function prompts(task: Task, split: 'train' | 'validation' | 'test'): string[] {
  return Array.from({ length: task.size(split) ?? 0 }, (_, i) => normalPrompt(task.item(split, i).prompt));
}

function errorOf(attempt: () => unknown): ConfigError {
  try {
    attempt();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected a ConfigError, got none');
}

// three lines in the format of GSM8K: a worked solution with calculator annotations, then `#### n`
const GSM8K_LINES = [
  {
    question: 'A baker sells 12 rolls a day for $2 each. How many dollars does she take in 7 days?',
    answer: 'She takes 12*2=$<<12*2=24>>24 a day.\nIn 7 days that is 24*7=$<<24*7=168>>168.\n#### 168',
  },
  {
    question: 'A tank holds 1,500 litres. A pump fills 500 litres an hour. How long until it is full?',
    answer: 'It needs 1500/500=<<1500/500=3>>3 hours.\n#### 3',
  },
  {
    question: 'Mia had 2,400 stickers and got half as many again. How many has she now?',
    answer:
      'Half of them is 2400/2=<<2400/2=1200>>1200.\nShe has 2400+1200=<<2400+1200=3600>>3600.\n#### 3,600',
  },
];

describe('one file', () => {
  it('is divided by the hash of its prompts into disjoint splits without loss', () => {
    const task = createJsonl({ path: records('one.jsonl', questions(3000)) });
    const all = SPLITS.flatMap((split) => prompts(task, split));
    expect(new Set(all).size).toBe(3000);
    expect(all).toHaveLength(3000);
    // shares of 70, 15 and 15 percent, within three standard deviations
    expect(Math.abs((task.size('train') ?? 0) - 2100)).toBeLessThan(76);
    expect(Math.abs((task.size('validation') ?? 0) - 450)).toBeLessThan(59);
    expect(task.warnings).toEqual([]);
  });

  it('keeps different spellings of a prompt in one split', () => {
    const spelled = questions(400).flatMap(({ prompt, answer }) => [
      { prompt, answer },
      { prompt: `  ${prompt.toUpperCase()}`, answer },
      { prompt: prompt.replaceAll(' ', '\n'), answer },
    ]);
    const task = createJsonl({ path: records('spelled.jsonl', spelled) });
    const seen = SPLITS.map((split) => new Set(prompts(task, split)));
    expect(seen.reduce((sum, set) => sum + set.size, 0)).toBe(400);
    expect(SPLITS.reduce((sum, split) => sum + (task.size(split) ?? 0), 0)).toBe(1200);
  });

  it('keeps the order of the file, and ids have split and line', () => {
    const task = createJsonl({ path: records('order.jsonl', questions(50)) });
    const lines = Array.from({ length: task.size('train') ?? 0 }, (_, i) => task.item('train', i).id);
    expect(lines).toEqual([...lines].sort((a, b) => Number(a.slice(6)) - Number(b.slice(6))));
    expect(task.item('train', 0)).toEqual(
      createJsonl({ path: join(folder, 'order.jsonl') }).item('train', 0),
    );
    expect(() => task.item('train', 1000)).toThrow(
      /expected an index from 0 to \d+ in the train split, got 1000/,
    );
  });

  it('warns about a test split without records', () => {
    const alone = questions(60).filter(({ prompt }) => splitOf(normalPrompt(prompt)) === 'train');
    const task = createJsonl({ path: records('alone.jsonl', alone) });
    expect(task.warnings).toEqual(['the test split has no records']);
    expect(task.size('validation')).toBe(0);
  });
});

describe('several files', () => {
  it('remove prompts of validation and test from train, and of test from validation, and count them', () => {
    const task = createJsonl({
      path: records('train.jsonl', questions(100)),
      validationPath: records('validation.jsonl', questions(20, 90)),
      testPath: records('test.jsonl', questions(20, 105)),
    });
    expect(task.size('test')).toBe(20);
    expect(task.size('validation')).toBe(15);
    expect(task.size('train')).toBe(90);
    expect(task.warnings).toEqual([
      'left out 5 of 20 records of the validation split: their prompts are in the test split too',
      'left out 10 of 100 records of the train split: their prompts are in the validation split too',
    ]);
  });

  it('give a split without a file its share of the train file, and train the rest', () => {
    const path = records('shared.jsonl', questions(1000));
    const apart = records('apart.jsonl', questions(30, 5000));
    const whole = createJsonl({ path });
    const task = createJsonl({ path, testPath: apart });
    expect(task.size('test')).toBe(30);
    expect(prompts(task, 'validation')).toEqual(prompts(whole, 'validation'));
    expect(task.size('train')).toBe((whole.size('train') ?? 0) + (whole.size('test') ?? 0));
  });

  it('are an error if train has no records', () => {
    const path = records('same.jsonl', questions(10));
    const error = errorOf(() => createJsonl({ path, validationPath: path, testPath: path }));
    expect(error.message).toMatch(/expected records for the train split in .*same.jsonl, got none; left out/);
  });
});

describe('GSM8K lines', () => {
  const task = () =>
    createJsonl({
      path: records('gsm8k.jsonl', GSM8K_LINES),
      validationPath: records('gsm8k-test.jsonl', [
        { question: 'How many legs have 2 cats?', answer: '2*4=8\n#### 8' },
      ]),
      testPath: records('gsm8k-held.jsonl', [{ question: 'How many legs has a cat?', answer: '#### 4' }]),
      promptField: 'question',
      verifier: 'numeric',
    });

  it('are read without conversion: the gold answer is the number after the marker, without thousands separators', () => {
    const answers = Array.from({ length: 3 }, (_, i) => task().item('train', i).answer);
    expect(answers).toEqual(['168', '3', '3600']);
  });

  it('accept worked answers, boxed ones and plain numbers', () => {
    const third = task().item('train', 2);
    for (const text of ['#### 3600', 'so \\boxed{3,600}', 'She has 3600.', '$3,600.00'])
      expect(task().verify(third, text).correct).toBe(true);
    for (const text of ['#### 3601', 'I give up', '', '3600 of 4000'])
      expect(task().verify(third, text).correct).toBe(false);
  });

  it('have their worked solutions as demonstrations, which the verifier accepts', () => {
    const gsm8k = task();
    for (let i = 0; i < 3; i++) {
      const item = gsm8k.item('train', i);
      const [message] = gsm8k.demonstrate?.(item, randomStream(i)).messages ?? [];
      expect(message).toBe(GSM8K_LINES[i].answer);
      expect(gsm8k.verify(item, message).correct).toBe(true);
    }
  });

  it('determine the alphabet, for all files together', () => {
    const alphabet = task().alphabet ?? '';
    expect([...alphabet]).toEqual([...new Set(alphabet)].sort());
    for (const character of `${GSM8K_LINES[0].question}${GSM8K_LINES[2].answer}`)
      expect(alphabet).toContain(character);
  });
});

describe('MATH lines', () => {
  const lines = [
    { problem: 'Solve $2x = 1$.', answer: '\\frac{1}{2}' },
    { problem: 'Give the range.', answer: 'x \\in [-2,7]' },
    { problem: 'Who wins?', answer: '\\text{Evelyn}' },
  ];
  const task = (verifier: 'math' | 'math-strict') =>
    createJsonl({
      path: records('math.jsonl', lines),
      validationPath: records('math-test.jsonl', [{ problem: 'a', answer: '1' }]),
      testPath: records('math-held.jsonl', [{ problem: 'b', answer: 'so \\boxed{2}' }]),
      promptField: 'problem',
      verifier,
    });

  it('keep gold answers as written, extracted from solutions', () => {
    expect(task('math').item('train', 0).answer).toBe('\\frac{1}{2}');
    expect(task('math').item('test', 0).answer).toBe('2');
  });

  it('are verified by meaning, and equal answers count as one in votes', () => {
    const math = task('math');
    const verdicts = ['\\boxed{0.5}', 'The answer is $\\frac24$.', '#### 1/2'].map((text) =>
      math.verify(math.item('train', 0), text),
    );
    expect(verdicts.every(({ correct, reward }) => correct && reward === 1)).toBe(true);
    expect(new Set(verdicts.map(({ answer }) => answer))).toEqual(new Set(['1/2']));
    expect(math.verify(math.item('train', 1), '\\boxed{-2 \\le x \\le 7}').correct).toBe(true);
    expect(math.verify(math.item('train', 2), 'Answer: Evelyn').correct).toBe(true);
    expect(math.verify(math.item('train', 2), 'Answer: Kevin')).toMatchObject({ correct: false, reward: 0 });
  });

  it('are verified as in the paper with math-strict', () => {
    const strict = task('math-strict');
    expect(strict.verify(strict.item('train', 0), '\\boxed{0.5}').correct).toBe(true);
    expect(strict.verify(strict.item('train', 0), '\\boxed{\\frac24}').correct).toBe(false);
    expect(strict.verify(strict.item('train', 0), '0.5').answer).toBeUndefined();
  });

  it('have their answers as demonstrations, which the verifier accepts', () => {
    const math = task('math');
    for (let i = 0; i < lines.length; i++) {
      const [message = ''] = math.demonstrate?.(math.item('train', i), randomStream(i)).messages ?? [];
      expect(math.verify(math.item('train', i), message).correct).toBe(true);
    }
  });
});

describe('fields', () => {
  it('can have any name, also that of demonstrations', () => {
    const lines = [{ input: 'capital of France', gold: 'Paris', how: 'It is Paris' }];
    const task = createJsonl({
      path: records('fields.jsonl', lines),
      validationPath: records('fields-test.jsonl', [{ input: 'a', gold: 'b', how: 'c' }]),
      testPath: records('fields-held.jsonl', [{ input: 'd', gold: 'e', how: 'f' }]),
      promptField: 'input',
      answerField: 'gold',
      demonstrationField: 'how',
      ignoreCase: true,
    });
    expect(task.item('train', 0)).toMatchObject({ prompt: 'capital of France', answer: 'paris' });
    expect(task.demonstrate?.(task.item('train', 0), randomStream(0)).messages).toEqual(['It is Paris']);
    expect(task.verify(task.item('train', 0), 'PARIS').correct).toBe(true);
  });
});

describe('a prompt template', () => {
  const rows = (key: (n: number) => object) =>
    Array.from({ length: 60 }, (_, n) => ({ q: `question ${n % 40}`, answer: 'a', ...key(n) }));

  it('is part of the comparison of splits, also if another field is the prompt', () => {
    const overlap = (path: string, options: object): string[] => {
      const task = createJsonl({ path, promptTemplate: '{q}?', ...options });
      const shown = SPLITS.map((split) => new Set(prompts(task, split)));
      return shown.flatMap((own, at) =>
        shown.slice(at + 1).flatMap((other) => [...own].filter((one) => other.has(one))),
      );
    };
    const path = records(
      'ids.jsonl',
      rows((n) => ({ id: `id ${n}` })),
    );
    expect(overlap(path, { promptField: 'id' })).toEqual([]);
    const plain = records(
      'plain.jsonl',
      rows(() => ({})),
    );
    const testPath = records('tested.jsonl', [{ prompt: 'x', q: 'question 3', answer: 'a' }]);
    expect(overlap(plain, { testPath })).toEqual([]);
  });

  it('can name fields with spaces and letters of any language', () => {
    const testPath = records('names.jsonl', [{ 'my field': 'A', naïve: 'B', answer: 'a' }]);
    const task = createJsonl({ testPath, promptTemplate: '{my field} {naïve} { q } {{my field}}' });
    expect(task.item('test', 0).prompt).toBe('A B { q } {my field}');
  });

  it('is refused without a field, or with a misspelt one', () => {
    const testPath = records('no-field.jsonl', [{ prompt: 'A', answer: 'a' }]);
    const refused = (promptTemplate: string): string =>
      errorOf(() => createJsonl({ testPath, promptTemplate })).message;
    expect(refused('Solve it.')).toMatch(
      /no-field\.jsonl: expected a field in braces in prompt_template, e\.g\. \{prompt\}, got "Solve it\."$/,
    );
    expect(refused('{answer} { prompt }')).toMatch(
      /write \{prompt\}, or \{\{ prompt \}\} for literal braces$/,
    );
  });
});

it('reads numbers without exponents', () => {
  const numbers = [1e-7, 1.5e-9, 1e21, -1.25e30, 0.001, 100];
  const testPath = records(
    'numbers.jsonl',
    numbers.map((answer, n) => ({ prompt: `p${n}`, answer })),
  );
  const task = createJsonl({ testPath });
  const read = numbers.map((_, n) => task.item('test', n).answer);
  expect(read.map(Number)).toEqual(numbers);
  expect(read.join()).not.toContain('e');
});

describe('bad files', () => {
  const good = '{"prompt":"p","answer":"a"}';
  const message = (content: string | Uint8Array, options: object = {}) =>
    errorOf(() => createJsonl({ path: file('bad.jsonl', content), ...options })).message.replace(folder, '');

  it('are errors with file, line and remedy', () => {
    expect(message(`${good}\n\n{"prompt": "q",\n`)).toBe(
      '/bad.jsonl:3: expected a JSON object, got "{\\"prompt\\": \\"q\\","; fix or delete the line',
    );
    expect(message(`${good}\n[1, 2]\n`)).toBe(
      '/bad.jsonl:2: expected a JSON object, got "[1, 2]"; write one object per line',
    );
    expect(message('{"question":"p","answer":"a"}')).toBe(
      '/bad.jsonl:1: expected a field "prompt", got none; set prompt_field to one of question, answer',
    );
    expect(message(`${good}\n{"prompt":"p","gold":"a"}`)).toBe(
      '/bad.jsonl:2: expected a field "answer", got none; add it or delete the line',
    );
    expect(message('{"promt":"p","answer":"a"}')).toBe(
      '/bad.jsonl:1: expected a field "prompt", got none; set prompt_field to "promt"',
    );
    expect(message('{"prompt":"p","answer":null}')).toBe(
      '/bad.jsonl:1: expected field "answer" to be a text that is not empty, got null; fix or delete the line',
    );
    expect(message(`${good}\n`, { verifier: 'numeric' })).toBe(
      '/bad.jsonl:1: expected a number in the gold answer, got none; fix the line or choose another verifier',
    );
    expect(message('\n\n')).toBe('/bad.jsonl: expected at least one line with a JSON object, got none');
    expect(message(Uint8Array.of(0x7b, 0xff, 0xfe))).toBe(
      '/bad.jsonl: expected UTF-8 text, got other bytes; convert the file to UTF-8',
    );
  });

  it('are errors whose issues have file and line', () => {
    const error = errorOf(() => createJsonl({ path: file('place.jsonl', `${good}\nnot json`) }));
    expect(error.exitCode).toBe(2);
    expect(error.issues).toMatchObject([{ file: join(folder, 'place.jsonl'), line: 2 }]);
  });

  it('include missing files', () => {
    const error = errorOf(() => createJsonl({ path: join(folder, 'missing.jsonl') }));
    expect(error.message).toMatch(
      /missing.jsonl: expected a file that can be read, got nothing there; check the path$/,
    );
  });

  it('do not include files with a byte order mark or Windows line ends', () => {
    const lines = questions(40).map((object) => JSON.stringify(object));
    const task = createJsonl({ path: file('windows.jsonl', `\ufeff${lines.join('\r\n')}\r\n`) });
    expect(SPLITS.reduce((sum, split) => sum + (task.size(split) ?? 0), 0)).toBe(40);
  });
});

describe('the options of jsonl', () => {
  it('have snake_case keys', () => {
    const read = parseTaskOptions(jsonl, { path: 'x.jsonl', prompt_field: 'question', verifier: 'numeric' });
    expect(read).toMatchObject({ path: 'x.jsonl', promptField: 'question', verifier: 'numeric' });
  });

  it('require a path, and reject options that exclude each other', () => {
    expect(errorOf(() => parseTaskOptions(jsonl, {})).message).toBe(
      'task jsonl.path: expected the name of a JSON-lines file, got nothing',
    );
    expect(
      errorOf(() => parseTaskOptions(jsonl, { path: 'x', verifier: 'numeric', ignore_case: true })).message,
    ).toBe('task jsonl.ignore_case: expected false with verifier numeric, got true');
    expect(errorOf(() => parseTaskOptions(jsonl, { path: 'x', verifier: 'nummeric' })).message).toBe(
      'task jsonl.verifier: expected one of exact, numeric, math, math-strict, got "nummeric"; did you mean "numeric"?',
    );
  });
});

describe('a set for evaluation', () => {
  it('has records of the test split only, without warnings about the others', () => {
    const task = createJsonl({ testPath: records('measure.jsonl', questions(5)) });
    expect(SPLITS.map((split) => task.size(split))).toEqual([0, 0, 5]);
    expect(task.warnings).toEqual([]);
    expect(() => parseTaskOptions(jsonl, { path: 'a', heldout_path: 'b' })).toThrow(
      /^task jsonl: unknown option "heldout_path"; it is now "test_path"$/,
    );
    expect(() => parseTaskOptions(jsonl, { validation_path: 'a', test_path: 'b' })).toThrow(
      'task jsonl.path: expected the name of a JSON-lines file, got nothing',
    );
  });

  it('can have a prompt template, and keeps the problem and its difficulty', () => {
    const path = records('template.jsonl', [{ prompt: 'What is 1+1?', answer: 2, level: 3 }]);
    const task = createJsonl({
      testPath: path,
      promptTemplate: '{prompt} Level {level}. Answer in \\boxed{}, not \\text{{here}}.',
      difficultyField: 'level',
    });
    expect(task.item('test', 0)).toMatchObject({
      prompt: 'What is 1+1? Level 3. Answer in \\boxed{}, not \\text{here}.',
      problem: 'What is 1+1?',
      difficulty: '3',
    });
    expect(task.alphabet).toContain('\\');
    const alone = createJsonl({
      testPath: records('alone.jsonl', [{ text: 'How long?', unit: 'm', answer: 2 }]),
      promptTemplate: '{text} In {unit}.',
    });
    expect(alone.item('test', 0)).toMatchObject({ prompt: 'How long? In m.', problem: 'How long?\nm' });
    expect(() => createJsonl({ testPath: path, promptTemplate: '{level}', promptField: 'text' })).toThrow(
      'expected a field "text", got none',
    );
    expect(() => createJsonl({ testPath: path, promptTemplate: '{promt}' })).toThrow(
      'expected a field "promt", got none; write {prompt} in prompt_template',
    );
  });
});
