import { afterEach, expect, it, vi } from 'vitest';
import { main } from './main.ts';

afterEach(() => vi.restoreAllMocks());

it('names the new flag for a renamed one, with exit code 2', async () => {
  const errors = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  expect(await main(['serve', 'team.yaml', '--min-members', '2'])).toBe(2);
  expect(errors.mock.calls.flat().join('')).toBe('--min-members is now --min-agents\n');
});
