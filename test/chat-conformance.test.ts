/**
 * Compares chat templates and tokenizers of every family with Transformers. `conformance/chat/generate.py`
 * wrote the tokenizers, the templates and twenty conversations per family, with the rendered text and the
 * token ids of Transformers.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ChatMessage } from '../src/engine/engine.ts';
import { ChatTemplate } from '../src/engine/text/chat-template.ts';
import { parseJsonObject } from '../src/engine/text/json-object.ts';
import { createTokenizer } from '../src/engine/text/tokenizer.ts';
import { readTokenizerFiles } from '../src/engine/text/tokenizer-files.ts';

const FIXTURES = process.env.TROUPE_CHAT_FIXTURES ?? fileURLToPath(new URL('fixtures/chat', import.meta.url));
const FAMILIES = ['qwen3', 'qwen2_5', 'llama3', 'gemma3', 'smollm2', 'smollm3', 'mistral'];

interface Conversation {
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly kwargs?: Readonly<Record<string, unknown>>;
  readonly generate?: boolean;
  readonly text: string;
  readonly ids: readonly number[];
  readonly decoded: string;
}

describe.each(FAMILIES)('%s', (family) => {
  const where = join(FIXTURES, family);
  const files = readTokenizerFiles(where);
  const tokenizer = createTokenizer(files, [0], { where });
  const config = parseJsonObject(
    new TextDecoder().decode(files.files.get('tokenizer_config.json')),
    'tokenizer_config.json',
  );
  const template = ChatTemplate.read(files.files, config, where);
  const conversations = JSON.parse(
    readFileSync(join(where, 'conversations.json'), 'utf8'),
  ) as readonly Conversation[];

  it('has twenty conversations', () => {
    expect(conversations).toHaveLength(20);
  });

  it.each(conversations.map((conversation, index) => [index, conversation] as const))(
    'renders and tokenizes conversation %i as Transformers does',
    (_, { messages, text, ids, decoded, generate = true, ...options }) => {
      expect(template.render(messages, { ...options, generate })).toBe(text);
      expect([...tokenizer.encode(text)]).toEqual(ids);
      if (generate) expect([...tokenizer.encodeChat(messages, options)]).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
    },
  );
});
