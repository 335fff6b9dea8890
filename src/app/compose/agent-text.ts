/**
 * Reads the small files of the agents' models: configuration, tokenizer and chat template. They decide whether a team
 * can play its protocol, so errors are found before weights are read.
 * @module
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ResolvedConfig } from '../../config/resolve.ts';
import type { Config } from '../../config/schema.ts';
import type { LoadOptions, Tokenizer } from '../../engine/engine.ts';
import { refuseGguf } from '../../gguf/model-path.ts';
import { ConfigError } from '../../support/errors.ts';
import { readModelFileText } from '../../support/read-model-file.ts';
import { componentFolders, isMixtureFolder } from '../../swap/mixture-folder.ts';
import type { PromptExample } from '../../team/examples.ts';
import type { FileCheck } from '../hub-models.ts';
import { locateErrors } from './config-errors.ts';

/** Facts about an agent's model from its small files. */
export interface AgentText {
  readonly id: number;
  readonly name: string;
  readonly instruction: string | undefined;
  readonly examples: readonly PromptExample[] | undefined;
  readonly tokenizer: Tokenizer;
  /** Maximum length of context plus message, tokens. */
  readonly maxContext: number;
}

/** Settings of an agent's chats. */
export type ChatSettings = Pick<LoadOptions, 'chatTemplate' | 'chatTemplateKwargs'>;

/** Returns an agent's chat template and its variables: those of the team, overridden by those of the agent. */
export function chatSettings(config: Config, agent: number): ChatSettings {
  const own = config.agents[agent];
  const chatTemplate = own?.chat_template ?? config.chat_template;
  return {
    chatTemplateKwargs: { ...config.chat_template_kwargs, ...own?.chat_template_kwargs },
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
  };
}

/** Path of the key that names an agent's model, for errors. */
export function modelPath({ config }: ResolvedConfig, agent: number): readonly (string | number)[] {
  return config.agents[agent]?.model === config.base ? ['base'] : ['agents', agent, 'model'];
}

/**
 * Reads the small files of every agent's model.
 *
 * @param folders - model folders of agent 0, 1, ...
 * @param onWarning - receives the warnings about these files
 * @returns one entry per agent; agents whose files only a worker can read are left out
 * @throws ConfigError with a position in the team file
 */
export async function readAgentTexts(
  resolved: ResolvedConfig,
  folders: readonly string[],
  onWarning?: LoadOptions['onWarning'],
): Promise<AgentText[]> {
  const { config } = resolved;
  const known = new Map<string, Pick<AgentText, 'tokenizer' | 'maxContext'>>();
  const texts: AgentText[] = [];
  for (const [id, { name, instruction, examples }] of config.agents.entries()) {
    const dir = folders[id] as string;
    const settings = chatSettings(config, id);
    const key = JSON.stringify([dir, settings]);
    const text =
      known.get(key) ??
      (await locateErrors(resolved, modelPath(resolved, id), () =>
        readModelText(dir, config, settings, onWarning),
      ));
    if (text === undefined) continue;
    known.set(key, text);
    requireContextLength(resolved, { maxContext: text.maxContext, name: `agent "${name}"` });
    texts.push({ id, name, instruction, examples, ...text });
  }
  return texts;
}

/**
 * Checks from the small files of a model of the embedded engine, for a mixture of both models, that its chat template
 * renders a user message.
 *
 * @throws ConfigError if a file is missing or invalid, or there is no such template
 */
export async function requireChatTemplate(dir: string, settings: ChatSettings): Promise<void> {
  const { incumbent, replacement } = componentFolders(dir);
  for (const folder of isMixtureFolder(dir) ? [incumbent, replacement] : [dir]) {
    const { tokenizer } = await readOnnxText(folder, settings);
    tokenizer.encodeChat([{ role: 'user', content: 'Hello' }]);
  }
}

/**
 * Returns a check of the small files of a model, for all agents that have it: that the engine supports it, its chat template
 * renders a user message, and its context has room for a message. A model that only a worker can read is not checked.
 *
 * @param agent - one of the agents; the caller adds its position in the team file to errors
 */
export function agentFileCheck(resolved: ResolvedConfig, agent: number): FileCheck {
  return async (folder) => {
    const { config } = resolved;
    for (const [id, { model, name }] of config.agents.entries()) {
      if (model !== config.agents[agent]?.model) continue;
      const text = await readModelText(folder, config, chatSettings(config, id));
      if (text === undefined) return;
      text.tokenizer.encodeChat([{ role: 'user', content: 'Hello' }]);
      const where = { maxContext: text.maxContext, name: `agent "${name}"` };
      requireContextLength(resolved, where, (message) => new ConfigError(message));
    }
  };
}

/** Reads the small files of a model of the embedded engine that is not a mixture. */
async function readOnnxText(
  dir: string,
  settings: ChatSettings,
  onWarning?: LoadOptions['onWarning'],
): Promise<Pick<AgentText, 'tokenizer' | 'maxContext'>> {
  const folder = await wholeModel(dir);
  const { readCheckpointFiles } = await import('../../engine/onnx/weights/checkpoint.ts');
  const { checkpointTokenizer } = await import('../../engine/text/checkpoint-text.ts');
  const { config: decoder, tokenizer: files } = readCheckpointFiles(folder, onWarning);
  const { endTokens, vocabSize, maxPositions: maxContext } = decoder;
  const tokenizer = checkpointTokenizer(files, { dir: folder, endTokens, vocabSize, ...settings });
  return { maxContext, tokenizer };
}

/**
 * Checks the names and shapes of the tensors of a model of the embedded engine: of an adapter and its base, and of both models
 * of a mixture. Only headers and adapters are read.
 *
 * @param onWarning - receives the warnings about its configuration, which can explain an error
 * @throws ConfigError if tensors are missing, unknown or of another shape
 */
export async function checkWeights(dir: string, onWarning: LoadOptions['onWarning']): Promise<void> {
  const { incumbent, replacement } = componentFolders(dir);
  for (const folder of isMixtureFolder(dir) ? [incumbent, replacement] : [dir])
    await checkModelWeights(folder, onWarning);
}

async function checkModelWeights(dir: string, onWarning: LoadOptions['onWarning']): Promise<void> {
  const { checkWeightFiles, readDecoderConfig } = await import('../../engine/onnx/weights/checkpoint.ts');
  const { isAdapterFolder, readAdapter } = await import('../../engine/onnx/lora/adapter-folder.ts');
  const base = await wholeModel(dir);
  checkWeightFiles(base, onWarning);
  // adapters are small
  if (isAdapterFolder(dir)) readAdapter(dir, readDecoderConfig(base), { optimizer: false });
}

/** Returns the folder of a whole model; for an adapter that of its base. */
async function wholeModel(dir: string): Promise<string> {
  const { adapterBaseFolder, isAdapterFolder, readAdapterConfig } = await import(
    '../../engine/onnx/lora/adapter-folder.ts'
  );
  return isAdapterFolder(dir) ? adapterBaseFolder(dir, readAdapterConfig(dir).base) : dir;
}

/**
 * Reads the small files of a model; for a mixture those of both models. Returns undefined if only the worker of
 * another engine can read them.
 *
 * @throws ConfigError if a file is missing or invalid, or the engine does not read GGUF files
 */
export async function readModelText(
  dir: string,
  config: Config,
  settings: ChatSettings,
  onWarning?: LoadOptions['onWarning'],
): Promise<Pick<AgentText, 'tokenizer' | 'maxContext'> | undefined> {
  const { incumbent, replacement } = componentFolders(dir);
  if (isMixtureFolder(dir)) {
    const [first, second] = [
      await readModelText(incumbent, config, settings, onWarning),
      await readModelText(replacement, config, settings, onWarning),
    ];
    return first && second && { ...first, maxContext: Math.min(first.maxContext, second.maxContext) };
  }
  if (config.engine.kind === 'onnx') return readOnnxText(dir, settings, onWarning);
  const folder = await wholeModel(dir);
  const { readCheckpointTokenizer } = await import('../../engine/text/checkpoint-text.ts');
  refuseGguf(folder, config.engine.kind);
  const sizes = sizesOf(join(folder, 'config.json'));
  if (sizes === undefined) return undefined;
  const { vocabSize, maxContext } = sizes;
  return { maxContext, tokenizer: readCheckpointTokenizer({ dir: folder, ...settings }, vocabSize) };
}

/** Reads vocabulary and context length of any architecture; Infinity if the file does not contain them. */
function sizesOf(path: string): { readonly vocabSize: number; readonly maxContext: number } | undefined {
  if (!existsSync(path)) return undefined;
  const json = parsed(path);
  const text = (json?.text_config ?? {}) as Readonly<Record<string, unknown>>;
  const size = (key: string): number => {
    const value = json?.[key] ?? text[key];
    return typeof value === 'number' && value > 0 ? value : Number.POSITIVE_INFINITY;
  };
  return json && { vocabSize: size('vocab_size'), maxContext: size('max_position_embeddings') };
}

/**
 * Parses a file; undefined if it is not a JSON object, which the worker reports.
 *
 * @throws ConfigError if the file cannot be read
 */
function parsed(path: string): Readonly<Record<string, unknown>> | undefined {
  const text = readModelFileText(path);
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param name - the agent, e.g. `agent "a"`
 * @param problem - creates the error; default: one with the position of the setting in the team file
 * @throws ConfigError if a message of maximum length fills the context window
 */
export function requireContextLength(
  resolved: ResolvedConfig,
  { maxContext, name }: { readonly maxContext: number; readonly name: string },
  problem = (message: string): Error =>
    resolved.problem([{ path: ['train', 'max_completion_length'], message }]),
): void {
  const { max_completion_length } = resolved.config.train;
  if (max_completion_length < maxContext) return;
  throw problem(
    `expected max_completion_length below the ${maxContext} tokens of the context window of ${name}, which prompt and completion share, got ${max_completion_length}`,
  );
}
