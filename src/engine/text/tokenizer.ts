/**
 * A checkpoint's own tokenizer and chat template, run by Hugging Face's libraries. Two kinds of text never
 * pass through them: messages a model sampled are spliced into a chat as the ids it sampled, and special
 * tokens written out in a message (`<|end|>`) are spelled letter by letter, so that what somebody writes
 * never becomes control. Transformers' `apply_chat_template` lets both happen.
 *
 * What was sampled is spliced in whole. A template that strips blanks from a message or drops its earlier
 * thinking does so with text, never with these ids: the transcript goes on from what the model really wrote.
 * An empty thinking block that a template would put in front of such a message is left out likewise, because
 * the model wrote right after the opening.
 * @see tokenizer-files.ts for where the files come from, chat-template.ts for what renders
 * @module
 */
import { join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ConfigError } from '../../support/errors.ts';
import type { ChatMessage, ChatOptions, Tokenizer } from '../engine.ts';
import { ChatTemplate, type TemplateOptions } from './chat-template.ts';
import { type JsonObject, parseAs, parseJsonObject } from './json-object.ts';
import { type PieceBytes, pieceBytes } from './token-bytes.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';
import { withRustDigits } from './tokenizer-json.ts';

/**
 * @param endTokens - ids that end a message
 * @param where - the checkpoint's folder, for messages
 * @param kwargs - switches of the chat template
 * @throws ConfigError if a file is not what it should be
 */
export function createTokenizer(
  { files }: TokenizerFiles,
  endTokens: readonly number[],
  { where, kwargs = {} }: { readonly where: string; readonly kwargs?: TemplateOptions['kwargs'] },
): Tokenizer {
  const read = (name: string): JsonObject => {
    const bytes = files.get(name);
    return bytes ? parseJsonObject(new TextDecoder().decode(bytes), join(where, name)) : {};
  };
  const config = { ...read('special_tokens_map.json'), ...read('tokenizer_config.json') };
  const json = read('tokenizer.json');
  const tokenizer = parseAs(
    join(where, 'tokenizer.json'),
    'a tokenizer',
    () => new HuggingFaceTokenizer(withRustDigits(json), config),
  );
  const template = ChatTemplate.read(files, config, where);
  return new CheckpointTokenizer({
    tokenizer,
    pieceBytes: pieceBytes(json),
    template,
    endTokens,
    kwargs,
    where,
  });
}

interface Parts {
  readonly tokenizer: HuggingFaceTokenizer;
  readonly pieceBytes: PieceBytes;
  readonly endTokens: readonly number[];
  readonly template: ChatTemplate;
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly where: string;
}

class CheckpointTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endTokens: readonly number[];
  readonly #parts: Parts;
  readonly #ends: ReadonlySet<number>;
  /** Matches what the vocabulary takes for a special token; absent where it has none. */
  readonly #special: RegExp | undefined;
  /** A special token that keeps a piece of a text from being taken for its beginning; absent where none is needed. */
  readonly #guard: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#ends = new Set(parts.endTokens);
    let largest = -1;
    for (const id of parts.tokenizer.get_vocab(true).values()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
    const special = [...parts.tokenizer.get_added_tokens_decoder().values()]
      .filter((token) => token.special && token.content !== '')
      .map((token) => token.content)
      .sort((a, b) => b.length - a.length); // the longest that fits, as the vocabulary takes it
    this.#special = special.length > 0 ? new RegExp(special.map(escaped).join('|')) : undefined;
    this.#guard = special.find((token) => this.encode(`${token}a`)[1] !== this.encode('a')[0]);
    this.endTokens = this.#closingFirst(parts.endTokens);
  }

  encode(text: string): Int32Array {
    return Int32Array.from(this.#parts.tokenizer.encode(text, { add_special_tokens: false }).ids);
  }

  decode(tokens: ArrayLike<number>): string {
    const { tokenizer } = this.#parts;
    const ids = Array.from(tokens);
    while (ids.length > 0 && this.#ends.has(ids.at(-1) as number)) ids.pop();
    // an embedding can have more rows than the vocabulary has tokens; those have no text
    const known = ids.filter((id) => tokenizer.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    // no cleaning up of blanks before punctuation, which some checkpoints ask for: the text is what was written
    return tokenizer.decode(known, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  }

  bytesOf(token: number): Uint8Array | undefined {
    const { tokenizer, pieceBytes } = this.#parts;
    const piece = tokenizer.id_to_token(token);
    const isText = piece === undefined || tokenizer.get_added_tokens_decoder().has(token);
    return isText ? undefined : pieceBytes(piece);
  }

  encodeChat(messages: readonly ChatMessage[], options: ChatOptions = {}): Int32Array {
    const splices: ArrayLike<number>[] = [];
    const sampled = new Set<number>();
    const mark = unusedCharacter([messages, options.tools]);
    /** What stands for these ids while the template is rendered. */
    const hold = (ids: ArrayLike<number>): string => `${mark}${splices.push(ids) - 1}${mark}`;
    const held = messages.map(({ tokens, ...message }) => {
      if (tokens) sampled.add(splices.length);
      const content = tokens ? hold(this.#withoutEnd(tokens)) : this.#spelled(message.content, hold);
      return { ...message, content };
    });
    const pieces = this.#render(held, options).split(mark);
    const opening = sampled.size > 0 ? this.#opening(options) : '';
    const ids: number[] = [];
    for (const [index, piece] of pieces.entries()) {
      // every second piece is the number of a splice
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
      `${this.#parts.where} chat template: expected messages to appear as they are, got one that the template changes letter by letter; use another template`,
    );
  }

  /** Some tokenizers put a blank in front of a text; what follows a splice is not its beginning. */
  #encodePiece(piece: string, index: number): Int32Array {
    if (index === 0 || piece === '' || this.#guard === undefined) return this.encode(piece);
    return this.encode(this.#guard + piece).subarray(1);
  }

  /** The text with the ids of its special tokens, letter by letter, held in their place. */
  #spelled(text: string, hold: (ids: ArrayLike<number>) => string): string {
    if (!this.#special?.test(text)) return text;
    return text.replace(new RegExp(this.#special, 'g'), (literal) => hold(this.#encodeLetters(literal)));
  }

  /** Ids of a text without special tokens: none survives being cut after its first character. */
  #encodeLetters(text: string): number[] {
    const match = this.#special?.exec(text);
    if (!match) return [...this.#encodePiece(text, 1)];
    const first = [...match[0]][0] as string; // a whole character cannot be cut
    const cut = match.index + first.length;
    return [...this.#encodePiece(text.slice(0, cut), 1), ...this.#encodeLetters(text.slice(cut))];
  }

  /** The template closes a message itself. */
  #withoutEnd(tokens: Int32Array): Int32Array {
    const last = tokens.at(-1);
    return last !== undefined && this.#ends.has(last) ? tokens.subarray(0, -1) : tokens;
  }

  /** What the template writes to open an assistant's message. */
  #opening(options: ChatOptions): string {
    const asked = [{ role: 'user', content: 'a' }];
    try {
      const closed = this.#render(asked, options, false);
      const open = this.#render(asked, options);
      return open.startsWith(closed) ? open.slice(closed.length) : '';
    } catch {
      return ''; // a template that refuses a lone question; the chat itself was rendered
    }
  }

  /** Puts the id that the template closes a message with first: demonstrations end with it. */
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
      return ends; // no template: the checkpoint's own order
    }
  }

  #render(messages: readonly object[], { tools, kwargs }: ChatOptions, generate = true): string {
    return this.#parts.template.render(messages, {
      ...(tools && { tools }),
      kwargs: { ...this.#parts.kwargs, ...kwargs },
      generate,
    });
  }
}

/**
 * The text before a message that was sampled, without what the template puts between its opening and the
 * message: the model saw the opening and nothing more.
 */
function withoutInsertion(text: string, opening: string): string {
  if (opening === '' || text.endsWith(opening)) return text;
  const at = text.lastIndexOf(opening);
  if (at < 0) return text;
  const insertion = text.slice(at + opening.length);
  const role = opening.split('\n')[0] as string;
  return insertion.includes(role) ? text : text.slice(0, at + opening.length); // else another message's opening
}

/** A private-use character that nothing contains. */
function unusedCharacter(said: unknown): string {
  const text = JSON.stringify(said);
  for (let code = 0xe000; code < 0xf900; code++) {
    const character = String.fromCharCode(code);
    if (!text.includes(character)) return character;
  }
  throw new RangeError('encodeChat: expected messages that leave a private-use character unused');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
