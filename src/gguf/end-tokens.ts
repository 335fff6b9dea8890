/**
 * Tokens that end a generation. llama.cpp takes them from three metadata keys, and finds others by their text.
 * @see llama.cpp, src/llama-vocab.cpp, `special_eog_ids`
 * @module
 */
import type { Metadata } from './metadata.ts';

/** Keys of end tokens; the first is the one that a template without an end token of its own uses. */
const KEYS = [
  'eos_token_id',
  'eot_token_id',
  'eom_token_id',
  'fim_pad_token_id',
  'fim_rep_token_id',
  'fim_sep_token_id',
];

/** Texts of end tokens. */
export const END_TEXTS: ReadonlySet<string> = new Set([
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|return|>',
  '<|call|>',
  '<|flush|>',
  '<|calls|>',
  '<end_of_turn>',
  '<|endoftext|>',
  '</s>',
  '<|eom_id|>',
  '<EOT>',
  '_<EOT>',
  '[EOT]',
  '[EOS]',
  '<|end_of_text|>',
  '<end_of_utterance>',
  '<eos>',
  '<turn|>',
  '<|tool_response>',
  '<｜end▁of▁sentence｜>',
  '[e~[',
  '<|ifm|im_end|>',
]);

/**
 * Texts of the padding, repository and file tokens of fill-in-the-middle, each for the key of the same meaning. A
 * model that writes code ends a file with them.
 */
const FILL_IN_TEXTS: Readonly<Record<string, readonly string[]>> = {
  fim_pad_token_id: ['<|fim_pad|>', '<fim-pad>', '<fim_pad>', '<PAD>', '[PAD]'],
  fim_rep_token_id: ['<|fim_repo|>', '<|repo_name|>', '<fim-repo>', '<REPO>', '<reponame>'],
  fim_sep_token_id: ['<|file_sep|>', '<|plamo:file_separator|>'],
};

/** Default of `eos_token_id` by tokenizer model. */
const DEFAULT_END: Readonly<Record<string, number>> = { llama: 2 };

/**
 * Returns the ids of all end tokens; the one of `eos_token_id` is first.
 *
 * @throws ConfigError if the tokens of the tokenizer are missing
 */
export function endOfGeneration(metadata: Metadata): readonly number[] {
  const tokens = metadata.strings('tokenizer.ggml.tokens') ?? [];
  const ids = new Set<number>();
  const isToken = (id: number | undefined): id is number => id !== undefined && id >= 0 && id < tokens.length;
  for (const key of KEYS) {
    const given = metadata.number(`tokenizer.ggml.${key}`);
    const id = isToken(given) ? given : defaultOf(key, metadata, tokens);
    if (isToken(id)) ids.add(id);
  }
  const texts = new Set(tokens);
  const found = [...END_TEXTS].filter((text) => texts.has(text)).map((text) => tokens.indexOf(text));
  for (const id of found.sort((a, b) => a - b)) ids.add(id);
  return [...withoutExceptions(ids, tokens)];
}

function defaultOf(key: string, metadata: Metadata, tokens: readonly string[]): number | undefined {
  if (key === 'eos_token_id') return DEFAULT_END[metadata.string('tokenizer.ggml.model') ?? ''];
  const texts = FILL_IN_TEXTS[key] ?? [];
  const id = tokens.findIndex((token) => texts.includes(token));
  return id < 0 ? undefined : id;
}

/**
 * Some formats have a token with the text of an end token that does not end a message: `<|end|>` beside `<|return|>`
 * and `<|call|>`, `</s>` beside `<|tool_response>`.
 */
function withoutExceptions(ids: ReadonlySet<number>, tokens: readonly string[]): ReadonlySet<number> {
  const texts = new Set([...ids].map((id) => tokens[id]));
  const has = (text: string): boolean => texts.has(text);
  const calls = has('<|call|>') || has('<|calls|>');
  const dropped = new Set([
    ...((has('<|return|>') && calls) || (calls && has('<|flush|>')) ? ['<|end|>'] : []),
    ...(has('<|tool_response>') ? ['</s>'] : []),
  ]);
  return new Set([...ids].filter((id) => !dropped.has(tokens[id] as string)));
}
