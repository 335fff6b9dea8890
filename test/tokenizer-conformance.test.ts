/**
 * Compares tokenizers with the Rust library and with Transformers. `conformance/tokenizers/generate.py` wrote one small
 * tokenizer per feature and per well-known model, with ids and decoded texts. TROUPE_TOKENIZER_CASES names a file of
 * the same format with other tokenizers or more texts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Tokenizer } from '../src/engine/engine.ts';
import { createTokenizer } from '../src/engine/text/tokenizer.ts';
import { ConfigError } from '../src/support/errors.ts';

interface Expected {
  /** Token ids of each text; null if the library cannot encode it. */
  readonly ids: readonly (readonly number[] | null)[];
  /** Decoded ids of each text; true: the text itself. */
  readonly decoded: readonly (string | true | null)[];
  /** Random token ids and their text. */
  readonly random: readonly (readonly [readonly number[], string])[];
}

interface Source {
  readonly name: string;
  readonly json?: string;
  readonly config?: object;
  /** Folder of a checkpoint, instead of `json`. */
  readonly folder?: string;
}

type Case = Source & ({ readonly refused: string } | Expected);

const FILE =
  process.env.TROUPE_TOKENIZER_CASES ??
  fileURLToPath(new URL('fixtures/tokenizers/cases.json.gz', import.meta.url));
const { texts, cases } = JSON.parse(gunzipSync(readFileSync(FILE)).toString()) as {
  readonly texts: readonly string[];
  readonly cases: readonly Case[];
};

function load({ name, json = '', config, folder }: Source): Tokenizer {
  const bytes = folder === undefined ? Buffer.from(json) : readFileSync(join(folder, 'tokenizer.json'));
  const files = new Map<string, Uint8Array>([['tokenizer.json', bytes]]);
  if (config !== undefined) files.set('tokenizer_config.json', Buffer.from(JSON.stringify(config)));
  return createTokenizer({ files }, [], { where: join('m', name) });
}

/** Returns the ids of a text; null if it cannot be encoded. */
function encoded(tokenizer: Tokenizer, text: string): readonly number[] | null {
  try {
    return [...tokenizer.encode(text)];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return null;
  }
}

it('has cases of at least 20 models and all features', () => {
  expect(texts.length).toBeGreaterThanOrEqual(150);
  expect(cases.length).toBeGreaterThanOrEqual(100);
});

describe.each(cases.map((entry) => [entry.name, entry] as const))('%s', (_, entry) => {
  if ('refused' in entry) {
    it('is refused, with the name of the feature', () => {
      expect(() => load(entry)).toThrow(entry.refused);
      expect(() => load(entry)).toThrow(ConfigError);
    });
    return;
  }
  const { ids, decoded, random } = entry;

  it('encodes and decodes as the Rust library does', () => {
    const tokenizer = load(entry);
    const different = texts.flatMap((text, index) => {
      const own = encoded(tokenizer, text);
      const back = own === null ? null : tokenizer.decode(own);
      const expected = decoded[index] === true ? text : decoded[index];
      const isEqual = JSON.stringify(own) === JSON.stringify(ids[index]) && back === expected;
      return isEqual ? [] : [{ text, own, ids: ids[index], back, expected }];
    });
    expect(different).toEqual([]);
    for (const [tokens, text] of random) expect(tokenizer.decode(tokens)).toBe(text);
  });
});
