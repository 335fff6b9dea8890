/**
 * Finds the licence of a base model in its folder.
 * @module
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ggufLicense } from '../gguf/model-files.ts';
import { isGgufModel } from '../gguf/model-path.ts';
import { LICENSE_FILE } from '../support/license-file.ts';
import { readModelFileText } from '../support/read-model-file.ts';

export interface BaseLicense {
  /** Identifier of the licence in the metadata of Hugging Face, e.g. `apache-2.0`. */
  readonly license: string;
  /** Name of a licence whose identifier is `other`. */
  readonly name?: string;
  /** The file that states it. */
  readonly source: string;
}

/** Identifiers of licences, by a text near the start of their usual files. */
const KNOWN_TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^\s*Apache License\s+Version 2\.0/i, 'apache-2.0'],
  [/^\s*(The )?MIT License/i, 'mit'],
  [/^\s*BSD 3-Clause License/i, 'bsd-3-clause'],
  [/^\s*GEMMA TERMS OF USE/i, 'gemma'],
  [/LLAMA 3\.1 COMMUNITY LICENSE/i, 'llama3.1'],
  [/LLAMA 3\.2 COMMUNITY LICENSE/i, 'llama3.2'],
  [/LLAMA 3\.3 COMMUNITY LICENSE/i, 'llama3.3'],
];

/**
 * Reads the licence of a model: from the metadata of its card (README.md), else from its licence file; of a GGUF file
 * from its metadata.
 *
 * @returns undefined if the folder states none
 */
export function baseLicense(dir: string): BaseLicense | undefined {
  if (isGgufModel(dir)) {
    const license = ggufLicense(dir);
    return license === undefined ? undefined : { license, source: 'general.license' };
  }
  const card = join(dir, 'README.md');
  const stated = existsSync(card) ? licenseOf(readModelFileText(card)) : undefined;
  if (stated !== undefined) return { ...stated, source: 'README.md' };
  const file = existsSync(dir) ? readdirSync(dir).find((name) => LICENSE_FILE.test(name)) : undefined;
  if (file === undefined) return undefined;
  const text = readModelFileText(join(dir, file));
  const known = KNOWN_TEXTS.find(([pattern]) => pattern.test(text.slice(0, 500)));
  if (known !== undefined) return { license: known[1], source: file };
  const title = text.split('\n').find((line) => line.trim() !== '');
  return title === undefined
    ? undefined
    : { license: 'other', name: title.trim().slice(0, 80), source: file };
}

/** @returns the licence in the metadata of a model card; undefined if the card has none */
export function licenseOf(card: string): Omit<BaseLicense, 'source'> | undefined {
  const front = /^---\r?\n([\s\S]*?)\r?\n---/.exec(card)?.[1] ?? '';
  const field = (key: string): string | undefined =>
    new RegExp(`^${key}:[ \\t]*(?:\\r?\\n[ \\t]*-[ \\t]*)?["']?([\\w.+/ -]+?)["']?[ \\t]*$`, 'm').exec(
      front,
    )?.[1];
  const license = field('license');
  if (license === undefined) return undefined;
  const name = field('license_name');
  return { license, ...(name === undefined ? {} : { name }) };
}
