import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ALGORITHM_NAMES } from './algorithms.ts';
import { resolveConfig } from './resolve.ts';

const RECIPES = fileURLToPath(new URL('../../recipes', import.meta.url));

/** All team files. The folder `cluster` is excluded, because its YAML files belong to other tools. */
const files = readdirSync(RECIPES, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.yaml') && dirname(name) !== 'cluster',
);

describe('the recipes', () => {
  it.each(files)('%s is a valid team file', (name) => {
    expect(resolveConfig(join(RECIPES, name)).config.agents.length).toBeGreaterThan(0);
  });

  it('for ablations support every algorithm for teams and evaluate each stage', () => {
    const ablations = files.filter((name) => dirname(name) === 'ablations');
    expect(ablations).toHaveLength(3);
    for (const name of ablations)
      for (const algorithm of ALGORITHM_NAMES.filter((one) => one !== 'single')) {
        const overrides = [{ flag: '--algorithm', path: ['algorithm'], value: algorithm }];
        const { config } = resolveConfig(join(RECIPES, name), overrides);
        expect(config).toMatchObject({ algorithm, protocol: { kind: 'parts' }, gate: { kind: 'off' } });
        expect(config.task.digits).toBe(config.agents.length);
        expect(config.eval.stage_prompts).toBeGreaterThan(100);
      }
  });
});
