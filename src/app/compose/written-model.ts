/**
 * Describes a model folder for the writer of GGUF files.
 * @module
 */
import type { LoadOptions, Tokenizer } from '../../engine/engine.ts';
import { readDecoderConfig } from '../../engine/onnx/weights/checkpoint.ts';
import { readCheckpointTokenizer } from '../../engine/text/checkpoint-text.ts';
import { chatTemplateOf, type DescribedModel, tokenizerFile } from '../../export/export-gguf.ts';

/** A model, and the texts of the tokens that end its messages. */
export interface DescribedFolder extends DescribedModel {
  readonly stop: readonly string[];
}

/** @throws ConfigError if a file of the model is missing or has unsupported settings */
export function describeModel(options: Pick<LoadOptions, 'dir' | 'chatTemplateKwargs'>): DescribedFolder {
  const decoder = readDecoderConfig(options.dir);
  const tokenizer = readCheckpointTokenizer(options, decoder.vocabSize);
  const { endTokens } = tokenizer;
  const { beginToken } = decoder;
  const addsBegin = beginToken !== undefined && beginsText({ dir: options.dir, tokenizer, beginToken });
  return { decoder, endTokens, addsBegin, stop: tokenTexts(options.dir, endTokens) };
}

/**
 * Returns whether llama.cpp must add the begin token. llama.cpp adds it only to a chat that does not begin with it, so
 * that the ids are those of training in both cases.
 */
function beginsText({
  dir,
  tokenizer,
  beginToken,
}: {
  readonly dir: string;
  readonly tokenizer: Tokenizer;
  readonly beginToken: number;
}): boolean {
  if (chatTemplateOf(dir) !== undefined)
    return tokenizer.encodeChat([{ role: 'user', content: 'a' }])[0] === beginToken;
  const { post_processor } = tokenizerJson(dir) as {
    readonly post_processor?: { readonly single?: readonly { readonly SpecialToken?: unknown }[] } | null;
  };
  return post_processor?.single?.[0]?.SpecialToken !== undefined;
}

function tokenTexts(dir: string, ids: readonly number[]): string[] {
  const { added_tokens = [] } = tokenizerJson(dir) as {
    readonly added_tokens?: readonly { readonly id: number; readonly content: string }[];
  };
  return ids.flatMap((id) => added_tokens.find((token) => token.id === id)?.content ?? []);
}

function tokenizerJson(dir: string): object {
  return JSON.parse(tokenizerFile(dir, 'tokenizer.json') ?? '{}') as object;
}
