/**
 * Reads the `config.yaml` of a run without validation of its keys, so that runs of other versions, whose files may have
 * unknown keys, can be displayed.
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import { readConfigText } from './config-text.ts';
import { parseYamlFile } from './yaml-file.ts';

export interface RunConfigFile {
  readonly text: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** @throws ConfigError with one line, which names the file, if it cannot be read or has no sections */
export function readRunConfigFile(path: string): RunConfigFile {
  const text = readConfigText(path, 'the configuration of a run');
  const { value } = parseYamlFile(text, path);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(
      `${path}: expected the configuration of a run, got ${JSON.stringify(value)?.slice(0, 40)}`,
      { code: 'TROUPE_CONFIG_FILE' },
    );
  return { text, value: value as Record<string, unknown> };
}
