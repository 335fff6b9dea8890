/**
 * A tiny byte-level BPE tokenizer for tests of GGUF files, which have no character tokenizers.
 * @module
 */

/** Tokens beside those of the bytes. */
const SPECIAL = ['<|end|>', '<|begin|>'];

const MERGES = [
  ['Ġ', 'a'],
  ['1', '2'],
  ['e', 'r'],
] as const;

/** Files of a tokenizer with all bytes, three merges and two special tokens, which have the ids 0 and 1. */
export function tinyByteTokenizer(): {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly vocabSize: number;
} {
  const tokens = [...SPECIAL, ...byteCharacters(), ...MERGES.map(([left, right]) => left + right)];
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIAL.map((content, id) => ({
      ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: MERGES.map((merge) => merge.join(' ')),
    },
  };
  const template = `{% for m in messages %}<|begin|>{{ m.role }}: {{ m.content }}<|end|>{% endfor %}<|begin|>`;
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    vocabSize: tokens.length,
    files: new Map([
      ['tokenizer.json', bytes(JSON.stringify(json))],
      ['tokenizer_config.json', bytes(JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast' }))],
      ['chat_template.jinja', bytes(template)],
    ]),
  };
}

/** The characters of GPT-2 for the bytes 0 to 255: printable ones stand for themselves, others follow U+0100. */
function byteCharacters(): string[] {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const isPrintable =
      (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
    return String.fromCharCode(isPrintable ? byte : next++);
  });
}
