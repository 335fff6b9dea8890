import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // limits are for what hangs: a test that waits on a busy machine is in no fault
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // two workers: the machines this must pass on have two cores
    maxWorkers: 2,
    pool: 'forks',
  },
});
