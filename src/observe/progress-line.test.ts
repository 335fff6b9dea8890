import { expect, it } from 'vitest';
import { createProgressLine, progressText } from './progress-line.ts';

function play(isTTY: boolean, steps: readonly number[]): string {
  let text = '';
  let nowMs = 0;
  const stream = { isTTY, columns: 80, rows: 20, write: (chunk: string) => (text += chunk) };
  const line = createProgressLine({ stream: stream as unknown as NodeJS.WriteStream, now: () => nowMs });
  for (const ms of steps) {
    nowMs = ms;
    line.update(`at ${ms}`);
  }
  line.note('done');
  line.close();
  return text;
}

it('writes a line every 15 s into a pipe, and every note', () => {
  expect(play(false, [10, 14_000, 16_000, 17_000, 32_000])).toBe(
    '[   16s] at 16000\n[   32s] at 32000\n[   32s] done\n',
  );
});

it('redraws one line on a terminal, at most every 100 ms', () => {
  const text = play(true, [0, 50, 120, 150, 300]);
  expect([...text.matchAll(/at (\d+)/g)].map(([, ms]) => ms)).toEqual(['0', '120', '300']);
  expect(text).toContain('done\n');
});

it('shows the time left once a twentieth is done', () => {
  expect(progressText('x', { done: 0, total: 10, elapsedMs: 0 })).toBe('x 0/10');
  expect(progressText('x', { done: 1, total: 150, elapsedMs: 4000 })).toBe('x 1/150');
  expect(progressText('x', { done: 2, total: 10, elapsedMs: 4000 })).toBe('x 2/10 · 16s left');
  expect(progressText('x', { done: 10, total: 10, elapsedMs: 4000 })).toBe('x 10/10');
});
