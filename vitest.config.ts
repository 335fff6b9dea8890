import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // two workers: the machines this must pass on have two cores
    maxWorkers: 2,
    pool: 'forks',
  },
});
