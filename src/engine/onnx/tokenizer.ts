/**
 * A checkpoint's own tokenizer and chat template, read from `tokenizer.json`, `tokenizer_config.json` and
 * `chat_template.jinja`, run by Hugging Face's libraries. Messages a model sampled are spliced in as the
 * ids it sampled, never re-tokenised.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Template } from '@huggingface/jinja';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { ConfigError } from '../../support/errors.ts';
import type { ChatMessage, Tokenizer } from '../engine.ts';

/** Files of a tokenizer as they stand in a checkpoint, kept so that saving copies them byte for byte. */
export interface TokenizerFiles {
  readonly files: ReadonlyMap<string, Uint8Array>;
}

const REQUIRED = 'tokenizer.json';
const OPTIONAL = [
  'tokenizer_config.json',
  'chat_template.jinja',
  'generation_config.json',
  'special_tokens_map.json',
];

export function readTokenizerFiles(dir: string): TokenizerFiles {
  const path = join(dir, REQUIRED);
  if (!existsSync(path))
    throw new ConfigError(`${path}: the file is missing; a model folder needs its tokenizer`);
  const files = new Map<string, Uint8Array>([[REQUIRED, readFileSync(path)]]);
  for (const name of OPTIONAL)
    if (existsSync(join(dir, name))) files.set(name, readFileSync(join(dir, name)));
  return { files };
}

/**
 * @param endTokens - ids that end a message, from the model's config
 * @throws ConfigError if a file is not what it should be
 */
export function createTokenizer(
  source: TokenizerFiles,
  endTokens: readonly number[],
  where: string,
): Tokenizer {
  const parse = (name: string): Record<string, unknown> => {
    const bytes = source.files.get(name);
    if (!bytes) return {};
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    } catch (cause) {
      throw new ConfigError(`${join(where, name)}: expected JSON (${(cause as Error).message})`, { cause });
    }
  };
  const config = parse('tokenizer_config.json');
  const templateFile = source.files.get('chat_template.jinja');
  const template = templateFile ? new TextDecoder().decode(templateFile) : config.chat_template;
  return new CheckpointTokenizer({
    tokenizer: new HuggingFaceTokenizer(parse(REQUIRED), config),
    config,
    endTokens,
    template: typeof template === 'string' ? new Template(template) : undefined,
    where,
  });
}

interface Parts {
  readonly tokenizer: HuggingFaceTokenizer;
  readonly config: Readonly<Record<string, unknown>>;
  readonly endTokens: readonly number[];
  readonly template: Template | undefined;
  readonly where: string;
}

/** Private-use characters that stand for a sampled message while the template is rendered. */
const OPEN = '\uE000';
const CLOSE = '\uE001';

class CheckpointTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly endTokens: readonly number[];
  readonly #parts: Parts;
  readonly #ends: ReadonlySet<number>;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.endTokens = parts.endTokens;
    this.#ends = new Set(parts.endTokens);
    let largest = -1;
    for (const id of parts.tokenizer.get_vocab(true).values()) largest = Math.max(largest, id);
    this.vocabSize = largest + 1;
  }

  encode(text: string): Int32Array {
    return Int32Array.from(this.#parts.tokenizer.encode(text, { add_special_tokens: false }).ids);
  }

  decode(tokens: ArrayLike<number>): string {
    const ids = Array.from(tokens);
    while (ids.length > 0 && this.#ends.has(ids.at(-1) as number)) ids.pop();
    return ids.length === 0 ? '' : this.#parts.tokenizer.decode(ids, { skip_special_tokens: false });
  }

  encodeChat(messages: readonly ChatMessage[]): Int32Array {
    const text = this.#render(
      messages.map(({ role, content, tokens }, index) => ({
        role,
        content: tokens ? `${OPEN}${index}${CLOSE}` : content,
      })),
    );
    const ids: number[] = [];
    let from = 0;
    for (const match of text.matchAll(new RegExp(`${OPEN}(\\d+)${CLOSE}`, 'g'))) {
      ids.push(...this.encode(text.slice(from, match.index)));
      ids.push(...this.#withoutEnd(messages[Number(match[1])]?.tokens ?? new Int32Array()));
      from = match.index + match[0].length;
    }
    ids.push(...this.encode(text.slice(from)));
    return Int32Array.from(ids);
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
    return template.render({
      messages,
      add_generation_prompt: true,
      bos_token: tokenText(config.bos_token),
      eos_token: tokenText(config.eos_token),
    });
  }
}

function tokenText(token: unknown): string {
  if (typeof token === 'string') return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : '';
}
