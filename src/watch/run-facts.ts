/**
 * Reads the settings of a run from its `config.yaml`, for display. The keys are not validated, so
 * that runs of the same format from other troupe versions, whose files may have unknown keys, can be watched too.
 * @module
 */
import { parseYamlFile } from '../config/yaml-file.ts';
import type { RunFacts } from '../run-view/rows.ts';
import { readManifest, readRunConfig } from '../store/read-run.ts';

/** @throws StoreError (exit code 2) if the folder is not a run or has another format */
export function readRunFacts(dir: string): RunFacts {
  const manifest = readManifest(dir);
  const config = readRunConfig(dir);
  const root = parseYamlFile(config, `${dir}/config.yaml`).value;
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
