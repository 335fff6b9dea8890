/**
 * Writes Ollama's `Modelfile` for an exported GGUF file, and the command line of llama.cpp. Both set the sampling of the
 * training, because the defaults of these programs change the policy: top-k, top-p, min-p and repetition penalties.
 * @see https://docs.ollama.com/modelfile
 * @module
 */

export interface RunSettings {
  /** Path of the model: relative to the Modelfile, or absolute. */
  readonly model: string;
  /** Path of the adapter. */
  readonly adapter?: string | undefined;
  readonly temperature: number;
  /** Maximum length of a message, tokens. */
  readonly maxTokens: number;
  /** Texts of the tokens that end a message. */
  readonly stop: readonly string[];
  readonly instruction?: string | undefined;
  /** Few-shot examples, as chat turns before the conversation. */
  readonly examples?: readonly { readonly prompt: string; readonly answer: string }[] | undefined;
  /** Licence of the base, for the instruction LICENSE. */
  readonly license?: string | undefined;
}

/** Returns the text of a Modelfile. */
export function modelfile(settings: RunSettings): string {
  const { model, adapter, temperature, maxTokens, stop, instruction, examples = [], license } = settings;
  const parameters: readonly (readonly [string, string | number])[] = [
    ['temperature', temperature],
    ['top_k', 0],
    ['top_p', 1],
    ['min_p', 0],
    ['repeat_penalty', 1],
    ['num_predict', maxTokens],
    ...stop.map((text) => ['stop', JSON.stringify(text)] as const),
  ];
  return `${[
    `FROM ${model}`,
    ...(adapter === undefined ? [] : [`ADAPTER ${adapter}`]),
    '# Ollama chooses its own chat template by tokenizer.chat_template of the file. If "ollama show --template" does not',
    '# match that template, write it here in the syntax of Go: TEMPLATE """..."""',
    '# sampling as in training',
    ...parameters.map(([name, value]) => `PARAMETER ${name} ${value}`),
    ...(instruction === undefined ? [] : [`SYSTEM ${quoted(instruction)}`]),
    ...examples.flatMap(({ prompt, answer }) => [
      `MESSAGE user ${quoted(prompt)}`,
      `MESSAGE assistant ${quoted(answer)}`,
    ]),
    ...(license === undefined ? [] : [`LICENSE ${quoted(license)}`]),
  ].join('\n')}\n`;
}

/** Returns the command that serves the files with llama.cpp. */
export function llamaCommand({ model, adapter, temperature }: RunSettings): string {
  const lora = adapter === undefined ? '' : ` --lora ${shell(adapter)}`;
  return `llama-server -m ${shell(model)}${lora} --jinja --temp ${temperature} --top-k 0 --top-p 1 --min-p 0`;
}

/**
 * Returns a sentence about the messages that clients of llama.cpp must send, because its server has none of its own;
 * undefined if there are none.
 */
export function llamaMessages({ instruction, examples = [] }: RunSettings): string | undefined {
  const parts = [
    ...(instruction === undefined ? [] : ['the instruction as the system message']),
    ...(examples.length === 0
      ? []
      : [
          `the ${examples.length === 1 ? 'example' : `${examples.length} examples`} as user and assistant messages before the conversation`,
        ]),
  ];
  return parts.length === 0 ? undefined : `clients must send ${parts.join(' and ')}; see README.md`;
}

/** Triple quotes allow line breaks; a text cannot contain them itself. */
function quoted(text: string): string {
  return `"""${text.replaceAll('"""', "'''")}"""`;
}

function shell(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
