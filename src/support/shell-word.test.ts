import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellPath, shellWord } from './shell-word.ts';

it('leaves plain paths unchanged', () => {
  for (const path of ['runs/a-1/checkpoints/stage-0003', '../x', '/tmp/a_b.jsonl'])
    expect(shellWord(path)).toBe(path);
});

it('gives a shell the same word', () => {
  for (const path of ['my run/x', "it's", '$(touch x)', 'a;b', '*', '~', '', 'a\nb', '-x', 'größe'])
    expect(execFileSync('sh', ['-c', `printf %s ${shellWord(path)}`], { encoding: 'utf8' })).toBe(path);
});

it('never begins a path with a dash', () => {
  expect(shellPath('--')).toBe('./--');
  expect(shellPath('a')).toBe('a');
});
