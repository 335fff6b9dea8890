/**
 * Writes the GGUF files of one agent with a Modelfile for Ollama: a complete model, or an adapter and its base, which
 * agents with the same base and chat template share.
 * @module
 */
import { mkdirSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { baseLicense } from '../export/base-license.ts';
import { type GgufFacts, writeGgufAdapter, writeGgufModel } from '../export/export-gguf.ts';
import { llamaCommand, llamaMessages, modelfile, type RunSettings } from '../export/modelfile.ts';
import { isGgufModel } from '../gguf/model-path.ts';
import { type WrittenType, writtenType } from '../gguf/write-values.ts';
import { writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import { isHubReference, parseHubReference } from '../support/model-reference.ts';
import { chatSettings } from './compose/agent-text.ts';
import { type DescribedFolder, describeModel } from './compose/written-model.ts';
import { type SharedBases, sharedBase } from './export-gguf-base.ts';
import type { AgentExport } from './exported-agent.ts';

export interface WrittenGguf {
  /** Name of the file in the agent's folder. */
  readonly file: string;
  readonly commands: readonly string[];
  /** Type of a matrix in the file. */
  readonly typeOf: (tensor: { readonly shape: readonly number[] }) => WrittenType;
  readonly warnings: readonly string[];
}

export interface GgufParts {
  /** Type of the matrices of complete models. */
  readonly type: WrittenType;
  /** Whether the agent's folder gets an adapter. */
  readonly isAdapter: boolean;
  /** Whether an adapter is merged into the base. */
  readonly merged: boolean;
  /** Folder or GGUF file of the complete base model; absent if it is not on this machine. */
  readonly base: string | undefined;
  /** The bases that other agents of the export have written. */
  readonly bases: SharedBases;
}

/**
 * @param to - folder of the team while it is written
 * @throws ConfigError if llama.cpp has no such model or tokenizer
 */
export function writeGgufAgent(to: string, agent: AgentExport, parts: GgufParts): WrittenGguf {
  const { from, name, out } = agent;
  const { type, isAdapter, merged } = parts;
  const base = isAdapter || merged ? requireBase(parts.base, from) : parts.base;
  const whole = isAdapter || merged ? (base as string) : from;
  const chat = chatSettings(agent.resolved.config, agent.id);
  const described = describeModel({ dir: whole, ...chat });
  const facts = factsOf(agent, whole);
  const tokenizerFrom = base !== undefined && isGgufModel(base) ? base : undefined;
  mkdirSync(join(to, name), { recursive: true });
  const file = isAdapter ? `${name}-lora-F32.gguf` : `${name}-${type}.gguf`;
  const path = join(to, name, file);
  const model = { ...facts, whole, tokenizerFrom, described, type };
  const shared = isAdapter
    ? sharedBase(to, model, { bases: parts.bases, isReplaced: chat.chatTemplate !== undefined })
    : undefined;
  if (isAdapter) writeGgufAdapter(path, from, { ...facts, decoder: described.decoder });
  const dropped = isAdapter
    ? (shared?.dropped ?? [])
    : writeGgufModel(path, { ...model, adapter: merged ? from : undefined });
  const settings = (modelPath: string, adapter?: string): RunSettings =>
    runSettings(agent, { described, license: facts.license, model: modelPath, adapter });
  const [fromModelfile, atEnd] =
    shared === undefined
      ? [settings(`./${file}`), settings(join(out, name, file))]
      : [
          settings(shared.isOwn ? `../${shared.path}` : shared.path, `./${file}`),
          settings(shared.isOwn ? join(out, shared.path) : shared.path, join(out, name, file)),
        ];
  writeFileAtomic(join(to, name, 'Modelfile'), modelfile(fromModelfile));
  const messages = llamaMessages(atEnd);
  return {
    file,
    typeOf: ({ shape }) => writtenType(shape, type),
    commands: [
      `llama.cpp  ${llamaCommand(atEnd)}`,
      ...(messages === undefined ? [] : [`           ${messages}`]),
      `Ollama     ollama create ${name.toLowerCase().replaceAll(' ', '-')} -f ${join(out, name, 'Modelfile')}`,
    ],
    warnings: dropped.length === 0 ? [] : [droppedWarning(name, described, dropped)],
  };
}

function droppedWarning(name: string, { stop, textOf }: DescribedFolder, dropped: readonly number[]): string {
  const texts = dropped.slice(0, 4).map((id) => JSON.stringify(textOf(id) ?? `token ${id}`));
  const more = dropped.length > texts.length ? `, and ${dropped.length - texts.length} more` : '';
  return `agent ${name}: a GGUF file names at most 3 end tokens, so ${texts.join(', ')}${more} end no message in llama.cpp; the Modelfile has stop texts instead, and clients of llama.cpp must send "stop": ${JSON.stringify(stop)}`;
}

function requireBase(base: string | undefined, from: string): string {
  if (base !== undefined) return base;
  throw new ConfigError(
    `${from}: expected the base model of the adapter on this machine, got none; fetch it`,
  );
}

function factsOf({ resolved, id, name }: AgentExport, whole: string): GgufFacts {
  const { config } = resolved;
  const model = config.agents[id]?.model ?? '';
  const repo = isHubReference(model) ? parseHubReference(model).repo : undefined;
  return {
    name: `${config.name} ${name}`,
    base: repo ?? basename(resolve(model)),
    ...(repo === undefined ? {} : { baseUrl: `https://huggingface.co/${repo}` }),
    license: baseLicense(whole)?.license,
  };
}

function runSettings(
  { resolved, id }: AgentExport,
  {
    described,
    license,
    model,
    adapter,
  }: {
    readonly described: DescribedFolder;
    readonly license: string | undefined;
    readonly model: string;
    readonly adapter: string | undefined;
  },
): RunSettings {
  const { train, agents } = resolved.config;
  return {
    ...{ model, adapter, license },
    temperature: train.temperature,
    maxTokens: train.max_completion_length,
    stop: described.stop,
    instruction: agents[id]?.instruction,
    examples: agents[id]?.examples,
  };
}
