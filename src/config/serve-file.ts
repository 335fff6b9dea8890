/**
 * The serve file. It describes a team to serve, agents to add to a trained team, and the options of the
 * server.
 * @module
 */
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { choice, flag, integer, number, show, text } from '../schema/fields.ts';
import { isTemplateText, PLAIN } from '../support/chat-template-setting.ts';
import { ConfigError } from '../support/errors.ts';
import { expandHome } from '../support/home-folder.ts';
import { isHubReference } from '../support/model-reference.ts';
import { nearestName } from '../support/nearest.ts';
import { chatTemplate, examplesSchema } from './agent-section.ts';
import { readConfigText } from './config-text.ts';
import { protocolSchema } from './protocol-section.ts';
import { RENAMED_SERVE_KEYS, renamedKeyMessage } from './renamed-keys.ts';
import { parseYamlFile, type YamlFile } from './yaml-file.ts';

const agentSchema = z
  .strictObject({
    name: text().optional(),
    endpoint: z
      .url({
        protocol: /^https?$/,
        error: (issue) => `expected a URL such as http://127.0.0.1:8000/v1, got ${show(issue.input)}`,
      })
      .optional(),
    model: text('a model'),
    instruction: text().optional(),
    examples: examplesSchema('Few-shot examples of this agent.').optional(),
    chat_template: chatTemplate('Chat template instead of the one of the model.'),
    key_env: text('the name of an environment variable').optional(),
    stall_s: number({ above: 0 }).optional(),
    retries: integer({ min: 0, max: 20 }).optional(),
    logprobs: flag().optional(),
    extra_body: z.record(z.string(), z.unknown()).optional(),
  })
  .superRefine((agent, context) => {
    if (agent.endpoint !== undefined) {
      if (agent.chat_template !== undefined)
        context.addIssue({
          code: 'custom',
          path: ['chat_template'],
          message: 'expected it without an endpoint, which has its own, got both',
        });
      return;
    }
    for (const key of ['key_env', 'stall_s', 'retries', 'logprobs', 'extra_body'] as const)
      if (agent[key] !== undefined)
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'expected it only with an endpoint, got it without',
        });
  });

const serverSchema = z.strictObject({
  host: text('an address').optional(),
  port: integer({ min: 0, max: 65535 }).optional(),
  keys: text('a key file').optional(),
  requests_per_minute: number({ above: 0 }).optional(),
  concurrency: integer({ min: 1 }).optional(),
  max_running: integer({ min: 1 }).optional(),
  max_waiting: integer({ min: 0 }).optional(),
  max_choices: integer({ min: 1, max: 128 }).optional(),
  max_tokens: integer({ min: 1 }).optional(),
  body_kb: integer({ min: 1 }).optional(),
  request_timeout_s: number({ above: 0 }).optional(),
  receive_timeout_s: number({ above: 0 }).optional(),
  drain_timeout_s: number({ min: 0 }).optional(),
  allow_hosts: z.array(text('a host name')).optional(),
  log_level: choice(['info', 'warn', 'error', 'silent']).optional(),
  log_prompts: flag().optional(),
});

const fileSchema = z.strictObject({
  name: text().optional(),
  team: text('a run, a checkpoint or a team file').optional(),
  agents: z
    .array(agentSchema, { error: (issue) => `expected a list of agents, got ${show(issue.input)}` })
    .default([]),
  protocol: protocolSchema.optional(),
  answers: choice(['task', 'text', 'numeric', 'math']).optional(),
  min_agents: integer({ min: 1 }).optional(),
  agent_timeout_s: number({ above: 0 }).default(60),
  temperature: number({ min: 0, max: 2 }).optional(),
  max_tokens: integer({ min: 1 }).optional(),
  threads: integer({ min: 1 }).optional(),
  max_batch: integer({ min: 1 }).optional(),
  cache_mb: integer({ min: 1 }).optional(),
  server: serverSchema.prefault({}),
});

export type ServeFile = z.output<typeof fileSchema>;
export type ServeFileAgent = ServeFile['agents'][number];

/**
 * Whether a YAML file is a serve file, not a team file. Both may list agents, but only a team file has a
 * task.
 */
export function isServeFile(path: string): boolean {
  const { value } = parseYamlFile(readConfigText(path, 'a serve file or a team file (YAML)'), path);
  if (typeof value !== 'object' || value === null) return false;
  return 'team' in value || 'members' in value || ('agents' in value && !('task' in value));
}

export interface ReadServeFile {
  readonly file: ServeFile;
  /** Creates an error with the position of a value that turns out to be unusable after validation. */
  problem(path: readonly PropertyKey[], message: string): ConfigError;
}

/**
 * Reads a serve file. Relative paths in the file are relative to its folder.
 *
 * @throws ConfigError with one line per problem, each with file:line:column
 */
export function readServeFile(path: string): ReadServeFile {
  const yaml = parseYamlFile(readConfigText(path, 'a serve file or a team file (YAML)'), path);
  const parsed = fileSchema.safeParse(yaml.value ?? {}, { reportInput: true });
  if (!parsed.success) throw configError(parsed.error.issues.flatMap(problemsOf), { path, yaml });
  const folder = dirname(resolve(path));
  const absolute = (written: string): string => resolve(folder, expandHome(written));
  const { team, agents, server, protocol, ...rest } = parsed.data;
  const problem: ReadServeFile['problem'] = (at, message) => configError([{ at, message }], { path, yaml });
  if (team === undefined && agents.length === 0) throw problem([], 'expected a team or agents, got neither');
  return {
    problem,
    file: {
      ...rest,
      ...(team === undefined ? {} : { team: absolute(team) }),
      ...(protocol === undefined ? {} : { protocol: withAbsolutePath(protocol, absolute) }),
      agents: agents.map((agent) =>
        agent.endpoint === undefined && !isHubReference(agent.model)
          ? { ...agent, ...templateAt(agent, absolute), model: absolute(agent.model) }
          : { ...agent, ...templateAt(agent, absolute) },
      ),
      server: { ...server, ...(server.keys === undefined ? {} : { keys: absolute(server.keys) }) },
    },
  };
}

/** Makes the path of a chat template absolute. */
function templateAt(
  { chat_template: value }: ServeFileAgent,
  absolute: (path: string) => string,
): Pick<ServeFileAgent, 'chat_template'> {
  const isPath = value !== undefined && value !== PLAIN && !isTemplateText(value);
  return isPath ? { chat_template: absolute(value) } : {};
}

function withAbsolutePath<P extends z.output<typeof protocolSchema>>(
  protocol: P,
  absolute: (path: string) => string,
): P {
  return protocol.kind === 'module' ? { ...protocol, path: absolute(protocol.path) } : protocol;
}

interface Problem {
  readonly at: readonly PropertyKey[];
  readonly message: string;
  /** Whether the problem is the key itself, not its value. */
  readonly isKey?: boolean;
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const at = [...issue.path, key];
      const message =
        renamedKeyMessage(at, RENAMED_SERVE_KEYS) ?? unknownKeyMessage(key, keysAt(issue.path, issue.input));
      return { at, message, isKey: true };
    });
  const message = issue.message.startsWith('expected ')
    ? issue.message
    : `expected ${issue.code === 'invalid_type' ? issue.expected : issue.message}, got ${show(issue.input)}`;
  return [{ at: issue.path, message }];
}

function unknownKeyMessage(key: string, keys: readonly string[]): string {
  const near = nearestName(key, keys);
  const help = near === undefined ? `the keys here are ${keys.join(', ')}` : `did you mean "${near}"?`;
  return `unknown key "${key}"; ${help}`;
}

/** Returns the keys that are allowed in a section. @param input - the section as the user wrote it */
function keysAt([section]: readonly PropertyKey[], input: unknown): string[] {
  if (section === 'protocol') {
    const variant = protocolSchema.options.find(({ shape }) => shape.kind.safeParse(kindIn(input)).success);
    return Object.keys(variant?.shape ?? {});
  }
  if (section === 'agents') return Object.keys(agentSchema.shape);
  return Object.keys(section === 'server' ? serverSchema.shape : fileSchema.shape);
}

function kindIn(section: unknown): unknown {
  return typeof section === 'object' && section !== null && 'kind' in section ? section.kind : undefined;
}

function configError(
  problems: readonly Problem[],
  { path, yaml }: { path: string; yaml: YamlFile },
): ConfigError {
  const issues = problems.map(({ at, message, isKey }) => {
    const { line, column } = yaml.position(at, isKey ? 'key' : 'value');
    return { file: path, line, column, path: at.join('.'), message };
  });
  const lines = issues.map(
    ({ line, column, path: at, message }) =>
      `${path}:${line}:${column} ${at === '' || message.startsWith('unknown key') ? '' : `${at}: `}${message}`,
  );
  return new ConfigError(lines.join('\n'), { issues });
}
