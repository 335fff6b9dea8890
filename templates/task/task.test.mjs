/** Tests that data, prompts and verifier agree: `node --test task.test.mjs`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createTask } from 'troupe';

const task = await createTask('my-task', { module: fileURLToPath(new URL('task.ts', import.meta.url)) });
const splits = ['train', 'validation', 'test'];
const items = splits.flatMap((split) =>
  Array.from({ length: task.size(split) ?? 50 }, (_, index) => task.item(split, index)),
);

test('every split has problems, and no prompt is in two splits', () => {
  for (const split of splits) assert.ok((task.size(split) ?? 1) > 0, split);
  assert.equal(new Set(items.map(({ prompt }) => prompt)).size, items.length);
});

test('gold answers are correct, also with other spelling', () => {
  for (const item of items) {
    assert.ok(task.verify(item, `#${item.answer}`).correct, item.prompt);
    assert.ok(task.verify(item, `1+1=2#00${item.answer} `).correct, item.prompt);
  }
});

test('wrong answers and other texts are incorrect and never an error', () => {
  for (const item of items.slice(0, 20))
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

test('equal answers have one normal form, on which votes are counted', () => {
  const [item] = items;
  assert.ok(item);
  assert.equal(task.verify(item, '#7').answer, task.verify(item, '3+4=7#07').answer);
});

test('demonstrations solve their problems', () => {
  for (const item of items) {
    const demonstration = task.demonstrate?.(item, { child: () => undefined });
    if (demonstration) assert.ok(task.verify(item, demonstration.messages.at(-1) ?? '').correct, item.prompt);
  }
});
