/**
 * A checkpoint's own tokenizer and chat template, run by Hugging Face's libraries. It differs from Transformers'
 * `apply_chat_template` in two ways. Messages that a model sampled are inserted into a chat as the sampled token
 * ids, never re-tokenized. Special tokens in the text of a message (`<|end|>`) are encoded as ordinary characters,
 * so that message text cannot act as a control token.
 *
 * Sampled ids are inserted completely. A template that strips whitespace or drops earlier reasoning changes messages
 * given as text only, so later contexts contain exactly the tokens that the model produced. If a template inserts an
 * empty reasoning block before an assistant message, the block is left out before sampled ids, because the model
 * produced them right after the generation prompt.
 * @see tokenizer-files.ts for the files, chat-format.ts and chat-template.ts for the rendering
 * @module
 */
import { ConfigError } from '../../support/errors.ts';
import type { ChatMessage, ChatOptions, Tokenizer } from '../engine.ts';
import { ChatFormat, type TextMessage } from './chat-format.ts';
import { ChatTemplate, type TemplateOptions } from './chat-template.ts';
import { RustTokenizer } from './rust-tokenizer.ts';
import { type TokenizerFiles, tokenizerConfig } from './tokenizer-files.ts';

/**
 * Creates the tokenizer of a checkpoint.
 *
 * @param endTokens - ids of the end tokens
 * @param where - the checkpoint's folder, for error messages
 * @param kwargs - chat template variables
 * @throws ConfigError if a file is not valid
 */
export function createTokenizer(
  { files }: TokenizerFiles,
  endTokens: readonly number[],
  { where, kwargs = {} }: { readonly where: string; readonly kwargs?: TemplateOptions['kwargs'] },
): Tokenizer {
  const config = tokenizerConfig({ files }, where);
  const tokenizer = RustTokenizer.of(files, config, where);
  const format = new ChatFormat(ChatTemplate.read(files, config, where), where);
  return new CheckpointTokenizer({ tokenizer, format, endTokens, kwargs, where });
}

/** The part of a tokenizer that needs no chat template. */
export type TextEncoder = Pick<Tokenizer, 'encode' | 'vocabSize'> & Pick<RustTokenizer, 'algorithm'>;

/**
 * Creates the encoder of a checkpoint. A tokenizer that is created from the same files later shares its vocabulary.
 *
 * @throws ConfigError if a file is not valid, or the tokenizer cannot be used
 */
export function textEncoder({ files }: TokenizerFiles, where: string): TextEncoder {
  const tokenizer = RustTokenizer.of(files, tokenizerConfig({ files }, where), where);
  return {
    vocabSize: tokenizer.vocabSize,
    algorithm: tokenizer.algorithm,
    encode: (text) => tokenizer.encode([text])[0] as Int32Array,
  };
}

interface Parts {
  readonly tokenizer: RustTokenizer;
  readonly endTokens: readonly number[];
  readonly format: ChatFormat;
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly where: string;
}

class CheckpointTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endTokens: readonly number[];
  readonly #parts: Parts;
  readonly #ends: ReadonlySet<number>;
  /** Matches the vocabulary's special tokens; absent if it has none. */
  readonly #special: RegExp | undefined;
  /**
   * Special token to put before a piece that is not the beginning of a text, for tokenizers that add a space at the
   * beginning; absent for other tokenizers.
   */
  readonly #guard: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#ends = new Set(parts.endTokens);
    this.vocabSize = parts.tokenizer.vocabSize;
    const { special } = parts.tokenizer;
    this.#special = special.length > 0 ? new RegExp(special.map(escaped).join('|')) : undefined;
    const [plain, ...guarded] = parts.tokenizer.encode(['a', ...special.map((token) => `${token}a`)]);
    this.#guard = special.find((_, index) => guarded[index]?.[1] !== plain?.[0]);
    this.endTokens = this.#closingFirst(parts.endTokens);
  }

  encode(text: string): Int32Array {
    return this.#parts.tokenizer.encode([text])[0] as Int32Array;
  }

  decode(tokens: ArrayLike<number>): string {
    const ids = Array.from(tokens);
    while (ids.length > 0 && this.#ends.has(ids.at(-1) as number)) ids.pop();
    // an embedding can have more rows than the vocabulary has tokens; such ids have no text
    return this.#parts.tokenizer.decode(ids);
  }

  bytesOf(token: number): Uint8Array | undefined {
    return this.#parts.tokenizer.bytesOf(token);
  }

  encodeChat(messages: readonly ChatMessage[], options: ChatOptions = {}): Int32Array {
    const splices: ArrayLike<number>[] = [];
    const sampled = new Set<number>();
    const mark = unusedCharacter([messages, options.tools]);
    /** Registers ids and returns the placeholder text that represents them in the rendered template. */
    const placeholder = (ids: ArrayLike<number>): string => `${mark}${splices.push(ids) - 1}${mark}`;
    const withPlaceholders = messages.map(({ tokens, ...message }) => {
      if (tokens) sampled.add(splices.length);
      const content = tokens
        ? placeholder(this.#withoutEnd(tokens))
        : this.#escapeSpecial(message.content, placeholder);
      return { ...message, content };
    });
    const pieces = this.#render(withPlaceholders, options).split(mark);
    const opening = sampled.size > 0 ? this.#opening(options) : '';
    const ids: number[] = [];
    for (const [index, piece] of pieces.entries()) {
      // placeholders contain an index into `splices` between two marks, so pieces at odd positions are these
      // indices
      const before = sampled.has(Number(pieces[index + 1])) ? withoutInsertion(piece, opening) : piece;
      const part = index % 2 === 1 ? this.#splice(splices, piece) : this.#encodePiece(before, index);
      for (let i = 0; i < part.length; i++) ids.push(part[i] as number);
    }
    return Int32Array.from(ids);
  }

  #splice(splices: readonly ArrayLike<number>[], piece: string): ArrayLike<number> {
    const ids = /^\d+$/.test(piece) ? splices[Number(piece)] : undefined;
    if (ids !== undefined) return ids;
    throw new ConfigError(
      `${this.#parts.where} chat template: expected a template that inserts messages unchanged, got one that changes single characters; use another template`,
    );
  }

  /**
   * Encodes a piece of the rendered text. Some tokenizers add a space at the beginning of a text, but only
   * piece 0 is at the beginning.
   */
  #encodePiece(piece: string, index: number): Int32Array {
    if (index === 0 || piece === '' || this.#guard === undefined) return this.encode(piece);
    return this.encode(this.#guard + piece).subarray(1);
  }

  /**
   * Replaces every occurrence of a special token's text by `placeholder(ids)`, where `ids` are the token ids
   * of that text encoded as ordinary characters instead of as the special token.
   */
  #escapeSpecial(text: string, placeholder: (ids: ArrayLike<number>) => string): string {
    if (typeof text !== 'string') return text; // a list of parts, which the template renders
    const { tokenizer } = this.#parts;
    const parts = this.#special === undefined ? [text] : text.split(new RegExp(`(${this.#special.source})`));
    return parts
      .map((part, index) => {
        if (index % 2 === 1) return placeholder(this.#encodeAsCharacters(part));
        if (!tokenizer.hidesSpecial(part)) return part;
        return placeholder([...part].flatMap((character) => [...this.#encodePiece(character, 1)]));
      })
      .join('');
  }

  /**
   * Encodes a text so that the text of a special token becomes ordinary tokens: splits it after its first
   * character and encodes both parts separately.
   */
  #encodeAsCharacters(text: string): number[] {
    const match = this.#special?.exec(text);
    if (!match) return [...this.#encodePiece(text, 1)];
    const first = [...match[0]][0] as string; // a character can consist of two UTF-16 code units
    const cut = match.index + first.length;
    return [...this.#encodePiece(text.slice(0, cut), 1), ...this.#encodeAsCharacters(text.slice(cut))];
  }

  /** Returns the tokens without a final end token, which the template adds itself. */
  #withoutEnd(tokens: Int32Array): Int32Array {
    const last = tokens.at(-1);
    return last !== undefined && this.#ends.has(last) ? tokens.subarray(0, -1) : tokens;
  }

  /** Returns the template's generation prompt, or an empty string if it cannot be determined. */
  #opening(options: ChatOptions): string {
    const chat = [{ role: 'user', content: 'a' }];
    try {
      const without = this.#render(chat, options, false);
      const rendered = this.#render(chat, options);
      return rendered.startsWith(without) ? rendered.slice(without.length) : '';
    } catch {
      return ''; // some templates raise an error for a chat of a single user message
    }
  }

  /** Moves the end token that the template itself uses to the front, since demonstrations end with the first one. */
  #closingFirst(ends: readonly number[]): readonly number[] {
    if (ends.length < 2) return ends;
    const mark = unusedCharacter([]);
    try {
      const chat = [
        { role: 'user', content: 'a' },
        { role: 'assistant', content: mark },
      ];
      const closing = this.#encodePiece(this.#render(chat, {}, false).split(mark)[1] ?? '', 1)[0];
      return closing !== undefined && this.#ends.has(closing)
        ? [closing, ...ends.filter((id) => id !== closing)]
        : ends;
    } catch {
      return ends; // without a template, keep the checkpoint's order
    }
  }

  #render(messages: readonly TextMessage[], { tools, kwargs }: ChatOptions, generate = true): string {
    return this.#parts.format.render(messages, {
      ...(tools && { tools }),
      kwargs: { ...this.#parts.kwargs, ...kwargs },
      generate,
    });
  }
}

/**
 * Returns the text before a sampled message, without text that the template inserts between the generation
 * prompt (`opening`) and the message. The model did not receive this text, because the context from which it
 * sampled the message ended with the generation prompt.
 */
function withoutInsertion(text: string, opening: string): string {
  if (opening === '' || text.endsWith(opening)) return text;
  const at = text.lastIndexOf(opening);
  if (at < 0) return text;
  const insertion = text.slice(at + opening.length);
  const role = opening.split('\n')[0] as string;
  // a role marker after the match: the generation prompt was matched in an earlier message, so nothing was
  // inserted here
  return insertion.includes(role) ? text : text.slice(0, at + opening.length);
}

/** Returns a Unicode private-use character that does not occur in the JSON text of `value`. */
function unusedCharacter(value: unknown): string {
  const text = JSON.stringify(value);
  for (let code = 0xe000; code < 0xf900; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) return character;
  }
  throw new RangeError('encodeChat: expected messages that leave a private-use character unused');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
