/**
 * Copies the tokenizer of one GGUF file to another, so that a model that started from a GGUF file keeps its tokenizer.
 * @module
 */
import { withGguf } from './container.ts';
import type { GgufValue } from './header-reader.ts';
import type { TypedValue } from './write-container.ts';

/** Types of number arrays, by key. */
const ARRAY_TYPES: Readonly<Record<string, 'int32' | 'float32'>> = {
  'tokenizer.ggml.scores': 'float32',
  'tokenizer.ggml.token_type': 'int32',
};

/** Key of the default chat template; keys of other templates begin with it. */
const TEMPLATE = 'tokenizer.chat_template';

/**
 * Returns all keys of the tokenizer, in the order of the file.
 *
 * @param chatTemplate - the model's default template; if it is not that of the file, it replaces all templates of the file
 * @throws ConfigError if the file is damaged
 */
export function copiedTokenizer(path: string, chatTemplate: string | undefined): [string, TypedValue][] {
  return withGguf(path, ({ metadata }) => {
    const isReplaced = chatTemplate !== metadata.get(TEMPLATE);
    const copied = [...metadata].flatMap(([key, value]): [string, TypedValue][] => {
      if (!key.startsWith('tokenizer.') || (isReplaced && key.startsWith(TEMPLATE))) return [];
      const typed = typedValue(key, value);
      return typed === undefined ? [] : [[key, typed]];
    });
    return isReplaced && chatTemplate !== undefined
      ? [...copied, [TEMPLATE, { type: 'string', value: chatTemplate }]]
      : copied;
  });
}

function typedValue(key: string, value: GgufValue): TypedValue | undefined {
  if (typeof value === 'string') return { type: 'string', value };
  if (typeof value === 'boolean') return { type: 'bool', value };
  // all single numbers of a tokenizer are token ids or counts
  if (typeof value === 'number') return { type: 'uint32', value };
  const items = value.values();
  const of = ARRAY_TYPES[key];
  if (of !== undefined) return { type: 'array', of, values: items as readonly number[] };
  return items.every((item) => typeof item === 'string')
    ? { type: 'array', of: 'string', values: items as readonly string[] }
    : undefined;
}
