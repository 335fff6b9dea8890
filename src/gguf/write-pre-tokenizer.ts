/**
 * Finds llama.cpp's name for the pre-tokenizer of a byte-level BPE tokenizer: the name whose regular expressions are
 * those of `tokenizer.json`. llama.cpp's converter finds the name by a hash of the token ids of a text, which recognizes
 * published vocabularies only.
 * @see pre-tokenizers.ts
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import { preTokenizer } from './pre-tokenizers.ts';

type Json = Readonly<Record<string, unknown>>;

/** Names that are written; other names of the same expressions are not needed. */
const WRITTEN_NAMES = [
  ...['gpt-2', 'llama-bpe', 'smaug-bpe', 'qwen2', 'smollm', 'tekken', 'gpt-4o', 'qwen35'],
  ...['deepseek-llm', 'deepseek-coder', 'deepseek-v3', 'falcon', 'seed-coder', 'bailingmoe'],
];

/** The expression of `ByteLevel` with `use_regex`. */
const BYTE_LEVEL = preTokenizer('gpt-2')?.patterns[0] as string;

const LETTERS = {
  upper: String.raw`[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`,
  lower: String.raw`[\p{Ll}\p{Lm}\p{Lo}\p{M}]`,
};

/** Spellings of Hugging Face for expressions that llama.cpp spells otherwise. */
const SPELLINGS: readonly (readonly [huggingFace: string, llamaCpp: string])[] = [
  [`(?i:'s|'t|'re|'ve|'m|'ll|'d)`, `(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])`],
  [LETTERS.upper, String.raw`(?:(?=\p{L})[^a-z])`],
  [LETTERS.lower, String.raw`(?:(?=\p{L})[^A-Z])`],
];

/**
 * Returns the value of `tokenizer.ggml.pre`.
 *
 * @param pre - `pre_tokenizer` of the file
 * @param ignoreMerges - `ignore_merges` of its model
 * @throws ConfigError if llama.cpp has no such pre-tokenizer
 */
export function preTokenizerName(pre: unknown, ignoreMerges: boolean, where: string): string {
  const patterns = patternsOf(pre, where);
  const name = WRITTEN_NAMES.find((candidate) => {
    const known = preTokenizer(candidate);
    return (
      known?.ignoreMerges === ignoreMerges &&
      known.patterns.length === patterns.length &&
      known.patterns.every((pattern, i) => pattern === patterns[i])
    );
  });
  if (name !== undefined) return name;
  throw refused(where, `the pre-tokenizer ${JSON.stringify(patterns)}, ignore_merges ${ignoreMerges}`);
}

/** Returns the expressions of a pre-tokenizer, in llama.cpp's spelling. */
function patternsOf(pre: unknown, where: string): string[] {
  const step = (pre ?? {}) as Json;
  switch (step.type) {
    case 'Sequence':
      return (step.pretokenizers as unknown[]).flatMap((inner) => patternsOf(inner, where));
    case 'ByteLevel':
      if (step.add_prefix_space === true)
        throw refused(where, 'a ByteLevel pre-tokenizer with add_prefix_space');
      return step.use_regex === false ? [] : [BYTE_LEVEL];
    case 'Digits':
      return [step.individual_digits === true ? String.raw`\p{N}` : String.raw`\p{N}+`];
    case 'Split': {
      const { Regex } = step.pattern as { readonly Regex?: string };
      // with `invert`, the matches are the pieces, and the texts between them are removed; there are none in between
      const isolated = step.behavior === 'Isolated' && step.invert !== true;
      const removed = step.behavior === 'Removed' && step.invert === true;
      if (Regex !== undefined && (isolated || removed)) return [respelled(Regex)];
      throw refused(where, `a Split pre-tokenizer with ${JSON.stringify(step).slice(0, 120)}`);
    }
    default:
      throw refused(where, `a pre-tokenizer of type ${JSON.stringify(step.type ?? null)}`);
  }
}

function respelled(pattern: string): string {
  return SPELLINGS.reduce((text, [from, to]) => text.replaceAll(from, to), pattern);
}

/** The error for a tokenizer that llama.cpp does not have. */
export function refused(where: string, problem: string): ConfigError {
  return new ConfigError(
    `${where}: expected a tokenizer that llama.cpp has, got ${problem}; export safetensors, or start from the model's GGUF file`,
    { code: 'TROUPE_GGUF_TOKENIZER' },
  );
}
