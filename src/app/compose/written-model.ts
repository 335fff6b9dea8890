/**
 * Describes a model for the writer of GGUF files.
 * @module
 */
import type { LoadOptions, Tokenizer } from '../../engine/engine.ts';
import { readCheckpointFiles } from '../../engine/onnx/weights/checkpoint.ts';
import { templateTexts } from '../../engine/text/chat-template.ts';
import { beginsWithBos, withChatTemplate } from '../../engine/text/chat-template-setting.ts';
import { checkpointTokenizer } from '../../engine/text/checkpoint-text.ts';
import { parseJsonObject } from '../../engine/text/json-object.ts';
import { tokenizerConfig } from '../../engine/text/tokenizer-files.ts';
import type { DescribedModel } from '../../export/export-gguf.ts';

/** A model, and the texts that end its messages. */
export interface DescribedFolder extends DescribedModel {
  readonly stop: readonly string[];
  /** Returns the text of an end token; undefined if it has none. */
  textOf(id: number): string | undefined;
}

/**
 * Describes a model folder or a GGUF file with the chat template of the setting.
 *
 * @throws ConfigError if a file of the model is missing or has unsupported settings
 */
export function describeModel({
  dir,
  chatTemplate: setting,
  chatTemplateKwargs,
}: Pick<LoadOptions, 'dir' | 'chatTemplate' | 'chatTemplateKwargs'>): DescribedFolder {
  const { config: decoder, tokenizer: source } = readCheckpointFiles(dir);
  const { vocabSize, beginToken } = decoder;
  const files = withChatTemplate(source, setting, { where: dir, endTokens: decoder.endTokens });
  const tokenizer = checkpointTokenizer(files, {
    ...{ dir, vocabSize, endTokens: decoder.endTokens },
    ...(chatTemplateKwargs === undefined ? {} : { chatTemplateKwargs }),
  });
  const config = tokenizerConfig(files, dir);
  const chatTemplate = templateTexts(files.files, config, dir).get('default');
  const json = parseJsonObject(
    new TextDecoder().decode(files.files.get('tokenizer.json')),
    `${dir} tokenizer.json`,
  );
  // llama.cpp adds the begin token only to a chat that does not begin with it, so that the ids are those of training
  // with and without a template
  const begins = (): boolean =>
    chatTemplate === undefined
      ? beginsWithBos(json, config)
      : tokenizer.encodeChat([{ role: 'user', content: 'a' }])[0] === beginToken;
  const pieces = piecesOf(json, tokenizer.endTokens);
  const textOf = (id: number): string | undefined => {
    const bytes = tokenizer.bytesOf(id);
    return bytes === undefined ? pieces.get(id) : textOfBytes(bytes);
  };
  const endTokens = lineBreaksLast(tokenizer, textOf);
  return {
    ...{ decoder, endTokens, chatTemplate, textOf },
    addsBegin: beginToken !== undefined && begins(),
    stop: shortest(endTokens.flatMap((id) => textOf(id) ?? [])),
  };
}

/** Returns the strings of tokens in the vocabulary or among the added tokens. */
function piecesOf(
  json: Readonly<Record<string, unknown>>,
  ids: readonly number[],
): ReadonlyMap<number, string> {
  const { added_tokens = [], model } = json as {
    readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
    readonly model?: { readonly vocab?: Readonly<Record<string, number>> };
  };
  const entries = Object.entries(model?.vocab ?? {}).filter(([, id]) => ids.includes(id));
  return new Map([
    ...entries.map(([piece, id]) => [id, piece] as const),
    ...added_tokens.map(({ id, content }) => [id, content] as const),
  ]);
}

/** Returns the text of bytes; undefined if they are a part of a character. */
function textOfBytes(bytes: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(bytes);
  return text.includes('\uFFFD') ? undefined : text;
}

/**
 * Returns the end tokens with those of the setting `plain` last: programs print the first one as the end of a text, and a
 * GGUF file has room for three.
 */
function lineBreaksLast({ endTokens }: Tokenizer, textOf: (id: number) => string | undefined): number[] {
  const isLineBreak = (id: number): boolean => /^\n+$/.test(textOf(id) ?? '');
  const ascending = endTokens.filter(isLineBreak).sort((a, b) => a - b);
  return [...endTokens.filter((id) => !isLineBreak(id)), ...ascending];
}

/** Returns the texts that contain no other one, because a message ends at the first occurrence of any. */
function shortest(texts: readonly string[]): string[] {
  const unique = [...new Set(texts)];
  return unique.filter((text) => !unique.some((other) => other !== text && text.includes(other)));
}
