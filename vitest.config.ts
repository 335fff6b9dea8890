import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`src/${path}`, import.meta.url));

export default defineConfig({
  // tests import the package by its name from source, users from dist
  resolve: {
    alias: [
      { find: /^troupe$/, replacement: source('index.ts') },
      { find: /^troupe\/(core|engine|grade)$/, replacement: source('$1/index.ts') },
    ],
  },
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    // dist is made once, before the workers start programs of it side by side
    globalSetup: 'scripts/ensure-built.mjs',
    // limits are for what hangs: a test that waits on a busy machine is in no fault
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // two workers: the machines this must pass on have two cores
    maxWorkers: 2,
    pool: 'forks',
  },
});
