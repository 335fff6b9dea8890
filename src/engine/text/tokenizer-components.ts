/**
 * Names the parts of a `tokenizer.json` that cannot be used. The Rust library's own messages name a position in the
 * file only.
 * @module
 */
import { ConfigError } from '../../support/errors.ts';
import type { JsonObject } from './json-object.ts';

/** Types that the library reads, by the key of `tokenizer.json`. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  model: ['BPE', 'Unigram', 'WordLevel', 'WordPiece'],
  normalizer: [
    ...['BertNormalizer', 'ByteLevel', 'Lowercase', 'NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Precompiled'],
    ...['Prepend', 'Replace', 'Sequence', 'Strip', 'StripAccents'],
  ],
  pre_tokenizer: [
    ...['BertPreTokenizer', 'ByteLevel', 'CharDelimiterSplit', 'Digits', 'FixedLength', 'Metaspace'],
    ...['Punctuation', 'Sequence', 'Split', 'UnicodeScripts', 'Whitespace', 'WhitespaceSplit'],
  ],
  post_processor: ['BertProcessing', 'ByteLevel', 'RobertaProcessing', 'Sequence', 'TemplateProcessing'],
  decoder: [
    ...['BPEDecoder', 'ByteFallback', 'ByteLevel', 'CTC', 'Fuse', 'Metaspace', 'Replace', 'Sequence'],
    ...['Strip', 'WordPiece'],
  ],
};

/** Returns the first part of an unknown type as the text of an error; undefined if all types are known. */
export function unknownComponent(json: JsonObject): string | undefined {
  for (const [key, known] of Object.entries(TYPES)) {
    const type = typesOf(json[key]).find((name) => !known.includes(name));
    if (type !== undefined)
      return `${key}: expected ${known.slice(0, -1).join(', ')} or ${known.at(-1)}, got ${JSON.stringify(type)}`;
  }
  return undefined;
}

/** Returns the types of a part and of the parts inside it. */
function typesOf(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return [];
  const { type, normalizers, pretokenizers, processors, decoders } = part as JsonObject;
  const inner = [normalizers, pretokenizers, processors, decoders].flatMap((parts) =>
    Array.isArray(parts) ? parts.flatMap(typesOf) : [],
  );
  return typeof type === 'string' ? [type, ...inner] : inner;
}

/**
 * Refuses BPE dropout. The library applies it at every encoding, so the same text would have other tokens at each
 * call, and a run could not be repeated.
 *
 * @throws ConfigError if `model.dropout` is not 0
 */
export function requireReproducible({ model }: JsonObject, where: string): void {
  const { dropout } = (model ?? {}) as JsonObject;
  if (typeof dropout === 'number' && dropout !== 0)
    throw new ConfigError(
      `${where} model.dropout: expected null or 0, got ${dropout}; dropout makes every encoding of a text random, set it to null`,
    );
}
