import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { ConfigError } from '../../support/errors.ts';
import { SPLITS } from '../../task/split.ts';
import { VerifierCache } from '../../team/verifier-cache.ts';
import { createTask } from '../registry.ts';

let folder = '';
let count = 0;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'module-'));
  writeFileSync(join(folder, 'words.ts'), 'export const words: readonly string[] = ["a", "b", "c"];\n');
  writeFileSync(join(folder, 'data.jsonl'), '{"q": "one?", "a": 1}\n{"q": "two?", "a": 2}\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

function moduleOf(text: string): string {
  const path = join(folder, `module-${count++}.ts`);
  writeFileSync(path, text);
  return path;
}

const make = (text: string, options: object = {}) =>
  createTask('mine', { module: moduleOf(text), ...options });
/** Returns the lines of the error message without the file's name. */
async function mistakes(text: string, options: object = {}): Promise<string[]> {
  try {
    await make(text, options);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.message.split('\n').map((line) => line.replace(/^.*\.ts: /, ''));
    throw error;
  }
  return [];
}

const VERIFY = 'export const verify = (item, text) => ({ correct: text === item.answer, answer: text });\n';
const ITEMS = `export const items = () => Array.from({ length: 100 }, (_, i) => ({ prompt: i + '?', answer: i }));\n`;

describe('a module with a list of problems', () => {
  it('becomes a task, with types, imports and options', async () => {
    const task = await make(
      `
      import type { Nothing } from './nothing-there.ts';
      import { words } from './words.ts';
      type Problem = { prompt: string; answer: string; difficulty: number };
      export const about: string = 'words';
      export const options = { repeat: 20 };
      export const items = ({ options }: { options: { repeat: number } }): Problem[] =>
        words.flatMap((word, k) => Array.from({ length: options.repeat }, (_, i) => ({
          prompt: word + i, answer: word, difficulty: k })));
      export const demonstrate = (item: Problem) => item.answer;
      ${VERIFY}`,
      { repeat: 40 },
    );
    expect(SPLITS.reduce((sum, split) => sum + (task.size(split) ?? 0), 0)).toBe(120);
    const item = task.item('train', 0);
    expect(item).toMatchObject({ id: 'train:0', answer: item.prompt[0], difficulty: expect.any(String) });
    expect(task.verify(item, item.answer ?? '')).toMatchObject({ correct: true, reward: 1, reason: 'right' });
    expect(task.verify(item, 'x')).toEqual({ correct: false, reward: 0, answer: 'x', reason: 'wrong' });
    expect(task.demonstrate?.(item, randomStream(1))).toEqual({ messages: [item.answer] });
    expect(task.alphabet).toBe('0123456789abc');
  });

  it('can read files of its folder and use a named verifier', async () => {
    const task = await make(`
      export const items = ({ readJsonLines }) =>
        readJsonLines('data.jsonl').map(({ q, a }) => ({ prompt: q, answer: a, split: 'test' }));
      export const verify = (item, text, { verifier }) => verifier('numeric')(item.answer, text);`);
    expect(task.size('test')).toBe(2);
    expect(task.verify(task.item('test', 1), 'It is 2.0')).toMatchObject({ correct: true, answer: '2' });
    expect(task.warnings).toEqual([
      'the train split has no problems',
      'the validation split has no problems',
    ]);
  });

  it('can read answers without items, for votes on served requests', async () => {
    const task = await make(
      `${ITEMS}${VERIFY}export const answerOf = (text) => text === '' ? undefined : Number(text);`,
    );
    expect([task.answerOf?.('07'), task.answerOf?.('')]).toEqual(['7', undefined]);
    expect((await make(ITEMS + VERIFY)).answerOf).toBeUndefined();
    expect(await mistakes(`${ITEMS}${VERIFY}export const answerOf = 1;`)).toEqual([
      'export "answerOf": expected a function (text) => answer, got 1',
    ]);
  });

  it('removes prompts that occur in several splits, with a warning', async () => {
    const task = await make(`
      export const items = () => [
        { prompt: 'a', split: 'train' }, { prompt: 'b', split: 'train' }, { prompt: ' A ', split: 'test' }];
      ${VERIFY}`);
    expect([task.size('train'), task.size('test')]).toEqual([1, 1]);
    expect(task.warnings?.[0]).toContain('left out 1 of 2 records of the train split');
  });

  it('that returns no verdict is an error with its name, which a run counts as an incorrect answer', async () => {
    const task = await make(`${ITEMS} export const verify = () => true;`);
    const item = task.item('train', 0);
    expect(() => task.verify(item, 'x')).toThrow(
      /verify: expected \{ correct: true or false, .*\}, got true/,
    );
    const warnings: string[] = [];
    expect(new VerifierCache(task, (warning) => warnings.push(warning)).verdict(item, 'x').correct).toBe(
      false,
    );
    expect(warnings).toHaveLength(1);
  });
});

describe('a module that generates', () => {
  const GENERATE = `
    export const options = { largest: 9 };
    export const generate = (stream, { options }) => {
      const n = stream.int(options.largest) + 1;
      return { prompt: n + '+1=', answer: n + 1 };
    };`;
  it('is endless, with disjoint splits and the same problems for the same seed', async () => {
    const task = await make(GENERATE + VERIFY, { largest: 5000 });
    const prompts = (split: 'train' | 'test') =>
      Array.from({ length: 40 }, (_, i) => task.item(split, i).prompt);
    expect(task.size('train')).toBeUndefined();
    expect((await make(GENERATE + VERIFY, { largest: 5000 })).item('train', 7)).toEqual(
      task.item('train', 7),
    );
    expect((await make(GENERATE + VERIFY, { largest: 5000, seed: 2 })).item('train', 7)).not.toEqual(
      task.item('train', 7),
    );
    expect(prompts('train').some((prompt) => prompts('test').includes(prompt))).toBe(false);
  });
});

describe('a module with a default export', () => {
  it('is rejected if its environment has no method reset', async () => {
    const taskWith = (environment: string): string =>
      `export default () => ({ name: 'talk', rewardRange: [0, 1], size: () => 1, item() {}, verify() {}, environment: ${environment} });`;
    const hint = '; begin, reply and isOver are now called reset, observation and done';
    expect(await mistakes(taskWith('{ maxTurns: 2, begin: () => ({ reply: "a", isOver: false }) }'))).toEqual(
      [`default export: expected an environment with a method reset, got begin${hint}`],
    );
    expect(await mistakes(taskWith('{ maxTurns: 2, reset: 3 }'))).toEqual([
      `default export: expected an environment with a method reset, got 3${hint}`,
    ]);
    expect(await mistakes(taskWith('{ maxTurns: 2, reset() {} }'))).toEqual([]);
  });

  it('creates the whole task, whose methods are checked', async () => {
    const task = await make(`export default ({ folder }) => ({
      name: 'whole', rewardRange: [0, 1], size: () => 1, item: () => ({ id: 'x', prompt: folder }),
      verify: () => ({ correct: true, reward: 1, reason: 'yes' }) });`);
    expect(task.item('train', 0).prompt).toBe(folder);
    expect(await mistakes('export default () => ({ name: "whole", rewardRange: [0, 1], size: 3 });')).toEqual(
      [
        'default export: expected a task with a method size, got 3',
        'default export: expected a task with a method item, got nothing',
        'default export: expected a task with a method verify, got nothing',
      ],
    );
  });
});

describe('mistakes are reported in one line each', () => {
  it.each([
    [
      '',
      [
        'export "verify": expected a function (item, text) => { correct, answer, reason }, got nothing',
        'expected one export of "items" (a list of problems) and "generate" (endless problems), got neither',
      ],
    ],
    [
      `${VERIFY}export const items = 3;`,
      ['export "items": expected a function (context) => problems, got 3'],
    ],
    [
      `${ITEMS}export const verfy = () => 1;`,
      [
        'export "verfy": expected a known name; did you mean "verify"?',
        'export "verify": expected a function (item, text) => { correct, answer, reason }, got nothing',
      ],
    ],
    [
      `${VERIFY}${ITEMS}export const rewardRange = [1, 0];`,
      ['export "rewardRange": expected two numbers, the lower one first, got [1,0]'],
    ],
    [`${VERIFY}export const items = () => [];`, ['items: expected at least one problem, got none']],
    [
      `${VERIFY}export const items = () => [{ prompt: 'a' }, { prompt: '', split: 'heldout' }];`,
      [
        'items[1].prompt: expected a text that is not empty, got ""',
        'items[1].split: expected one of train, validation, test, got "heldout"; the split heldout is now called test',
      ],
    ],
    [
      `${VERIFY}export const items = () => [{ prompt: 'a', id: 'x' }, { prompt: 'b', id: 'x' }];`,
      ['items[1].id: expected an id of its own, got "x" again'],
    ],
    [
      `${VERIFY}export const generate = () => null;`,
      ['generate: expected a problem { prompt, answer }, got null'],
    ],
    [`throw new Error('on purpose');`, ['expected a module that loads, got: on purpose']],
  ])('%#', async (text, expected) => {
    expect(await mistakes(text)).toEqual(expected);
  });

  it('for syntax, options and paths', async () => {
    expect((await mistakes('export const = 3'))[0]).toMatch(/^expected a module that loads, got: /);
    expect(await mistakes(VERIFY + ITEMS, { largest: 3 })).toEqual([
      'task mine: unknown option "largest"; it has no options',
    ]);
    expect(await mistakes(`export const options = { largest: 3 };${VERIFY}${ITEMS}`, { lagest: 3 })).toEqual([
      'task mine: unknown option "lagest"; did you mean "largest"?',
    ]);
    await expect(createTask('mine', { module: join(folder, 'none.ts') })).rejects.toThrow(
      'none.ts: expected a TypeScript module, got no file; "troupe tasks init NAME" creates one',
    );
    await expect(createTask('mine', { module: 3 })).rejects.toThrow(
      'task.module: expected the path of a TypeScript module, got 3',
    );
  });
});

describe('a function of a module that throws', () => {
  it.each([
    ['items', `export const items = () => none.map(String);\n${VERIFY}`, 'none is not defined'],
    [
      'items',
      `export function* items() {\n  yield { prompt: 'a?', answer: 1 };\n  throw new Error('broken');\n}\n${VERIFY}`,
      'broken',
    ],
    [
      'generate',
      `export const generate = (stream) => ({ prompt: String(stream.integer(9)) });\n${VERIFY}`,
      'stream.integer is not a function',
    ],
    ['default export', 'export default () => {\n  throw new Error("no task");\n};\n', 'no task'],
  ])('is named with the module and the line: %s', async (name, text, why) => {
    const [line, ...more] = await mistakes(text);
    expect(line).toMatch(new RegExp(`^${name}: expected a result, got an error in line [123]: ${why}$`));
    expect(more).toEqual([]);
  });

  it('must return a list of problems from items', async () => {
    expect(await mistakes(`export const items = async () => [];\n${VERIFY}`)).toEqual([
      'items: expected a list of problems, got a promise; it must not be async',
    ]);
  });

  it('is named when a problem is drawn, graded or demonstrated', async () => {
    const path = moduleOf(`${ITEMS}
export const verify = () => { throw new Error('v'); };
export const answerOf = () => { throw new Error('a'); };
export const demonstrate = () => { throw new Error('d'); };
`);
    const task = await createTask('mine', { module: path });
    const item = task.item('train', 0);
    expect(() => task.verify(item, '')).toThrow(
      `${path}: verify: expected a result, got an error in line 3: v`,
    );
    expect(() => task.answerOf?.('')).toThrow(`${path}: answerOf: expected a result`);
    expect(() => task.demonstrate?.(item, randomStream(1))).toThrow(
      `${path}: demonstrate: expected a result`,
    );
    const whole = moduleOf(`export default () => ({
  name: 'whole', rewardRange: [0, 1], size: () => 3,
  item() { return this.name.missing.prompt; },
  verify: () => ({ correct: true, reward: 1, reason: '' }),
});
`);
    const own = await createTask('mine', { module: whole });
    expect(own.size('train')).toBe(3);
    expect(() => own.item('train', 0)).toThrow(
      `${whole}: default export: item: expected a result, got an error in line 3: `,
    );
  });
});
