/**
 * A checkpoint's own tokenizer and chat template, run by Hugging Face's libraries. Two kinds of text never
 * pass through them: messages a model sampled are spliced into a chat as the ids it sampled, and special
 * tokens written out in a message (`<|end|>`) are spelled letter by letter, so that what somebody writes
 * never becomes control. Transformers' `apply_chat_template` lets both happen.
 * @see tokenizer-files.ts for where the files come from
 * @module
 */
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ConfigError } from '../../support/errors.ts';
import type { ChatMessage, Tokenizer } from '../engine.ts';
import { type JsonObject, parseJsonObject, readAs } from './json-object.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

/**
 * @param endTokens - ids that end a message, from the model's config
 * @param where - the checkpoint's folder, for messages
 * @throws ConfigError if a file is not what it should be
 */
export function createTokenizer(
  { files }: TokenizerFiles,
  endTokens: readonly number[],
  where: string,
): Tokenizer {
  const read = (name: string): JsonObject => {
    const bytes = files.get(name);
    return bytes ? parseJsonObject(new TextDecoder().decode(bytes), join(where, name)) : {};
  };
  const config = read('tokenizer_config.json');
  const json = read('tokenizer.json');
  const template = templateText(files, config);
  return new CheckpointTokenizer({
    tokenizer: readAs(
      join(where, 'tokenizer.json'),
      'a tokenizer',
      () => new HuggingFaceTokenizer(json, config),
    ),
    template:
      template === undefined
        ? undefined
        : readAs(`${where} chat template`, 'a Jinja template', () => new Template(template)),
    ...{ config, endTokens, where },
  });
}

/** The template of its own file, else that of the config: a text, or a list of which one is called "default". */
function templateText(files: TokenizerFiles['files'], config: JsonObject): string | undefined {
  const file = files.get('chat_template.jinja');
  if (file) return new TextDecoder().decode(file);
  const { chat_template: template } = config;
  if (!Array.isArray(template)) return typeof template === 'string' ? template : undefined;
  const named = template as readonly (JsonObject | null)[];
  const text = named.find((entry) => entry?.name === 'default')?.template;
  return typeof text === 'string' ? text : undefined;
}

interface Parts {
  readonly tokenizer: HuggingFaceTokenizer;
  readonly config: JsonObject;
  readonly endTokens: readonly number[];
  readonly template: Template | undefined;
  readonly where: string;
}

class CheckpointTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endTokens: readonly number[];
  readonly #parts: Parts;
  readonly #ends: ReadonlySet<number>;
  /** Matches what the vocabulary takes for a special token; absent where it has none. */
  readonly #special: RegExp | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.endTokens = parts.endTokens;
    this.#ends = new Set(parts.endTokens);
    let largest = -1;
    for (const id of parts.tokenizer.get_vocab(true).values()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
    const special = [...parts.tokenizer.get_added_tokens_decoder().values()]
      .filter((token) => token.special && token.content !== '')
      .map((token) => escaped(token.content));
    this.#special = special.length > 0 ? new RegExp(special.join('|')) : undefined;
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
    return known.length === 0 ? '' : tokenizer.decode(known, { skip_special_tokens: false });
  }

  encodeChat(messages: readonly ChatMessage[]): Int32Array {
    const splices: ArrayLike<number>[] = [];
    const mark = unusedCharacter(messages);
    /** What stands for these ids while the template is rendered. */
    const hold = (ids: ArrayLike<number>): string => `${mark}${splices.push(ids) - 1}${mark}`;
    const text = this.#render(
      messages.map(({ role, content, tokens }) => ({
        role,
        content: tokens ? hold(this.#withoutEnd(tokens)) : this.#spelled(content, hold),
      })),
    );
    const ids: number[] = [];
    text.split(mark).forEach((piece, index) => {
      // every second piece is the number of a splice
      const part = index % 2 === 0 ? this.encode(piece) : (splices[Number(piece)] as ArrayLike<number>);
      for (let i = 0; i < part.length; i++) ids.push(part[i] as number);
    });
    return Int32Array.from(ids);
  }

  /** The text with the ids of its special tokens, letter by letter, held in their place. */
  #spelled(text: string, hold: (ids: ArrayLike<number>) => string): string {
    if (!this.#special?.test(text)) return text;
    return text.replace(new RegExp(this.#special, 'g'), (literal) => hold(this.#encodeLetters(literal)));
  }

  /** Ids of a text without special tokens: none survives being cut after its first character. */
  #encodeLetters(text: string): number[] {
    const match = this.#special?.exec(text);
    if (!match) return [...this.encode(text)];
    const [first, ...rest] = match[0];
    if (first === undefined || rest.length === 0) return [...this.encode(text)]; // one character cannot be cut
    const cut = match.index + first.length;
    return [...this.encode(text.slice(0, cut)), ...this.#encodeLetters(text.slice(cut))];
  }

  /** The template closes a message itself. */
  #withoutEnd(tokens: Int32Array): Int32Array {
    const last = tokens.at(-1);
    return last !== undefined && this.#ends.has(last) ? tokens.subarray(0, -1) : tokens;
  }

  #render(messages: readonly { readonly role: string; readonly content: string }[]): string {
    const { template, config, where } = this.#parts;
    if (!template)
      throw new ConfigError(
        `${where}: the checkpoint has no chat template; add chat_template.jinja to the folder`,
      );
    const variables = {
      messages,
      add_generation_prompt: true,
      bos_token: tokenText(config.bos_token),
      eos_token: tokenText(config.eos_token),
    };
    return readAs(`${where} chat template`, 'messages it can render', () => template.render(variables));
  }
}

/** A private-use character that no message contains. */
function unusedCharacter(messages: readonly ChatMessage[]): string {
  for (let code = 0xe000; code < 0xf900; code++) {
    const character = String.fromCharCode(code);
    if (!messages.some(({ content }) => content.includes(character))) return character;
  }
  throw new RangeError('encodeChat: expected messages that leave a private-use character unused');
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function tokenText(token: unknown): string {
  if (typeof token === 'string') return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : '';
}
