/**
 * Builds the team to serve from a run folder, a checkpoint, a team file or a serve file.
 * @module
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Override } from '../config/overrides.ts';
import type { TeamFile } from '../config/schema.ts';
import {
  isServeFile,
  type ReadServeFile,
  readServeFile,
  type ServeFile,
  type ServeFileAgent,
} from '../config/serve-file.ts';
import type { Model } from '../engine/engine.ts';
import type { GeneratorOptions } from '../engine/generation.ts';
import { createEmbeddedAgent } from '../serve/agent/embedded-agent.ts';
import { EndpointAgent } from '../serve/agent/endpoint-agent.ts';
import type { ServedAgent } from '../serve/agent/served-agent.ts';
import { type ServedTeam, TEAM_MODEL, textAnswer } from '../serve/team/served-team.ts';
import type { StoredTeam } from '../store/read-run.ts';
import { ConfigError } from '../support/errors.ts';
import { weightFilesIn } from '../support/model-files.ts';
import { isMixtureFolder, MIXTURE_FILE } from '../swap/mixture-folder.ts';
import type { TruncatedRule } from '../team/cut-off.ts';
import type { PromptExample } from '../team/examples.ts';
import { shareVocabulary } from '../team/vocabularies.ts';
import { requireChatTemplate } from './compose/agent-text.ts';
import { templateText } from './compose/chat-templates.ts';
import { loadProtocol, type ProtocolSection } from './compose/protocol.ts';
import { answerReader, closeTeam, compose, loadServedModel, loadTeam, type VerifierName } from './compose.ts';
import { findTeam } from './find-team.ts';
import { type DownloadOptions, modelFolder } from './hub-models.ts';
import { type Environment, environmentOf, warnOnce } from './use-case.ts';

export interface ServedTeamOptions extends DownloadOptions {
  /** Values that override fields of the team file. */
  readonly overrides: readonly Override[];
  /** Minimum number of agents that must answer; default: {@link defaultMinAgents}. */
  readonly minAgents?: number;
}

export interface ComposedTeam {
  readonly team: ServedTeam;
  /** Section `server` of the serve file. */
  readonly settings: ServeFile['server'];
  /** Checkpoint of the trained agents, if they come from a run. */
  readonly stored: StoredTeam | undefined;
  /** Closes the models. */
  close(): Promise<void>;
}

/** A team from a run or a team file, before the agents of a serve file are added. */
interface Trained {
  readonly name: string;
  readonly stored: StoredTeam | undefined;
  readonly agents: readonly {
    readonly name: string;
    readonly model: Model;
    readonly instruction?: string;
    readonly examples?: readonly PromptExample[];
  }[];
  readonly protocol: ProtocolSection;
  readonly answerOf: (text: string) => string | undefined;
  readonly truncated: TruncatedRule;
  readonly isMixed: boolean;
  readonly defaults: ServedTeam['defaults'];
  /** One text per model; the text changes when the model's weights change; see {@link markOf}. */
  readonly marks: readonly string[];
  close(): Promise<void>;
}

const DEFAULTS = { temperature: 1, maxTokens: 512 } as const;

/**
 * @param source - run folder (its champion is used), checkpoint folder, path of a team file or serve file, or
 *   a team file as an object
 * @throws ConfigError; StoreError if a checkpoint is damaged
 */
export async function composeServedTeam(
  source: string | TeamFile,
  options: ServedTeamOptions,
): Promise<ComposedTeam> {
  const read = typeof source === 'string' ? serveFileAt(source) : undefined;
  const file = read?.file;
  const trained =
    read === undefined
      ? await trainedTeam(source, options)
      : file?.team === undefined
        ? undefined
        : await trainedTeam(file.team, options);
  const trainedAgents = trained?.agents ?? [];
  const added = read === undefined ? [] : await loadFileAgents(read, trainedAgents.length, options);
  const generator = {
    ...(file?.max_batch === undefined ? {} : { maxBatch: file.max_batch }),
    ...(file?.cache_mb === undefined ? {} : { maxCacheBytes: file.cache_mb * 2 ** 20 }),
  };
  const agents: ServedAgent[] = [
    ...trainedAgents.map(({ name, model, ...prompting }) =>
      createEmbeddedAgent(model, { name, generator, ...promptingOf(prompting) }),
    ),
    ...added.map((create) => create(generator)),
  ];
  const protocol = file?.protocol ?? trained?.protocol ?? { kind: 'vote' };
  const { kind, ...protocolOptions } = protocol;
  requireUniqueNames(agents, read);
  const minAgents = options.minAgents ?? file?.min_agents ?? defaultMinAgents(kind, agents.length);
  if (minAgents > agents.length)
    throw new ConfigError(
      `serve: expected min_agents of at most ${agents.length}, the number of agents, got ${minAgents}`,
    );
  const team: ServedTeam = {
    name: file?.name ?? trained?.name ?? 'team',
    agents,
    protocol: await loadProtocol(protocol, agents.length),
    minAgents,
    agentTimeoutMs: (file?.agent_timeout_s ?? 60) * 1000,
    answerOf: await answersOf(file, trained),
    truncated: trained?.truncated ?? 'judge',
    isMixed:
      trained !== undefined && added.length === 0
        ? trained.isMixed
        : !isOneModel(file?.agents ?? [], trained),
    defaults: {
      temperature: file?.temperature ?? trained?.defaults.temperature ?? DEFAULTS.temperature,
      maxTokens: file?.max_tokens ?? trained?.defaults.maxTokens ?? DEFAULTS.maxTokens,
    },
    fingerprint: fingerprint([
      kind,
      JSON.stringify(protocolOptions),
      ...(trained?.marks ?? []),
      ...agents.map(({ name }) => name),
    ]),
  };
  return {
    team,
    settings: file?.server ?? {},
    stored: trained?.stored,
    close: async () => {
      for (const agent of agents) await agent.close();
      await trained?.close();
    },
  };
}

/** Whether all agents have the same model, and therefore the same vocabulary. */
function isOneModel(agents: readonly ServeFileAgent[], trained: Trained | undefined): boolean {
  return trained === undefined && new Set(agents.map(({ model }) => model)).size === 1;
}

/**
 * Default of `min_agents`: all agents for the protocol `parts`, whose answer joins all messages; else a
 * majority.
 */
function defaultMinAgents(kind: ProtocolSection['kind'], agents: number): number {
  return kind === 'parts' ? agents : Math.floor(agents / 2) + 1;
}

function serveFileAt(path: string): ReadServeFile | undefined {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  return isFile && isServeFile(path) ? readServeFile(path) : undefined;
}

async function trainedTeam(
  source: string | TeamFile,
  { overrides, ...context }: ServedTeamOptions,
): Promise<Trained> {
  const { resolved, stored } = await findTeam(source, overrides);
  const composition = await compose(resolved, context);
  const { config, task } = composition;
  const team = await loadTeam(composition, stored ? { folders: stored.agents } : {});
  const folders = stored?.agents ?? config.agents.map(({ model }) => model);
  return {
    name: config.name,
    stored,
    agents: team.agents,
    protocol: config.protocol,
    answerOf: task.answerOf === undefined ? textAnswer : (text) => task.answerOf?.(text),
    truncated: config.train.truncated,
    isMixed: !shareVocabulary(team),
    defaults: {
      temperature: Math.min(2, config.train.temperature),
      maxTokens: config.train.max_completion_length,
    },
    marks: folders.map(markOf),
    close: async () => {
      await closeTeam(team);
      await composition.engine.close();
    },
  };
}

type CreateAgent = (generator: GeneratorOptions) => ServedAgent;

/**
 * Loads the models of the agents that a serve file lists.
 *
 * @param firstId - id of the first of these agents; it determines their default names
 */
async function loadFileAgents(
  { file, problem }: ReadServeFile,
  firstId: number,
  options: DownloadOptions,
): Promise<CreateAgent[]> {
  const agents: CreateAgent[] = [];
  const onWarning = warnOnce(options);
  const templateOf = (at: number): { readonly chatTemplate?: string } => {
    const template = file.agents[at]?.chat_template;
    const located = (message: string): ConfigError => problem(['agents', at, 'chat_template'], message);
    return template === undefined ? {} : { chatTemplate: templateText(template, located) };
  };
  const locateModelErrors = (at: number, error: unknown): never => {
    throw error instanceof ConfigError ? problem(['agents', at, 'model'], error.message) : error;
  };
  // the small files of all models are checked before the weights of the first one are read
  for (const [at, { endpoint, model }] of file.agents.entries()) {
    if (endpoint !== undefined) continue;
    const template = templateOf(at);
    await modelFolder(model, { ...options, checkFiles: (dir) => requireChatTemplate(dir, template) })
      .then((dir) => requireChatTemplate(dir, template))
      .catch((error: unknown) => locateModelErrors(at, error));
  }
  for (const [at, agent] of file.agents.entries()) {
    const name = agent.name ?? `agent_${firstId + at}`;
    const { endpoint } = agent;
    if (endpoint !== undefined) {
      const key = keyOf(agent, environmentOf(options), (message) =>
        problem(['agents', at, 'key_env'], message),
      );
      agents.push(() => createEndpointAgent(agent, { name, endpoint, key }));
      continue;
    }
    const model = await loadServedModel(agent.model, file.threads, {
      ...{ ...options, onWarning },
      ...templateOf(at),
    }).catch((error: unknown) => locateModelErrors(at, error));
    agents.push((generator) => createEmbeddedAgent(model, { name, generator, ...promptingOf(agent) }));
  }
  return agents;
}

/** Returns the instruction and the few-shot examples of an agent, without keys that are undefined. */
function promptingOf({
  instruction,
  examples,
}: {
  readonly instruction?: string | undefined;
  readonly examples?: readonly PromptExample[] | undefined;
}): Pick<ServedAgent, 'instruction' | 'examples'> {
  return { ...(instruction === undefined ? {} : { instruction }), ...(examples && { examples }) };
}

function createEndpointAgent(
  agent: ServeFileAgent,
  { name, endpoint, key }: { name: string; endpoint: string; key: string | undefined },
): ServedAgent {
  return new EndpointAgent({
    name,
    endpoint,
    model: agent.model,
    ...promptingOf(agent),
    ...(key === undefined ? {} : { key }),
    ...(agent.extra_body === undefined ? {} : { extraBody: agent.extra_body }),
    stallMs: (agent.stall_s ?? 20) * 1000,
    retries: agent.retries ?? 2,
    logprobs: agent.logprobs ?? true,
  });
}

/**
 * Returns the API key of an agent's endpoint from its environment variable. Keys are never read from files.
 */
function keyOf(
  { key_env: variable }: ServeFileAgent,
  env: Environment,
  problem: (message: string) => ConfigError,
): string | undefined {
  if (variable === undefined) return undefined;
  const key = env[variable];
  if (key === undefined || key === '')
    throw problem(`expected a key in the environment variable ${variable}, got none; set it`);
  return key;
}

async function answersOf(
  file: ServeFile | undefined,
  trained: Trained | undefined,
): Promise<ServedTeam['answerOf']> {
  const answers = file?.answers ?? (trained === undefined ? 'text' : 'task');
  if (answers === 'text') return textAnswer;
  if (answers !== 'task') return answerReader(answers satisfies VerifierName);
  if (trained === undefined)
    throw new ConfigError(
      'serve: expected a team with answers: task, got agents without a team; add a team, or choose other answers',
    );
  return trained.answerOf;
}

function requireUniqueNames(agents: readonly ServedAgent[], read: ReadServeFile | undefined): void {
  const seen = new Set<string>([TEAM_MODEL]);
  for (const { name } of agents) {
    if (seen.has(name)) {
      const message = `expected a unique name for every agent, got "${name}" ${name === TEAM_MODEL ? '(the name of the whole team)' : 'twice'}`;
      throw read?.problem(['agents'], message) ?? new ConfigError(`serve: ${message}`);
    }
    seen.add(name);
  }
}

/** Returns a text that changes when a model changes: path, sizes and times of its weight files. */
function markOf(model: string): string {
  const names = [...(isMixtureFolder(model) ? [MIXTURE_FILE] : []), ...weightFilesIn(model)];
  const marks = names.map((name) => {
    const { size, mtimeMs } = statSync(join(model, name));
    return `${name}:${size}:${mtimeMs}`;
  });
  return [model, ...marks].join('\n');
}

function fingerprint(parts: readonly string[]): string {
  return `fp_${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)}`;
}
