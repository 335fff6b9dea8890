/**
 * The tokenizer of a GGUF file as the content of a Hugging Face `tokenizer.json`. Token ids are those of llama.cpp.
 * @see pre-tokenizers.ts for the splitting of byte-level BPE, sentencepiece-merges.ts for SentencePiece models
 * @module
 */
import { ConfigError } from '../support/errors.ts';
import type { Metadata } from './metadata.ts';
import { PRE_TOKENIZER_NAMES, preTokenizer } from './pre-tokenizers.ts';
import { MergeError, mergesByScore } from './sentencepiece-merges.ts';
import { TOKEN_TYPES, type Vocabulary } from './vocabulary.ts';

type Json = Readonly<Record<string, unknown>>;

/** A tokenizer and the tokens that it adds around a text. */
export interface TokenizerJson {
  readonly json: Json;
  readonly addsBegin: boolean;
  readonly addsEnd: boolean;
}

/** SentencePiece's character for a space. */
const SPACE = '▁';

/**
 * Returns the content of `tokenizer.json`.
 *
 * @throws ConfigError if the pre-tokenizer is not supported, or the merges or scores are missing or damaged
 */
export function tokenizerJson(metadata: Metadata, vocabulary: Vocabulary): TokenizerJson {
  const { model, addsBegin } =
    vocabulary.model === 'gpt2' ? byteLevelModel(metadata, vocabulary) : sentencePiece(metadata, vocabulary);
  const begins = metadata.flag('tokenizer.ggml.add_bos_token') ?? addsBegin;
  const ends = metadata.flag('tokenizer.ggml.add_eos_token') ?? false;
  const json = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens(vocabulary),
    ...model,
    post_processor: postProcessor(vocabulary, { begins, ends }),
  };
  return { json, addsBegin: begins, addsEnd: ends };
}

/**
 * Special tokens, which are found in a text before it is split. A token of type control that is only found by its text
 * in llama.cpp, as repair for files with wrong types, keeps the type of the file.
 */
function addedTokens({ tokens, types }: Vocabulary): Json[] {
  const special: readonly number[] = [TOKEN_TYPES.control, TOKEN_TYPES.unknown];
  return tokens.flatMap((content, id) => {
    const type = types?.[id] ?? TOKEN_TYPES.normal;
    const isSpecial = special.includes(type);
    if (!isSpecial && type !== TOKEN_TYPES.userDefined) return [];
    return [
      {
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: isSpecial,
      },
    ];
  });
}

interface Parts {
  readonly model: Json;
  readonly addsBegin: boolean;
}

function byteLevelModel(metadata: Metadata, { tokens, ids }: Vocabulary): Parts {
  const key = 'tokenizer.ggml.pre';
  const name = metadata.string(key) ?? 'default';
  const pre = preTokenizer(name);
  if (!pre)
    throw new ConfigError(
      `${metadata.path} ${key}: the pre-tokenizer "${name}" is not supported; supported: ${PRE_TOKENIZER_NAMES.join(', ')}`,
      { code: 'TROUPE_GGUF_TOKENIZER' },
    );
  const splits = pre.patterns.map((Regex) => ({
    type: 'Split',
    pattern: { Regex },
    behavior: 'Isolated',
    invert: false,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  return {
    addsBegin: pre.addsBegin,
    model: {
      normalizer: null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [...splits, byteLevel] },
      decoder: { ...byteLevel, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: pre.ignoreMerges,
        vocab: vocab(tokens),
        merges: readMerges(metadata, ids),
      },
    },
  };
}

/** Reads the merges, each of two texts with a space between them. */
function readMerges(metadata: Metadata, ids: Vocabulary['ids']): [string, string][] {
  const key = 'tokenizer.ggml.merges';
  const merges = metadata.strings(key);
  if (!merges) throw metadata.problem(key, 'the merges of the tokenizer', 'none');
  return merges.map((merge) => {
    const space = merge.indexOf(' ', 1);
    const [left, right] = [merge.slice(0, space), merge.slice(space + 1)];
    if (space < 0 || ![left, right, left + right].every((text) => ids.has(text)))
      throw metadata.problem(key, 'two tokens whose concatenation is a token', merge);
    return [left, right];
  });
}

function sentencePiece(metadata: Metadata, vocabulary: Vocabulary): Parts {
  const key = 'tokenizer.ggml.scores';
  const { tokens, unknown } = vocabulary;
  const scores = metadata.numbers(key);
  if (!scores || scores.length < tokens.length)
    throw metadata.problem(key, `${tokens.length} scores, one per token`, scores?.length ?? 'none');
  if (scores.some(Number.isNaN)) throw metadata.problem(key, 'numbers', 'NaN');
  const addsSpace = metadata.flag('tokenizer.ggml.add_space_prefix') ?? true;
  const escaped = { type: 'Replace', pattern: { String: ' ' }, content: SPACE };
  const decoders = [
    { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(addsSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  return {
    addsBegin: true,
    model: {
      normalizer: addsSpace
        ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, escaped] }
        : escaped,
      pre_tokenizer: null,
      decoder: { type: 'Sequence', decoders },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: unknown === undefined ? null : tokens[unknown],
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: true,
        ignore_merges: false,
        vocab: vocab(tokens),
        merges: scoredMerges(metadata, vocabulary, scores),
      },
    },
  };
}

/** Returns the merges of a SentencePiece model. @throws ConfigError if the scores do not correspond to merges */
function scoredMerges(
  { path }: Metadata,
  vocabulary: Vocabulary,
  scores: readonly number[],
): [string, string][] {
  try {
    return mergesByScore(vocabulary, scores);
  } catch (cause) {
    if (!(cause instanceof MergeError)) throw cause;
    throw new ConfigError(
      `${path} tokenizer.ggml.scores: expected ${cause.message}; convert the model again from its own tokenizer`,
      { cause, code: 'TROUPE_GGUF_TOKENIZER' },
    );
  }
}

function vocab(tokens: readonly string[]): Readonly<Record<string, number>> {
  // in an ordinary object, "__proto__" would not be a key
  const table: Record<string, number> = Object.create(null);
  for (const [id, token] of tokens.entries()) table[token] = id;
  return table;
}

/** Adds the begin and end token around a text, where the model was trained with them. */
function postProcessor(
  { tokens, begin, end }: Vocabulary,
  { begins, ends }: { readonly begins: boolean; readonly ends: boolean },
): Json | null {
  const before = begins && begin !== undefined ? [begin] : [];
  const after = ends && end !== undefined ? [end] : [];
  const ids = [...before, ...after];
  if (ids.length === 0) return null;
  const special = (id: number): Json => ({ SpecialToken: { id: tokens[id], type_id: 0 } });
  const text = { Sequence: { id: 'A', type_id: 0 } };
  const second = { Sequence: { id: 'B', type_id: 0 } };
  const single = [...before.map(special), text, ...after.map(special)];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, ...before.map(special), second, ...after.map(special)],
    special_tokens: Object.fromEntries(
      [...new Set(ids)].map((id) => [tokens[id], { id: tokens[id], ids: [id], tokens: [tokens[id]] }]),
    ),
  };
}
