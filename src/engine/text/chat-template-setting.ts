/**
 * The setting `chat_template`: replaces the chat template in the tokenizer files of a checkpoint by a Jinja template
 * or by the format `plain`. Saving the model then writes the replaced files.
 *
 * `plain` is for base models, which have no chat template. It is the format of few-shot evaluations: system messages
 * are paragraphs, user messages follow `Question:`, and assistant messages follow `Answer:`. A base model seldom draws
 * its end token, so a message also ends at a line break: all tokens that consist of line breaks become end tokens.
 * @see Gao et al., lm-evaluation-harness, for the format
 * @module
 */
import { PLAIN } from '../../support/chat-template-setting.ts';
import { parseJsonObject } from './json-object.ts';
import { pieceBytes } from './token-bytes.ts';
import { type TokenizerFiles, tokenizerConfig } from './tokenizer-files.ts';

const TEMPLATE = 'chat_template.jinja';
const GENERATION = 'generation_config.json';

const PLAIN_TEMPLATE = [
  '{%- for message in messages -%}',
  "{%- if message.role == 'system' -%}{{- message.content + '\\n\\n' -}}",
  "{%- elif message.role == 'assistant' -%}{{- 'Answer: ' + message.content + '\\n\\n' -}}",
  "{%- else -%}{{- 'Question: ' + message.content + '\\n' -}}",
  '{%- endif -%}',
  '{%- endfor -%}',
  "{%- if add_generation_prompt -%}{{- 'Answer:' -}}{%- endif -%}",
].join('');

/**
 * Returns the tokenizer files with another chat template.
 *
 * @param setting - `plain`, or the text of a Jinja template; undefined: the files are unchanged
 * @param where - the checkpoint's folder, for error messages
 * @param endTokens - ids of the end tokens in config.json, to which `plain` adds line breaks
 * @throws ConfigError if a file that `plain` reads is not valid JSON
 */
export function withChatTemplate(
  { files }: TokenizerFiles,
  setting: string | undefined,
  { where, endTokens }: { readonly where: string; readonly endTokens: readonly number[] },
): TokenizerFiles {
  if (setting === undefined) return { files };
  // templates of other sources would otherwise stay in the saved folder
  const kept = [...files].filter(
    ([name]) => name !== 'chat_template.json' && !name.startsWith('additional_chat_templates/'),
  );
  if (setting !== PLAIN) return { files: new Map([...kept, [TEMPLATE, bytesOf(withLineEnd(setting))]]) };
  const read = (name: string): Readonly<Record<string, unknown>> => {
    const bytes = files.get(name);
    return bytes ? parseJsonObject(new TextDecoder().decode(bytes), `${where}/${name}`) : {};
  };
  const tokenizer = read('tokenizer.json');
  const bos = beginsWithBos(tokenizer, tokenizerConfig({ files }, where)) ? '{{- bos_token -}}' : '';
  const generation = read(GENERATION);
  const ends = [generation.eos_token_id ?? endTokens].flat();
  const eos_token_id = [...new Set([...ends, ...lineBreakTokens(tokenizer)])];
  return {
    files: new Map([
      ...kept,
      [TEMPLATE, bytesOf(withLineEnd(bos + PLAIN_TEMPLATE))],
      [GENERATION, bytesOf(`${JSON.stringify({ ...generation, eos_token_id }, null, 2)}\n`)],
    ]),
  };
}

/**
 * Whether the tokenizer puts its token for the beginning of a text before every text. Such models were trained on
 * texts that begin with it.
 */
export function beginsWithBos(
  tokenizer: Readonly<Record<string, unknown>>,
  { bos_token, add_bos_token }: Readonly<Record<string, unknown>>,
): boolean {
  if (bos_token === undefined || bos_token === null) return false;
  if (typeof add_bos_token === 'boolean') return add_bos_token;
  return beginsWithSpecialToken(tokenizer.post_processor);
}

function beginsWithSpecialToken(step: unknown): boolean {
  const { type, processors, single } = (step ?? {}) as Readonly<Record<string, unknown>>;
  if (type === 'Sequence' && Array.isArray(processors)) return processors.some(beginsWithSpecialToken);
  if (type !== 'TemplateProcessing' || !Array.isArray(single)) return false;
  return (single[0] as { readonly SpecialToken?: unknown } | undefined)?.SpecialToken !== undefined;
}

/** Returns the ids of all tokens that consist of line breaks. */
function lineBreakTokens(tokenizer: Readonly<Record<string, unknown>>): number[] {
  const { model, added_tokens } = tokenizer;
  const bytesOfPiece = pieceBytes(tokenizer);
  const isLineBreak = (piece: string): boolean => {
    const bytes = bytesOfPiece(piece) ?? bytesOf(piece);
    return bytes.length > 0 && bytes.every((byte) => byte === 0x0a);
  };
  const { vocab } = (model ?? {}) as { readonly vocab?: unknown };
  const pieces: readonly (readonly [unknown, number])[] = Array.isArray(vocab)
    ? vocab.map((entry: unknown, id) => [Array.isArray(entry) ? entry[0] : entry, id])
    : Object.entries((vocab ?? {}) as Readonly<Record<string, number>>);
  const added = Array.isArray(added_tokens)
    ? (added_tokens as readonly { readonly content?: unknown; readonly id?: unknown }[]).map(
        ({ content, id }) => [content, Number(id)] as const,
      )
    : [];
  return [...pieces, ...added]
    .filter(([piece]) => typeof piece === 'string' && isLineBreak(piece))
    .map(([, id]) => id)
    .sort((a, b) => a - b);
}

function withLineEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
