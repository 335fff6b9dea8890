/** What votes on questions from outside are counted on is what votes in training are counted on. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

const TASKS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['arithmetic', {}],
  ['countdown', {}],
  ...['exact', 'numeric', 'math', 'math-strict'].map((verifier) => ['jsonl', { path, verifier }] as const),
];

describe.each(TASKS)('task %s %j', (name, options) => {
  it('reads the same answer with and without the item', () => {
    const task = createTask(name, options);
    let read = 0;
    for (let index = 0; index < 20; index++) {
      const item = task.item('train', index);
      const right = task.demonstrate?.(item, randomStream(1, index)).messages[0] ?? '';
      for (const text of [right, '', '#', 'no answer', right.slice(0, -1), `${right}1`, '#1/0', 'so 1,200']) {
        expect(task.answerOf?.(text), text).toBe(task.verify(item, text).answer);
        if (task.answerOf?.(text) !== undefined) read++;
      }
    }
    expect(read).toBeGreaterThan(20);
  });
});
