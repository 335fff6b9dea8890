/**
 * Reads the settings of a run from its `config.yaml`, for display. The keys are not validated, so
 * that runs of the same format from other troupe versions, whose files may have unknown keys, can be watched too.
 * @module
 */
import { join } from 'node:path';
import { readRunConfigFile } from '../config/run-config.ts';
import type { RunFacts } from '../run-view/rows.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { readManifest } from '../store/read-run.ts';

/**
 * @throws StoreError (exit code 2) if the folder is not a run or has another format
 * @throws ConfigError if `config.yaml` is damaged
 */
export function readRunFacts(dir: string): RunFacts {
  const manifest = readManifest(dir);
  const { text: config, value: root } = readRunConfigFile(join(dir, CONFIG_FILE));
  const text = (fallback: string, ...path: string[]): string => String(valueAt(root, path) ?? fallback);
  const number = (fallback: number, ...path: string[]): number => Number(valueAt(root, path) ?? fallback);
  const gate = text('off', 'gate', 'kind');
  return {
    name: text('run', 'name'),
    task: text('unknown', 'task', 'name'),
    protocol: text('unknown', 'protocol', 'kind'),
    algorithm: text('sat', 'algorithm'),
    seed: number(0, 'seed'),
    quantile: number(0.99, 'trust_region', 'quantile'),
    trustRegion: text('enforce', 'trust_region', 'gate') === 'record' ? 'record' : 'enforce',
    gate: gate === 'promotion' || gate === 'step' ? gate : 'off',
    gatePrompts: number(0, 'gate', 'n_plan'),
    config,
    manifest,
  };
}

function valueAt(root: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined,
    root,
  );
}
