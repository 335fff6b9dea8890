/**
 * Builds the tokenizer of a model trained from scratch: one token per character of the task's alphabet and a few
 * special tokens, as a `tokenizer.json` that Hugging Face tools read (byte-pair encoding without merges).
 * @module
 */
import type { TokenizerFiles } from './tokenizer-files.ts';

const SPECIAL = ['<|end|>', '<|user|>', '<|assistant|>', '<|system|>', '<|unknown|>'] as const;

/** Id of the end token. */
export const END_TOKEN = 0;

const CHAT_TEMPLATE = [
  '{%- for message in messages -%}',
  "{{- '<|' + message.role + '|>' + message.content -}}",
  "{%- if message.role == 'assistant' -%}{{- '<|end|>' -}}{%- endif -%}",
  '{%- endfor -%}',
  "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}",
].join('');

/**
 * Builds the tokenizer files for an alphabet.
 *
 * @param alphabet - characters that can occur; they are sorted and repeats are ignored
 * @returns the tokenizer files and the vocabulary size
 */
export function characterTokenizer(alphabet: string): TokenizerFiles & { readonly vocabSize: number } {
  const characters = [...new Set(alphabet)].sort();
  const vocab = Object.fromEntries([...SPECIAL, ...characters].map((token, id) => [token, id]));
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<|unknown|>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: [],
    },
  };
  const config = {
    clean_up_tokenization_spaces: false,
    eos_token: '<|end|>',
    unk_token: '<|unknown|>',
    model_max_length: 1_000_000,
    tokenizer_class: 'PreTrainedTokenizerFast',
  };
  const text = (value: unknown): Uint8Array =>
    new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
  return {
    vocabSize: SPECIAL.length + characters.length,
    files: new Map([
      ['tokenizer.json', text(json)],
      ['tokenizer_config.json', text(config)],
      ['chat_template.jinja', new TextEncoder().encode(`${CHAT_TEMPLATE}\n`)],
    ]),
  };
}
