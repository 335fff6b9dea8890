/** Whether data, prompt and verifier fit together: `node --test task.test.mjs`. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTask } from 'troupe';

const task = await createTask('mine', { module: fileURLToPath(new URL('task.ts', import.meta.url)) });
const splits = ['train', 'validation', 'test'];
const all = splits.flatMap((split) =>
  Array.from({ length: task.size(split) ?? 50 }, (_, index) => task.item(split, index)),
);

test('every split has problems, and no prompt is in two of them', () => {
  for (const split of splits) assert.ok((task.size(split) ?? 1) > 0, split);
  assert.equal(new Set(all.map(({ prompt }) => prompt)).size, all.length);
});

test('right answers are right, however they are written', () => {
  for (const item of all) {
    assert.ok(task.verify(item, `#${item.answer}`).correct, item.prompt);
    assert.ok(task.verify(item, `1+1=2#00${item.answer} `).correct, item.prompt);
  }
});

test('wrong answers and other texts are wrong, and never an error', () => {
  for (const item of all.slice(0, 20))
    for (const text of [
      '',
      '#',
      item.prompt,
      `${item.answer}`,
      `#${Number(item.answer) + 1}`,
      '#'.repeat(1e5),
      '\ud800',
    ])
      assert.equal(task.verify(item, text).correct, false, text.slice(0, 40));
});

test('answers that mean the same vote together', () => {
  const [item] = all;
  assert.ok(item);
  assert.equal(task.verify(item, '#7').answer, task.verify(item, '3+4=7#07').answer);
});

test('demonstrations solve their problems', () => {
  for (const item of all) {
    const shown = task.demonstrate?.(item, { child: () => undefined });
    if (shown) assert.ok(task.verify(item, shown.messages.at(-1) ?? '').correct, item.prompt);
  }
});
