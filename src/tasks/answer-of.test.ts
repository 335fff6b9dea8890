/**
 * Tests that votes on served requests and votes in training count the same answers: `answerOf` returns the
 * answer of the verdict.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { randomStream } from '../core/rng.ts';
import { createTask } from './registry.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-answer-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'records.jsonl');
writeFileSync(
  path,
  Array.from(
    { length: 60 },
    (_, i) => `${JSON.stringify({ prompt: `p${i}`, answer: `\\boxed{${i}/7}` })}\n`,
  ).join(''),
);

const ANSWERER = { answerer_url: 'http://127.0.0.1:1/v1', answerer_model: 'none' };

const TASKS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['arithmetic', {}],
  ['countdown', {}],
  ['digits', { digits: 3 }],
  ['digits', { digits: 2, roles: 'fixed' }],
  ['zebra', { houses: 3, features: 3 }],
  ['blocksworld', {}],
  ['blocksworld', { style: 'planbench' }],
  ['logistics', { locations: 3 }],
  ['logistics', { style: 'planbench' }],
  ['arbench-gn', {}],
  ...['exact', 'numeric', 'math', 'math-strict'].map((verifier) => ['jsonl', { path, verifier }] as const),
];

describe.each(TASKS)('task %s %j', (name, options) => {
  it('reads the same answer with and without the item', async () => {
    const task = await createTask(name, options);
    let read = 0;
    for (let index = 0; index < 20; index++) {
      const item = task.item('train', index);
      const correct =
        task.demonstrate?.(item, randomStream(1, index)).messages[0] ?? `so 1234 or ${item.answer}`;
      for (const text of [
        correct,
        '',
        '#',
        'no answer',
        correct.slice(0, -1),
        `${correct}1`,
        '#1/0',
        'so 1,200',
        '5 3',
        '5 3 1',
      ]) {
        expect(task.answerOf?.(text), text).toBe(task.verify(item, text).answer);
        if (task.answerOf?.(text) !== undefined) read++;
      }
    }
    expect(read).toBeGreaterThanOrEqual(20);
  });
});

describe('tasks for evaluation', () => {
  const fixture = (name: string): string =>
    fileURLToPath(new URL(`../../test/fixtures/${name}`, import.meta.url));
  const plans = (domain: string): string => fixture(`planbench/${domain}_task_1_plan_generation.json`);

  it.each([
    [
      'planbench',
      { path: plans('blocksworld') },
      [
        'unstack the red block from on top of the blue block\nput down the red block',
        'stack the blue block on top of the red block',
        '',
      ],
    ],
    [
      'planbench',
      { path: plans('logistics') },
      ['load package_0 into truck_0 at location_0_0', 'drive a truck', ''],
    ],
    [
      'autologi',
      { path: fixture('autologi.jsonl') },
      ['{"a": [1, 2]}', '```python\n[{2: 1}]\n```', 'none', '{oops'],
    ],
    ['arbench-dc', { path: fixture('arbench/dc.json') }, ['Reason: x\nAnswer: B', 'Answer: the butler', 'C']],
  ] as const)('%s %j: the answer of a text is that of its verdict', async (name, options, texts) => {
    const task = await createTask(name, { ...options, ...(name === 'arbench-dc' ? ANSWERER : {}) });
    const item = task.item('test', 0);
    const answers = texts.map((text) => task.answerOf?.(text));
    expect(answers).toEqual(texts.map((text) => task.verify(item, text).answer));
    expect(new Set(answers).size).toBeGreaterThan(1);
  });

  it('have no answerOf if an answer cannot be read without its item', async () => {
    const tasks = [
      await createTask('planbench', { path: plans('blocksworld'), more_path: plans('logistics') }),
      await createTask('zebra', { houses: 2, max_houses: 3 }),
      await createTask('zebra', { style: 'official' }),
    ];
    expect(tasks.map(({ answerOf }) => answerOf)).toEqual([undefined, undefined, undefined]);
  });
});
