/**
 * Hugging Face's Rust tokenizers library behind a synchronous interface. Encoding runs in a thread; decoding is the
 * library's decoder applied to token strings in this thread.
 *
 * Tokenizers of equal files share one object, since a vocabulary of 262,144 tokens takes hundreds of MB.
 * @see encoder-thread.ts
 * @module
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type Decoder, type Normalizer, Tokenizer } from 'tokenizers';
import { ConfigError } from '../../support/errors.ts';
import { EncoderError, RemoteEncoder } from './encoder-thread.ts';
import { type JsonObject, parseAs, parseJsonObject } from './json-object.ts';
import { type PieceBytes, pieceBytes } from './token-bytes.ts';
import { requireReproducible, unknownComponent } from './tokenizer-components.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';
import { type AddedToken, addedTokensOf, asTransformersLoads, specialTokensOf } from './tokenizer-json.ts';

const FILE = 'tokenizer.json';

/** Loaded tokenizers by the hash of their files. */
const byHash = new Map<string, WeakRef<RustTokenizer>>();
/** Loaded tokenizers, kept as long as their files: a tokenizer is checked before and used after weights are read. */
const byFiles = new WeakMap<TokenizerFiles['files'], RustTokenizer>();

/** Maximum length of texts whose tokens are kept, UTF-16 code units: templates and short prompts repeat. */
const KEPT_LENGTH = 256;
/** Maximum number of kept texts per tokenizer. */
const KEPT_TEXTS = 4096;

export class RustTokenizer {
  /** Largest token id plus one. */
  readonly vocabSize: number;
  /** Algorithm that splits words into tokens: `model.type` of the file, e.g. `BPE` or `Unigram`. */
  readonly algorithm: unknown;
  /** Strings of the special tokens, longest first, because the library prefers the longest match. */
  readonly special: readonly string[];
  readonly #where: string;
  readonly #encoder: RemoteEncoder;
  readonly #decoder: Decoder | null;
  readonly #normalizer: Normalizer | null;
  /** Normalized strings of the special tokens that are matched in normalized text. */
  readonly #normalizedSpecial: readonly string[];
  /** Strings of the tokens, by id. Ids without a token are empty elements. */
  readonly #pieces: readonly (string | undefined)[];
  readonly #added: ReadonlySet<number>;
  readonly #pieceBytes: PieceBytes;
  /** Token ids of the texts that were encoded last. */
  readonly #kept = new Map<string, Int32Array>();

  /**
   * Returns the tokenizer of a checkpoint's files.
   *
   * @param config - content of tokenizer_config.json and special_tokens_map.json
   * @param dir - the checkpoint's folder, for error messages
   * @throws ConfigError if the file is damaged, or has parts that the library does not know or whose result is random
   */
  static of(files: TokenizerFiles['files'], config: JsonObject, dir: string): RustTokenizer {
    const known = byFiles.get(files);
    if (known !== undefined) return known;
    const bytes = files.get(FILE) ?? new Uint8Array();
    const hash = createHash('sha256').update(bytes).update(JSON.stringify(config)).digest('hex');
    const tokenizer = byHash.get(hash)?.deref() ?? RustTokenizer.#load(bytes, config, dir);
    byHash.set(hash, new WeakRef(tokenizer));
    byFiles.set(files, tokenizer);
    return tokenizer;
  }

  static #load(bytes: Uint8Array, config: JsonObject, dir: string): RustTokenizer {
    const where = join(dir, FILE);
    const text = parseAs(where, 'UTF-8 text', () => new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const file = parseJsonObject(text, where);
    requireReproducible(file, where);
    const json = asTransformersLoads(file, config);
    return new RustTokenizer(json, json === file ? text : JSON.stringify(json), { config, where });
  }

  private constructor(
    json: JsonObject,
    text: string,
    { config, where }: { readonly config: JsonObject; readonly where: string },
  ) {
    const added = addedTokensOf(json, where);
    this.#where = where;
    this.algorithm = (json.model as JsonObject | undefined)?.type;
    this.#encoder = new RemoteEncoder(
      text,
      added.map(({ content }) => content),
    );
    const pieces = modelPieces(json, where);
    const ids = this.#orConfigError(json, () => this.#encoder.loaded());
    for (const [index, { content }] of added.entries()) pieces[ids[index] as number] = content;
    this.#pieces = pieces;
    this.#added = new Set(ids);
    this.vocabSize = pieces.length;
    this.special = specialContents(added, config);
    const parts = this.#orConfigError(json, () => partsOf(json));
    this.#decoder = parts.getDecoder();
    const normalizer = parts.getNormalizer();
    this.#normalizer = normalizer;
    this.#normalizedSpecial = added
      .filter(({ content, normalized }) => normalized && this.special.includes(content))
      .map(({ content }) => normalizer?.normalizeString(content) ?? content);
    this.#pieceBytes = pieceBytes(json);
  }

  /** Encodes texts without adding special tokens. Half surrogate pairs are encoded as U+FFFD. */
  encode(texts: readonly string[]): readonly Int32Array[] {
    const missing = [...new Set(texts)].filter((text) => !this.#kept.has(text));
    const encodings = missing.length > 0 ? this.#encodeRemotely(missing) : [];
    const fresh = new Map(missing.map((text, index) => [text, encodings[index] as Int32Array]));
    // copies, because the caller may change the result
    const result = texts.map((text) => (this.#kept.get(text) ?? (fresh.get(text) as Int32Array)).slice());
    for (const [text, ids] of fresh) if (text.length <= KEPT_LENGTH) this.#kept.set(text, ids);
    for (const text of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_TEXTS) break;
      this.#kept.delete(text); // the oldest first
    }
    return result;
  }

  #encodeRemotely(texts: readonly string[]): readonly Int32Array[] {
    try {
      return this.#encoder.encode(texts);
    } catch (cause) {
      if (!(cause instanceof EncoderError)) throw cause;
      throw new ConfigError(
        `${this.#where}: expected a vocabulary for every text, got one without an unknown token (${cause.message})`,
        { cause },
      );
    }
  }

  /** Decodes token ids, with special tokens. Ids without a token are left out. */
  decode(ids: readonly number[]): string {
    const pieces = ids.flatMap((id) => this.#pieces[id] ?? []);
    return this.#decoder?.decode(pieces) ?? pieces.join(' ');
  }

  /** Returns whether a text without special tokens contains one after normalization, e.g. in other case or width. */
  hidesSpecial(text: string): boolean {
    if (this.#normalizer === null || this.#normalizedSpecial.length === 0) return false;
    const normalized = this.#normalizer.normalizeString(text);
    return this.#normalizedSpecial.some((token) => normalized.includes(token));
  }

  /** Returns the UTF-8 bytes of a token of the model that stands for bytes. */
  bytesOf(id: number): Uint8Array | undefined {
    const piece = this.#pieces[id];
    return piece === undefined || this.#added.has(id) ? undefined : this.#pieceBytes(piece);
  }

  #orConfigError<T>(json: JsonObject, load: () => T): T {
    try {
      return load();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').trim() : String(cause);
      const unknown = unknownComponent(json);
      throw new ConfigError(
        unknown === undefined
          ? `${this.#where}: expected a tokenizer (${reason})`
          : `${this.#where} ${unknown}; use a model whose tokenizer the Rust library tokenizers 0.23 reads`,
        { cause },
      );
    }
  }
}

/** Returns a tokenizer with the normalizer and the decoder of a `tokenizer.json`, and an empty vocabulary. */
function partsOf({ normalizer, decoder }: JsonObject): Tokenizer {
  const model = { type: 'BPE', vocab: {}, merges: [] };
  return Tokenizer.fromString(
    JSON.stringify({ version: '1.0', added_tokens: [], normalizer, decoder, model }),
  );
}

/** Returns the strings of the model's vocabulary by id. @throws ConfigError if two tokens have the same id */
function modelPieces({ model }: JsonObject, where: string): (string | undefined)[] {
  const { vocab } = (model ?? {}) as JsonObject;
  // Unigram vocabularies are lists of [token, score]; the library refuses other formats
  const entries: readonly (readonly [string, unknown])[] = Array.isArray(vocab)
    ? vocab.map((entry: unknown, id) => [String(Array.isArray(entry) ? entry[0] : entry), id])
    : Object.entries((vocab ?? {}) as JsonObject);
  const pieces: (string | undefined)[] = [];
  for (const [piece, id] of entries) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0) continue; // refused by the library
    if (pieces[id] !== undefined)
      throw new ConfigError(
        `${where} model.vocab: expected one token with id ${id}, got ${JSON.stringify(pieces[id])} and ${JSON.stringify(piece)}`,
      );
    pieces[id] = piece;
  }
  return pieces;
}

function specialContents(added: readonly AddedToken[], config: JsonObject): string[] {
  const named = new Set(specialTokensOf(config));
  const special = added.filter(({ content, special }) => content !== '' && (special || named.has(content)));
  return [...new Set(special.map(({ content }) => content))].sort((a, b) => b.length - a.length);
}
