/**
 * Renders a checkpoint's chat template as Transformers does: the same variables, named templates, and Python's
 * string methods where the JavaScript library differs from them.
 *
 * One difference from Transformers: `strftime_now` returns a fixed date, so that a run that is resumed on another
 * day uses the same prompts. Templates with a date variable (`date_string` of Llama 3) accept another date through
 * `chat_template_kwargs`.
 * @see tokenizer.ts
 * @module
 */
import { join } from 'node:path';
import { Environment, Interpreter, Template } from '@huggingface/jinja';
import { ConfigError } from '../../support/errors.ts';
import { type JsonObject, parseAs, parseJsonObject } from './json-object.ts';
import { pythonFunctions, rewritePython } from './python-semantics.ts';
import type { TokenizerFiles } from './tokenizer-files.ts';

/** Inputs of a template besides the messages. */
export interface TemplateOptions {
  /** Function schemas in the format of OpenAI's API. */
  readonly tools?: readonly unknown[];
  /** Template variables such as `enable_thinking`. */
  readonly kwargs?: Readonly<Record<string, unknown>>;
  /** Whether to append the generation prompt of the next assistant message. Default true. */
  readonly generate?: boolean;
}

/** Special tokens that templates can use as variables. */
const TOKENS = ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token', 'mask_token'];

/** The date that `strftime_now` returns; Llama 3's templates use the same default. */
const TODAY = { year: 2024, month: 7, day: 26 } as const;
const MONTHS = 'January February March April May June July August September October November December'.split(
  ' ',
);

export class ChatTemplate {
  readonly #templates: ReadonlyMap<string, Template>;
  readonly #tokens: Readonly<Record<string, string>>;
  readonly #where: string;

  private constructor(
    templates: ReadonlyMap<string, Template>,
    tokens: Readonly<Record<string, string>>,
    where: string,
  ) {
    this.#templates = templates;
    this.#tokens = tokens;
    this.#where = where;
  }

  /**
   * Parses the templates of a checkpoint.
   *
   * @param config - `tokenizer_config.json`
   * @param where - the checkpoint's folder, for error messages
   * @throws ConfigError if a template is not valid Jinja
   */
  static read(files: TokenizerFiles['files'], config: JsonObject, where: string): ChatTemplate {
    const parsed = [...templateTexts(files, config, where)].map(([name, text]) => {
      const template = parseAs(`${where} chat template`, 'a Jinja template', () => new Template(text));
      rewritePython(template.parsed);
      return [name, template] as const;
    });
    const tokens = TOKENS.flatMap((name) => {
      const text = tokenText(config[name]);
      return text === undefined ? [] : [[name, text] as const];
    });
    return new ChatTemplate(new Map(parsed), Object.fromEntries(tokens), where);
  }

  /**
   * Renders messages as text.
   *
   * @param messages - objects with `role`, `content` and other fields that the template reads
   * @throws ConfigError if there is no template, or the template raises an error
   */
  render(messages: readonly object[], { tools, kwargs = {}, generate = true }: TemplateOptions = {}): string {
    const named = tools === undefined ? undefined : this.#templates.get('tool_use');
    const template = named ?? this.#templates.get('default');
    if (template === undefined) throw this.#missing();
    const environment = new Environment();
    const variables = {
      ...GLOBALS,
      ...this.#tokens,
      ...kwargs,
      messages,
      tools: tools ?? null,
      documents: null,
      add_generation_prompt: generate,
    };
    return parseAs(`${this.#where} chat template`, 'messages it can render', () => {
      for (const [name, value] of Object.entries(variables)) environment.set(name, value);
      return String(new Interpreter(environment).run(template.parsed).value);
    });
  }

  #missing(): ConfigError {
    const names = [...this.#templates.keys()];
    const got =
      names.length === 0 ? 'has no chat template' : `has no default chat template, only ${names.join(', ')}`;
    return new ConfigError(
      `${this.#where}: the model ${got}; set chat_template to plain, which is for base models, or to a Jinja file`,
      { code: 'TROUPE_CHAT_TEMPLATE' },
    );
  }
}

/**
 * Returns template texts by name. The default template is `chat_template.jinja` if present, else the template or the
 * list of named templates in the config, else the template in `chat_template.json`, which processors of Transformers
 * use. A default template without text counts as absent.
 */
export function templateTexts(
  files: TokenizerFiles['files'],
  config: JsonObject,
  where: string,
): Map<string, string> {
  const text = (name: string): string => new TextDecoder().decode(files.get(name));
  const found = new Map<string, string>();
  for (const name of files.keys()) {
    const [, template] = /^additional_chat_templates\/(.+)\.jinja$/.exec(name) ?? [];
    if (template !== undefined) found.set(template, text(name));
  }
  if (files.has('chat_template.jinja')) found.set('default', text('chat_template.jinja'));
  else
    for (const [name, template] of namedTemplates(config.chat_template))
      if (!found.has(name)) found.set(name, template);
  if (files.has('chat_template.json') && !found.has('default'))
    for (const [name, template] of namedTemplates(
      parseJsonObject(text('chat_template.json'), join(where, 'chat_template.json')).chat_template,
    ))
      found.set(name, template);
  if (found.get('default')?.trim() === '') found.delete('default');
  return found;
}

/** Returns the templates of a config's field: a text, or a list of named texts. */
function namedTemplates(field: unknown): (readonly [string, string])[] {
  if (typeof field === 'string') return [['default', field]];
  if (!Array.isArray(field)) return [];
  return (field as readonly (JsonObject | null)[]).flatMap((entry) =>
    typeof entry?.name === 'string' && typeof entry.template === 'string'
      ? [[entry.name, entry.template] as const]
      : [],
  );
}

/** Returns the text of a special token, which a config stores as a string or as an object with `content`. */
function tokenText(token: unknown): string | undefined {
  if (typeof token === 'string') return token;
  const content = (token as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : undefined;
}

/** Global variables and functions that templates can use, in addition to Jinja's filters and tests. */
const GLOBALS = {
  true: true,
  false: false,
  none: null,
  True: true,
  False: false,
  None: null,
  range,
  raise_exception(message: string): never {
    throw new Error(message);
  },
  strftime_now,
  ...pythonFunctions,
};

function range(first: number, end?: number, step = 1): number[] {
  const [from, to] = end === undefined ? [0, first] : [first, end];
  const count = Math.max(0, Math.ceil((to - from) / step));
  return Array.from({ length: count }, (_, index) => from + index * step);
}

function strftime_now(format: string): string {
  const month = MONTHS[TODAY.month - 1] as string;
  const two = (value: number): string => String(value).padStart(2, '0');
  const parts: Readonly<Record<string, string>> = {
    '%Y': String(TODAY.year),
    '%y': String(TODAY.year % 100),
    '%m': two(TODAY.month),
    '%d': two(TODAY.day),
    '%B': month,
    '%b': month.slice(0, 3),
    '%H': '00',
    '%M': '00',
    '%S': '00',
    '%%': '%',
  };
  return format.replace(/%[YymdBbHMS%]/g, (part) => parts[part] as string);
}
