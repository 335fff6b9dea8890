/**
 * From what a user names to a team that can be served: a run, a checkpoint, a team file, or a serve file.
 * @module
 */
import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Override } from '../config/overrides.ts';
import {
  isServeFile,
  type ReadServeFile,
  readServeFile,
  type ServeFile,
  type ServeMember,
} from '../config/serve-file.ts';
import type { Model } from '../engine/engine.ts';
import { createEmbeddedMember } from '../serve/member/embedded.ts';
import { EndpointMember } from '../serve/member/endpoint.ts';
import type { Member } from '../serve/member/member.ts';
import { type ServedTeam, TEAM_MODEL, textAnswer } from '../serve/team/served-team.ts';
import { ConfigError } from '../support/errors.ts';
import { MIXTURE_FILE } from '../swap/mixture-folder.ts';
import { shareVocabulary } from '../team/vocabularies.ts';
import {
  answerReader,
  closeTeam,
  compose,
  composeProtocolFor,
  loadServedModel,
  loadTeam,
  type VerifierName,
} from './compose.ts';
import { findTeam, requireSameSize } from './find-team.ts';

export interface ServedTeamOptions {
  readonly overrides: readonly Override[];
  /** Fewest members that must answer; default: see {@link defaultMinMembers}. */
  readonly minMembers?: number;
}

export interface ComposedTeam {
  readonly team: ServedTeam;
  /** Server settings of a serve file. */
  readonly server: ServeFile['server'];
  close(): Promise<void>;
}

/** A trained team, or none, before members are added to it. */
interface Trained {
  readonly name: string;
  readonly members: readonly {
    readonly name: string;
    readonly model: Model;
    readonly instruction?: string;
  }[];
  readonly protocol: { readonly kind: string };
  readonly answerOf: (text: string) => string | undefined;
  readonly isMixed: boolean;
  readonly defaults: ServedTeam['defaults'];
  /** Tells weights apart. */
  readonly marks: readonly string[];
  close(): Promise<void>;
}

const DEFAULTS = { temperature: 1, maxTokens: 512 } as const;

/** @throws ConfigError; StoreError where a checkpoint is damaged */
export async function composeServedTeam(path: string, options: ServedTeamOptions): Promise<ComposedTeam> {
  const isFile = statSync(path, { throwIfNoEntry: false })?.isFile() === true;
  const read = isFile && isServeFile(path) ? readServeFile(path) : undefined;
  const file = read?.file;
  const trained =
    read === undefined
      ? await trainedTeam(path, options.overrides)
      : file?.team === undefined
        ? undefined
        : await trainedTeam(file.team, options.overrides);
  const added = read === undefined ? [] : await addedMembers(read);
  const generator = {
    ...(file?.max_batch === undefined ? {} : { maxBatch: file.max_batch }),
    ...(file?.cache_mb === undefined ? {} : { maxCacheBytes: file.cache_mb * 2 ** 20 }),
  };
  const members: Member[] = [
    ...(trained?.members ?? []).map(({ name, model, instruction }) =>
      createEmbeddedMember(model, { name, generator, ...(instruction === undefined ? {} : { instruction }) }),
    ),
    ...added.map((make) => make(generator)),
  ];
  const { kind, ...rest } = file?.protocol ?? trained?.protocol ?? { kind: 'vote' };
  requireNames(members, read);
  const minMembers = options.minMembers ?? file?.min_members ?? defaultMinMembers(kind, members.length);
  if (minMembers > members.length)
    throw new ConfigError(
      `serve: expected min_members of at most ${members.length}, the members there are, got ${minMembers}`,
    );
  const team: ServedTeam = {
    name: file?.name ?? trained?.name ?? 'team',
    members,
    protocol: composeProtocolFor(kind, rest, members.length),
    minMembers,
    memberTimeoutMs: (file?.member_timeout_s ?? 60) * 1000,
    answerOf: await answersOf(file, trained),
    isMixed:
      trained !== undefined && added.length === 0
        ? trained.isMixed
        : !areOneModel(file?.members ?? [], trained),
    defaults: {
      temperature: file?.temperature ?? trained?.defaults.temperature ?? DEFAULTS.temperature,
      maxTokens: file?.max_tokens ?? trained?.defaults.maxTokens ?? DEFAULTS.maxTokens,
    },
    fingerprint: fingerprint([
      kind,
      JSON.stringify(rest),
      ...(trained?.marks ?? []),
      ...members.map(({ name }) => name),
    ]),
  };
  return {
    team,
    server: file?.server ?? {},
    close: async () => {
      for (const member of members) await member.close();
      await trained?.close();
    },
  };
}

/** Whether all members are one model behind endpoints, and so write in the same tokens. */
function areOneModel(members: readonly ServeMember[], trained: Trained | undefined): boolean {
  return trained === undefined && new Set(members.map(({ model }) => model)).size === 1;
}

/** A majority answers for a vote; parts fit together only if all are there. */
export function defaultMinMembers(protocol: string, members: number): number {
  return protocol === 'parts' ? members : Math.floor(members / 2) + 1;
}

async function trainedTeam(path: string, overrides: readonly Override[]): Promise<Trained> {
  const { resolved, stored } = await findTeam(path, overrides);
  if (stored) requireSameSize(resolved, stored);
  const composition = await compose(resolved);
  const { config, task } = composition;
  const team = await loadTeam(composition, stored ? { folders: stored.agents } : {});
  const folders = stored?.agents ?? config.agents.map(({ model }) => model);
  return {
    name: config.name,
    members: team.agents,
    protocol: config.protocol,
    answerOf: task.answerOf === undefined ? textAnswer : (text) => task.answerOf?.(text),
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

type MakeMember = (generator: { readonly maxBatch?: number; readonly maxCacheBytes?: number }) => Member;

/** Members of a serve file, loaded and ready to be made. */
async function addedMembers({ file, problem }: ReadServeFile): Promise<MakeMember[]> {
  const made: MakeMember[] = [];
  for (const [at, member] of file.members.entries()) {
    const name = member.name ?? `member_${at}`;
    const instruction = member.instruction === undefined ? {} : { instruction: member.instruction };
    if (member.endpoint !== undefined) {
      const key = keyOf(member, (message) => problem(['members', at, 'key_env'], message));
      made.push(() => endpointMember(member, { name, key }));
      continue;
    }
    const model = await loadServedModel(member.model, file.threads).catch((error: unknown) => {
      throw error instanceof ConfigError ? problem(['members', at, 'model'], error.message) : error;
    });
    made.push((generator) => createEmbeddedMember(model, { name, generator, ...instruction }));
  }
  return made;
}

function endpointMember(
  member: ServeMember,
  { name, key }: { name: string; key: string | undefined },
): Member {
  return new EndpointMember({
    name,
    endpoint: member.endpoint as string, // the caller looked
    model: member.model,
    ...(member.instruction === undefined ? {} : { instruction: member.instruction }),
    ...(key === undefined ? {} : { key }),
    ...(member.extra_body === undefined ? {} : { extraBody: member.extra_body }),
    stallMs: (member.stall_s ?? 20) * 1000,
    retries: member.retries ?? 2,
    logprobs: member.logprobs ?? true,
  });
}

/** Keys are in the environment, never in files. */
function keyOf(
  { key_env: variable }: ServeMember,
  problem: (message: string) => ConfigError,
): string | undefined {
  if (variable === undefined) return undefined;
  const key = process.env[variable];
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
      'serve: expected a team with answers: task, got members alone; name a team, or another kind of answers',
    );
  return trained.answerOf;
}

function requireNames(members: readonly Member[], read: ReadServeFile | undefined): void {
  const seen = new Set<string>([TEAM_MODEL]);
  for (const { name } of members) {
    if (seen.has(name)) {
      const message = `expected a name of its own for every member, got "${name}" ${name === TEAM_MODEL ? '(the whole team)' : 'twice'}`;
      throw read?.problem(['members'], message) ?? new ConfigError(`serve: ${message}`);
    }
    seen.add(name);
  }
}

/** What tells the weights in a folder from others without reading them; a mixture's are further down. */
function markOf(folder: string): string {
  const [stat] = ['model.safetensors', MIXTURE_FILE].flatMap(
    (file) => statSync(join(folder, file), { throwIfNoEntry: false }) ?? [],
  );
  return `${folder}:${stat?.size ?? 0}:${stat?.mtimeMs ?? 0}`;
}

function fingerprint(parts: readonly string[]): string {
  return `fp_${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)}`;
}
