/**
 * The end tokens of a file to write. A file names at most three, in the keys `eos_token_id`, `eot_token_id` and
 * `eom_token_id`; llama.cpp finds others by their text.
 * @see end-tokens.ts
 * @module
 */
import { endOfGeneration } from './end-tokens.ts';
import type { GgufValue } from './header-reader.ts';
import { Metadata } from './metadata.ts';
import type { TypedMetadata, TypedValue } from './write-container.ts';

const EOS = 'tokenizer.ggml.eos_token_id';
/** Keys of further end tokens. */
const OTHERS = ['tokenizer.ggml.eot_token_id', 'tokenizer.ggml.eom_token_id'] as const;

export interface WrittenEnds {
  readonly metadata: TypedMetadata;
  /** Ids for which the file has no key. */
  readonly dropped: readonly number[];
}

/**
 * Ensures that llama.cpp ends messages at the given tokens. The keys of the metadata change only if it would not.
 *
 * @param end - ids of the end tokens; if there are more than fit, the first ones are kept
 */
export function withEndTokens(metadata: TypedMetadata, end: readonly number[]): WrittenEnds {
  const missing = (written: TypedMetadata): number[] => {
    const found = endOfGeneration(asRead(written));
    return end.filter((id) => !found.includes(id));
  };
  if (missing(metadata).length === 0) return { metadata, dropped: [] };
  const id = (value: number): TypedValue => ({ type: 'uint32', value });
  const changed = new Map([...metadata].filter(([key]) => !(OTHERS as readonly string[]).includes(key)));
  if (!changed.has(EOS)) changed.set(EOS, id(end[0] as number));
  for (const key of OTHERS) {
    const [first] = missing(changed);
    if (first !== undefined) changed.set(key, id(first));
  }
  return { metadata: changed, dropped: missing(changed) };
}

function asRead(written: TypedMetadata): Metadata {
  const metadata = new Map(
    [...written].map(([key, value]): [string, GgufValue] => [
      key,
      value.type === 'array' ? { length: value.values.length, values: () => value.values } : value.value,
    ]),
  );
  return new Metadata({ path: 'the written file', metadata });
}
