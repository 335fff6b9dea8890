/**
 * Exports a trained team: one folder per agent, model cards for each agent and for the team, and a team file. All files
 * are written to a temporary folder, which is renamed to the target folder at the end.
 * @module
 */
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type ResolvedConfig, resolveRunConfig, withModels } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { modelCard } from '../report/model-card.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, type StoredTeam } from '../store/read-run.ts';
import { removeQuietly, syncFolder, writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';
import { readTemplates } from './compose/chat-templates.ts';
import { cardAgent, cardFacts } from './export-card.ts';
import { exportOneAgent } from './export-one.ts';
import type { AgentExport, ExportDtype, ExportedAgent } from './exported-agent.ts';
import { warnIfNotNewest } from './find-team.ts';
import type { LoadEvent, UseCaseOptions } from './use-case.ts';

export type { ExportDtype, ExportedAgent } from './exported-agent.ts';

export interface ExportRequest extends UseCaseOptions<LoadEvent> {
  /** Run folder (the team to deploy is used), or checkpoint folder in a run. */
  readonly team: string;
  /** Folder to create. */
  readonly out: string;
  /** Default: safetensors, a folder of Hugging Face per agent. */
  readonly format?: 'safetensors' | 'gguf' | undefined;
  /**
   * Type of the weights of complete models. Default: float32, which keeps the trained policy; for GGUF float16. Adapters
   * stay float32.
   */
  readonly dtype?: ExportDtype | undefined;
  /** Maximum size of a safetensors file, bytes. Default: 5e9. */
  readonly maxShardBytes?: number | undefined;
  /** Whether to merge low-rank adapters into their base model, so that each folder is a complete model. */
  readonly merge?: boolean | undefined;
  /**
   * Whether to measure the effect of rounding on messages of the run. Default: true. Only complete models whose weights
   * are rounded or merged are measured.
   */
  readonly measure?: boolean | undefined;
}

const DEFAULT_SHARD_BYTES = 5e9;

/**
 * @throws ConfigError if the team does not exist, the target folder already exists, or an agent cannot be written in
 *   the requested format
 * @throws StoreError if the folder cannot be written; a partial export is removed
 */
export async function exportTeam(request: ExportRequest): Promise<ExportedAgent[]> {
  const { out, team, format = 'safetensors', maxShardBytes = DEFAULT_SHARD_BYTES } = request;
  const { dtype = format === 'gguf' ? 'float16' : 'float32', merge = false, measure = true } = request;
  const { signal, onEvent, env } = request;
  if (dtype === 'q8_0' && format !== 'gguf')
    throw new ConfigError(
      '--dtype: expected float32, bfloat16 or float16 for safetensors, got q8_0; add --format gguf',
    );
  refuseExisting(out);
  const stored = await findStoredTeam(team);
  if (stored === undefined)
    throw new ConfigError(`${team}: expected a run folder or a checkpoint inside one, got neither`);
  const config = join(stored.run, CONFIG_FILE);
  if (!existsSync(config))
    throw new ConfigError(`${team}: expected a checkpoint inside its run, got one without ${config}`);
  const resolved = readTemplates(resolveRunConfig(config));
  warnIfNotNewest(stored, request);
  const temporary = `${resolve(out)}.tmp-${process.pid}`;
  try {
    const made = await writeTeam(temporary, {
      ...{ stored, resolved, out, format, dtype, maxShardBytes, merge, measure },
      download: { signal, onEvent, env },
      bases: new Map(),
    });
    refuseExisting(out);
    renameSync(temporary, out);
    syncFolder(dirname(resolve(out)));
    return made.map((agent) => ({ ...agent, dir: join(out, agent.dir) }));
  } catch (error) {
    if (error instanceof TroupeError) throw error;
    throw writeError(out, error, 'nothing is left');
  } finally {
    removeQuietly(temporary);
  }
}

function refuseExisting(out: string): void {
  if (existsSync(out))
    throw new ConfigError(
      `${out}: expected a folder that is not there yet, got one that is; choose another name`,
    );
}

/** Settings of an export that all agents share. */
type Exporting = Omit<AgentExport, 'id' | 'from' | 'name'> & {
  readonly stored: StoredTeam;
  readonly resolved: ResolvedConfig;
};

async function writeTeam(to: string, exporting: Exporting): Promise<ExportedAgent[]> {
  const { stored, resolved, format, download } = exporting;
  const { config } = resolved;
  const names = folderNames(config);
  mkdirSync(to, { recursive: true });
  const made: ExportedAgent[] = [];
  const rows = [];
  for (const [id, from] of stored.agents.entries()) {
    const name = names[id] ?? `agent_${id}`;
    const { facts, ...agent } = await exportOneAgent(to, { ...exporting, id, from, name });
    rows.push(await cardAgent(config, id, { ...facts, format, download }));
    made.push({ dir: name, ...agent });
  }
  const card = cardFacts(stored, config, rows);
  for (const [id, { dir }] of made.entries())
    writeFileAtomic(join(to, dir, 'README.md'), modelCard(card, rows[id]));
  writeFileAtomic(join(to, 'README.md'), modelCard(card));
  // a team file cannot name an adapter in a GGUF file
  if (format === 'gguf' && made.some(({ isAdapter }) => isAdapter)) return made;
  let next = 0;
  const { base: _, ...joined } = resolved.config;
  const models = made.map(({ dir, files }) => (format === 'gguf' ? `./${dir}/${files[0]}` : `./${dir}`));
  const team = withModels({ ...resolved, config: joined as Config }, () => models[next++] as string);
  writeFileAtomic(join(to, 'team.yaml'), team.resolvedYaml);
  return made;
}

/**
 * Derives folder names from agent names. A duplicate name, or one that is not a valid folder name, gets the
 * agent's id.
 */
function folderNames({ agents }: Config): string[] {
  const names = agents.map(({ name }, id) => (/^[\w][\w .-]*$/.test(name) ? name : `agent_${id}`));
  return names.map((name, id) =>
    names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === id
      ? name
      : `agent_${id}_${name}`,
  );
}
