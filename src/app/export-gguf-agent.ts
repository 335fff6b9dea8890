/**
 * Writes the GGUF files of one agent with a Modelfile for Ollama: a complete model, or an adapter and its base, which all
 * agents share.
 * @module
 */
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
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
import type { AgentExport } from './exported-agent.ts';

export interface WrittenGguf {
  /** Name of the file in the agent's folder. */
  readonly file: string;
  readonly commands: readonly string[];
  /** Type of a matrix in the file. */
  readonly typeOf: (tensor: { readonly shape: readonly number[] }) => WrittenType;
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
  /** Chat template that replaces that of the model. */
  readonly chatTemplate: string | undefined;
}

/** Folder of the base models of adapters, in the folder of the team. */
const BASE_FOLDER = 'base';

/**
 * @param to - folder of the team while it is written
 * @throws ConfigError if llama.cpp has no such model or tokenizer
 */
export function writeGgufAgent(to: string, agent: AgentExport, parts: GgufParts): WrittenGguf {
  const { from, name, out } = agent;
  const { type, isAdapter, merged, chatTemplate } = parts;
  const base = isAdapter || merged ? requireBase(parts.base, from) : parts.base;
  const whole = isAdapter || merged ? (base as string) : from;
  const described = describeModel({
    dir: whole,
    ...chatSettings(agent.resolved.config, agent.id),
  });
  const facts = factsOf(agent, whole);
  const tokenizerFrom = base !== undefined && isGgufModel(base) ? base : undefined;
  mkdirSync(join(to, name), { recursive: true });
  const file = isAdapter ? `${name}-lora-F32.gguf` : `${name}-${type}.gguf`;
  const path = join(to, name, file);
  if (isAdapter) writeGgufAdapter(path, from, { ...facts, decoder: described.decoder });
  else {
    const adapter = merged ? from : undefined;
    writeGgufModel(path, { ...facts, whole, adapter, tokenizerFrom, chatTemplate, described, type });
  }
  const settings = (model: string, adapter?: string): RunSettings =>
    runSettings(agent, { described, license: facts.license, model, adapter });
  const shared = isAdapter ? writeBase(to, whole, { described, type, facts }) : undefined;
  const [fromModelfile, atEnd] =
    shared === undefined
      ? [settings(`./${file}`), settings(join(out, name, file))]
      : [
          settings(shared.inTeam === undefined ? shared.path : `../${shared.inTeam}`, `./${file}`),
          settings(
            shared.inTeam === undefined ? shared.path : join(out, shared.inTeam),
            join(out, name, file),
          ),
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
  };
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
    base: repo ?? basename(model),
    ...(repo === undefined ? {} : { baseUrl: `https://huggingface.co/${repo}` }),
    license: baseLicense(whole)?.license,
  };
}

/**
 * Writes the base of an adapter, once for all agents that share it. A base that is a GGUF file is used where it is.
 *
 * @returns path in the folder of the team, or absolute path
 */
function writeBase(
  to: string,
  whole: string,
  {
    described,
    type,
    facts,
  }: { readonly described: DescribedFolder; readonly type: WrittenType; readonly facts: GgufFacts },
): { readonly path: string; readonly inTeam?: string } {
  if (isGgufModel(whole)) return { path: resolve(whole) };
  const name = (facts.base ?? basename(whole)).split('/').at(-1) as string;
  const inTeam = join(BASE_FOLDER, `${name}-${type}.gguf`);
  const path = join(to, inTeam);
  mkdirSync(join(to, BASE_FOLDER), { recursive: true });
  if (!existsSync(path)) writeGgufModel(path, { ...facts, name, base: undefined, whole, described, type });
  return { path, inTeam: relative(to, path) };
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
