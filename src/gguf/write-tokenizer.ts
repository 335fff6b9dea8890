/**
 * The tokenizer of a Hugging Face folder as metadata of a GGUF file: tokens, types, merges or scores, special ids and the
 * chat template.
 * @see llama.cpp, conversion/base.py `get_vocab_base`, `_create_vocab_sentencepiece`; gguf-py `SpecialVocab`
 * @module
 */
import { TOKEN_TYPES } from './vocabulary.ts';
import type { TypedValue } from './write-container.ts';
import { preTokenizerName, refused } from './write-pre-tokenizer.ts';
import { sentencePieceScores, type WrittenVocabulary } from './write-sentencepiece.ts';

type Json = Readonly<Record<string, unknown>>;

/** The tokenizer to write. */
export interface WrittenTokenizer {
  /** Content of `tokenizer.json`. */
  readonly json: Json;
  /** Number of rows of the embedding; ids without a token get placeholders. */
  readonly vocabSize: number;
  readonly begin?: number | undefined;
  /** Ids of the tokens that end a message; the first is the one that the chat template writes. */
  readonly end: readonly number[];
  readonly padding?: number | undefined;
  /** Whether llama.cpp adds the begin token to a text that does not begin with it. */
  readonly addsBegin: boolean;
  readonly chatTemplate?: string | undefined;
  /** Path of `tokenizer.json`, for messages. */
  readonly where: string;
}

interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special?: boolean;
}

interface Model {
  readonly type?: string;
  readonly vocab?: Readonly<Record<string, number>>;
  readonly merges?: readonly (string | readonly [string, string])[];
  readonly byte_fallback?: boolean;
  readonly ignore_merges?: boolean;
  readonly unk_token?: string | null;
}

const SPACE = '▁';
const BYTE_TOKEN = /^<0x[0-9A-F]{2}>$/;

/** @throws ConfigError if llama.cpp has no such tokenizer */
export function tokenizerMetadata(tokenizer: WrittenTokenizer): [string, TypedValue][] {
  const { json, where } = tokenizer;
  const model = (json.model ?? {}) as Model;
  if (model.type !== 'BPE') throw refused(where, `a tokenizer of type ${JSON.stringify(model.type ?? null)}`);
  const isByteLevel = usesByteLevel(json.pre_tokenizer);
  const vocabulary = vocabularyOf(tokenizer, model, isByteLevel);
  const merges = (model.merges ?? []).map((merge): [string, string] => {
    if (typeof merge !== 'string') return [merge[0], merge[1]];
    const space = merge.indexOf(' ', 1);
    return [merge.slice(0, space), merge.slice(space + 1)];
  });
  return [
    ...(isByteLevel
      ? byteLevelMetadata(tokenizer, model, { vocabulary, merges })
      : sentencePieceMetadata(tokenizer, { vocabulary, merges })),
    ...specialTokens(tokenizer, vocabulary, model),
  ];
}

function usesByteLevel(pre: unknown): boolean {
  const { type, pretokenizers } = (pre ?? {}) as {
    readonly type?: string;
    readonly pretokenizers?: unknown[];
  };
  return type === 'ByteLevel' || (pretokenizers ?? []).some(usesByteLevel);
}

function vocabularyOf(
  { json, vocabSize }: WrittenTokenizer,
  { vocab = {}, unk_token }: Model,
  isByteLevel: boolean,
): WrittenVocabulary {
  const tokens = Array.from({ length: vocabSize }, (_, id) => `[PAD${id}]`);
  const types = new Array<number>(vocabSize).fill(TOKEN_TYPES.unused);
  for (const [token, id] of Object.entries(vocab)) {
    if (id >= vocabSize) continue;
    tokens[id] = token;
    types[id] = !isByteLevel && BYTE_TOKEN.test(token) ? TOKEN_TYPES.byte : TOKEN_TYPES.normal;
  }
  for (const { id, content, special } of (json.added_tokens ?? []) as AddedToken[]) {
    if (id >= vocabSize) continue;
    const isControl = special === true || looksSpecial(content);
    types[id] = isControl ? TOKEN_TYPES.control : TOKEN_TYPES.userDefined;
    // llama.cpp searches user-defined tokens in the text before spaces are replaced
    tokens[id] = isControl ? content : content.replaceAll(SPACE, ' ');
  }
  if (!isByteLevel && typeof unk_token === 'string' && vocab[unk_token] !== undefined)
    types[vocab[unk_token] as number] = TOKEN_TYPES.unknown;
  return { tokens, types };
}

/** Added tokens that are control tokens in llama.cpp by their text, although their files do not mark them. */
function looksSpecial(token: string): boolean {
  return (
    ['<pad>', '<mask>', '<2mass>', '[@BOS@]'].includes(token) ||
    /^<\|.*\|>$|^<｜.*｜>$|^<unused.*>$/s.test(token)
  );
}

interface Tables {
  readonly vocabulary: WrittenVocabulary;
  readonly merges: readonly [string, string][];
}

function byteLevelMetadata(
  { json, where }: WrittenTokenizer,
  { ignore_merges = false }: Model,
  { vocabulary, merges }: Tables,
): [string, TypedValue][] {
  const strings = (values: readonly string[]): TypedValue => ({ type: 'array', of: 'string', values });
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 'gpt2' }],
    [
      'tokenizer.ggml.pre',
      { type: 'string', value: preTokenizerName(json.pre_tokenizer, ignore_merges, where) },
    ],
    ['tokenizer.ggml.tokens', strings(vocabulary.tokens)],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', values: vocabulary.types }],
    ['tokenizer.ggml.merges', strings(merges.map((merge) => merge.join(' ')))],
  ];
}

function sentencePieceMetadata(
  tokenizer: WrittenTokenizer,
  { vocabulary, merges }: Tables,
): [string, TypedValue][] {
  const { json, where } = tokenizer;
  if ((json.model as Model).byte_fallback !== true)
    throw refused(where, 'a BPE tokenizer without byte_fallback');
  return [
    ['tokenizer.ggml.model', { type: 'string', value: 'llama' }],
    ['tokenizer.ggml.pre', { type: 'string', value: 'default' }],
    ['tokenizer.ggml.tokens', { type: 'array', of: 'string', values: vocabulary.tokens }],
    [
      'tokenizer.ggml.scores',
      { type: 'array', of: 'float32', values: sentencePieceScores(vocabulary, merges, where) },
    ],
    ['tokenizer.ggml.token_type', { type: 'array', of: 'int32', values: vocabulary.types }],
    ['tokenizer.ggml.add_space_prefix', { type: 'bool', value: addsSpace(tokenizer) }],
  ];
}

/** Returns whether a space is added before a text. Spaces become `▁`, in the normalizer or in `Metaspace`. */
function addsSpace({ json, where }: WrittenTokenizer): boolean {
  const steps = flat(json.normalizer, 'normalizers').map(({ type }) => type);
  const pre = flat(json.pre_tokenizer, 'pretokenizers');
  const replaces = steps.includes('Replace');
  const known = steps.every((type) => type === 'Replace' || type === 'Prepend');
  const metaspace = pre.find(({ type }) => type === 'Metaspace');
  const splitsSpaces = pre.every(
    ({ type, pattern }) => type === 'Split' && (pattern as { readonly String?: string })?.String === ' ',
  );
  if (known && replaces && (pre.length === 0 || splitsSpaces)) return steps.includes('Prepend');
  if (steps.length === 0 && pre.length === 1 && metaspace !== undefined)
    return metaspace.prepend_scheme !== 'never';
  throw refused(
    where,
    `the normalizer ${JSON.stringify(json.normalizer)?.slice(0, 120)} of a SentencePiece model`,
  );
}

function flat(step: unknown, list: string): Json[] {
  if (step === null || step === undefined) return [];
  const inner = (step as Json)[list];
  return Array.isArray(inner) ? inner.flatMap((part) => flat(part, list)) : [step as Json];
}

function specialTokens(
  { begin, end, padding, addsBegin, chatTemplate }: WrittenTokenizer,
  { tokens }: WrittenVocabulary,
  { unk_token }: Model,
): [string, TypedValue][] {
  const id = (name: string, value: number | undefined): [string, TypedValue][] =>
    value === undefined || value < 0 ? [] : [[`tokenizer.ggml.${name}_token_id`, { type: 'uint32', value }]];
  return [
    ...id('bos', begin),
    ...id('eos', end[0]),
    ...id('eot', end[1]),
    ...id('eom', end[2]),
    ...id('unknown', typeof unk_token === 'string' ? tokens.indexOf(unk_token) : undefined),
    ...id('padding', padding),
    ['tokenizer.ggml.add_bos_token', { type: 'bool', value: addsBegin && begin !== undefined }],
    ['tokenizer.ggml.add_eos_token', { type: 'bool', value: false }],
    ...(chatTemplate === undefined
      ? []
      : [['tokenizer.chat_template', { type: 'string', value: chatTemplate }] as [string, TypedValue]]),
  ];
}
