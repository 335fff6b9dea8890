/**
 * A minimal chat tokenizer: one token per character of a given alphabet, and one end token.
 * @module
 */
import { EngineError } from '../../support/errors.ts';
import type { ChatMessage, Tokenizer } from '../engine.ts';

/**
 * Creates a tokenizer where character i of the alphabet is token i, and the end token is the last id and has no text.
 *
 * A chat is encoded as its messages in order, each followed by the end token, so that the chats "ab","c" and
 * "a","bc" have different contexts. Roles are not encoded.
 *
 * @param alphabet - distinct characters, at least one
 * @throws EngineError if a character occurs twice or the alphabet is empty
 */
export function createAlphabetTokenizer(alphabet: string): Tokenizer {
  const characters = [...alphabet];
  const ids = new Map(characters.map((character, id) => [character, id]));
  if (characters.length === 0 || ids.size !== characters.length)
    throw new EngineError(
      `tabular tokenizer: expected an alphabet of distinct characters, got ${JSON.stringify(alphabet)}`,
    );
  const end = characters.length;

  function encode(text: string): Int32Array {
    return Int32Array.from([...text], (character) => {
      const id = ids.get(character);
      if (id === undefined)
        throw new EngineError(
          `tabular tokenizer: expected characters of ${JSON.stringify(alphabet)}, got ${JSON.stringify(character)}; add it to the alphabet`,
        );
      return id;
    });
  }

  return {
    vocabSize: characters.length + 1,
    endTokens: [end],
    encode,
    decode(tokens) {
      let text = '';
      for (let i = 0; i < tokens.length; i++) text += characters[tokens[i] as number] ?? '';
      return text;
    },
    bytesOf: () => undefined, // every token is a whole character
    encodeChat(messages: readonly ChatMessage[]) {
      const context: number[] = [];
      for (const message of messages) {
        const body = message.tokens ?? encode(message.content);
        context.push(...body);
        if (body.at(-1) !== end) context.push(end); // messages that were cut at maxTokens lack the end token
      }
      return Int32Array.from(context);
    },
  };
}
