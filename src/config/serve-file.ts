/**
 * The serve file: a team that is served, with members beside those that were trained, and the server.
 * @module
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigError } from '../support/errors.ts';
import { isHubReference } from '../support/model-reference.ts';
import { nearestName } from '../support/nearest.ts';
import { choice, flag, integer, number, show, text } from './fields.ts';
import { parseYamlFile, type YamlFile } from './yaml-file.ts';

const memberSchema = z
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
    key_env: text('the name of an environment variable').optional(),
    stall_s: number({ above: 0 }).optional(),
    retries: integer({ min: 0, max: 20 }).optional(),
    logprobs: flag().optional(),
    extra_body: z.record(z.string(), z.unknown()).optional(),
  })
  .superRefine((member, context) => {
    if (member.endpoint !== undefined) return;
    for (const key of ['key_env', 'stall_s', 'retries', 'logprobs', 'extra_body'] as const)
      if (member[key] !== undefined)
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

const fileSchema = z
  .strictObject({
    name: text().optional(),
    team: text('a run, a checkpoint or a team file').optional(),
    members: z.array(memberSchema).default([]),
    protocol: z.looseObject({ kind: text('the name of a protocol') }).optional(),
    answers: choice(['task', 'text', 'numeric', 'math']).optional(),
    min_members: integer({ min: 1 }).optional(),
    member_timeout_s: number({ above: 0 }).default(60),
    temperature: number({ min: 0, max: 2 }).optional(),
    max_tokens: integer({ min: 1 }).optional(),
    threads: integer({ min: 1 }).optional(),
    max_batch: integer({ min: 1 }).optional(),
    cache_mb: integer({ min: 1 }).optional(),
    server: serverSchema.prefault({}),
  })
  .superRefine(({ team, members }, context) => {
    if (team === undefined && members.length === 0)
      context.addIssue({ code: 'custom', path: [], message: 'expected a team or members, got neither' });
  });

export type ServeFile = z.output<typeof fileSchema>;
export type ServeMember = ServeFile['members'][number];

/** Whether a YAML file is a serve file rather than a team file, which names agents. */
export function isServeFile(path: string): boolean {
  const { value } = parseYamlFile(readFileSync(path, 'utf8'), path);
  return (
    typeof value === 'object' &&
    value !== null &&
    !('agents' in value) &&
    ('members' in value || 'team' in value)
  );
}

export interface ReadServeFile {
  readonly file: ServeFile;
  /** A problem found later, at its place. */
  problem(path: readonly PropertyKey[], message: string): ConfigError;
}

/**
 * Reads a serve file; folders and files in it are relative to it.
 *
 * @throws ConfigError with one line per problem, each with file:line:column
 */
export function readServeFile(path: string): ReadServeFile {
  const yaml = parseYamlFile(readFileSync(path, 'utf8'), path);
  const parsed = fileSchema.safeParse(yaml.value ?? {}, { reportInput: true });
  if (!parsed.success) throw located(parsed.error.issues.flatMap(explained), { path, yaml });
  const anchor = dirname(resolve(path));
  const { team, members, server, ...rest } = parsed.data;
  return {
    problem: (at, message) => located([{ at, message }], { path, yaml }),
    file: {
      ...rest,
      ...(team === undefined ? {} : { team: resolve(anchor, team) }),
      members: members.map((member) =>
        member.endpoint === undefined && !isHubReference(member.model)
          ? { ...member, model: resolve(anchor, member.model) }
          : member,
      ),
      server: { ...server, ...(server.keys === undefined ? {} : { keys: resolve(anchor, server.keys) }) },
    },
  };
}

interface Problem {
  readonly at: readonly PropertyKey[];
  readonly message: string;
  readonly isKey?: boolean;
}

function explained(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const keys = keysAt(issue.path);
    return issue.keys.map((key) => {
      const near = nearestName(key, keys);
      const help = near === undefined ? `the keys here are ${keys.join(', ')}` : `did you mean "${near}"?`;
      return { at: [...issue.path, key], message: `unknown key "${key}"; ${help}`, isKey: true };
    });
  }
  const isOurs = issue.message.startsWith('expected ');
  return [
    {
      at: issue.path,
      message: isOurs
        ? issue.message
        : `expected ${issue.code === 'invalid_type' ? issue.expected : issue.message}, got ${show(issue.input)}`,
    },
  ];
}

function keysAt([section]: readonly PropertyKey[]): string[] {
  if (section === 'members') return Object.keys(memberSchema.shape);
  return Object.keys(section === 'server' ? serverSchema.shape : fileSchema.shape);
}

function located(
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
