/**
 * The tokenizer files of a Hugging Face folder, made from the metadata of a GGUF file. A saved model contains them.
 * @module
 */
import { statSync } from 'node:fs';
import { withGguf } from './container.ts';
import { endOfGeneration } from './end-tokens.ts';
import { Metadata } from './metadata.ts';
import { tokenizerJson } from './tokenizer-json.ts';
import { readVocabulary, type Vocabulary } from './vocabulary.ts';

/** Contents by file name. */
export type FileContents = ReadonlyMap<string, Uint8Array>;

/** Files of the last models, because several agents usually share one model. */
const cache = new Map<string, FileContents>();
const CACHED_MODELS = 4;

/**
 * Returns `tokenizer.json`, `tokenizer_config.json`, `chat_template.jinja` and `generation_config.json`.
 *
 * @throws ConfigError if the tokenizer is missing, damaged or not supported
 */
export function ggufTokenizerFiles(path: string): FileContents {
  const { ino, mtimeMs, size } = statSync(path);
  const key = JSON.stringify([path, ino, mtimeMs, size]);
  const files = cache.get(key) ?? withGguf(path, (file) => filesOf(new Metadata(file)));
  cache.delete(key);
  cache.set(key, files);
  const [oldest] = cache.keys();
  if (cache.size > CACHED_MODELS && oldest !== undefined) cache.delete(oldest);
  return files;
}

/** Returns the tokenizer files for the metadata of a GGUF file. @throws ConfigError as {@link ggufTokenizerFiles} */
export function filesOf(metadata: Metadata): FileContents {
  const vocabulary = readVocabulary(metadata);
  const { json, addsBegin, addsEnd } = tokenizerJson(metadata, vocabulary);
  const templates = chatTemplates(metadata);
  const named = templates.size > 1 || (templates.size === 1 && !templates.has('default'));
  const template = templates.get('default');
  const end = endOfGeneration(metadata);
  const text = (value: string): Uint8Array => new TextEncoder().encode(value);
  const config = {
    ...tokenTexts(vocabulary),
    add_bos_token: addsBegin,
    add_eos_token: addsEnd,
    clean_up_tokenization_spaces: false,
    tokenizer_class: 'PreTrainedTokenizerFast',
    ...(named
      ? { chat_template: [...templates].map(([name, content]) => ({ name, template: content })) }
      : {}),
  };
  return new Map([
    ['tokenizer.json', text(JSON.stringify(json))],
    ['tokenizer_config.json', text(`${JSON.stringify(config, null, 2)}\n`)],
    ...(template === undefined || named ? [] : [['chat_template.jinja', text(template)] as const]),
    ['generation_config.json', text(`${JSON.stringify(generationConfig(vocabulary, end), null, 2)}\n`)],
  ]);
}

/** Chat templates by name: the default one, and others such as `tool_use`. */
function chatTemplates(metadata: Metadata): ReadonlyMap<string, string> {
  const names = ['default', ...(metadata.strings('tokenizer.chat_templates') ?? [])];
  return new Map(
    names.flatMap((name) => {
      const suffix = name === 'default' ? '' : `.${name}`;
      const template = metadata.string(`tokenizer.chat_template${suffix}`);
      return template === undefined ? [] : [[name, template] as const];
    }),
  );
}

function tokenTexts({ tokens, begin, end, unknown, padding }: Vocabulary): Readonly<Record<string, string>> {
  const entry = (name: string, id: number | undefined): Record<string, string> =>
    id === undefined ? {} : { [name]: tokens[id] as string };
  return {
    ...entry('bos_token', begin),
    ...entry('eos_token', end),
    ...entry('unk_token', unknown),
    ...entry('pad_token', padding),
  };
}

function generationConfig(
  { begin, padding }: Vocabulary,
  end: readonly number[],
): Readonly<Record<string, unknown>> {
  return {
    ...(begin === undefined ? {} : { bos_token_id: begin }),
    eos_token_id: end,
    ...(padding === undefined ? {} : { pad_token_id: padding }),
  };
}
