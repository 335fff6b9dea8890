/**
 * Exports a trained team: one Hugging Face folder per agent, model cards for each agent and for the team, and
 * a team file. All files are written to a temporary folder, which is renamed to the target folder at the end.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type ResolvedConfig, resolveRunConfig, withModels } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { type ExportAgentOptions, exportAgent, isAdapterFolder } from '../export/export-agent.ts';
import { ggufLicense } from '../gguf/model-files.ts';
import { isGgufModel } from '../gguf/model-path.ts';
import { type CardFacts, licenseOf, modelCard } from '../report/model-card.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import { finishedStages, sampledTokens, testCounts, updatesOf, updateTotals } from '../run-view/selectors.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, readEvents, type StoredTeam } from '../store/read-run.ts';
import { removeQuietly, syncFolder, writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';
import { isHubReference } from '../support/model-reference.ts';
import { isMixtureFolder } from '../swap/mixture-folder.ts';
import { chatSettings } from './compose/agent-text.ts';
import { readTemplates } from './compose/chat-templates.ts';
import { wholeModelFolder } from './compose/model-size.ts';
import { cachedModelFolder, type DownloadOptions, modelFolder } from './hub-models.ts';
import { packageVersion } from './package-version.ts';
import type { LoadEvent, UseCaseOptions } from './use-case.ts';

export interface ExportRequest
  extends Partial<Omit<ExportAgentOptions, 'mergeInto' | 'chatFiles'>>,
    UseCaseOptions<LoadEvent> {
  /** Run folder (the team to deploy is used), or checkpoint folder in a run. */
  readonly team: string;
  /** Folder to create. */
  readonly out: string;
  /** Whether to merge low-rank adapters into their base model, so that each folder is a complete model. */
  readonly merge?: boolean | undefined;
}

/** Folder of one exported agent, with the names of its weight files. */
export interface ExportedAgent {
  readonly dir: string;
  readonly files: readonly string[];
}

const DEFAULT_SHARD_BYTES = 5e9;

/**
 * @throws ConfigError if the team does not exist, or the target folder already exists
 * @throws StoreError if the folder cannot be written; a partial export is removed
 */
export async function exportTeam(request: ExportRequest): Promise<ExportedAgent[]> {
  const { out, team, dtype = 'F32', maxShardBytes = DEFAULT_SHARD_BYTES } = request;
  const { merge = false, signal, onEvent, env } = request;
  refuseExisting(out);
  const stored = await findStoredTeam(team);
  if (stored === undefined)
    throw new ConfigError(`${team}: expected a run folder or a checkpoint inside one, got neither`);
  const config = join(stored.run, CONFIG_FILE);
  if (!existsSync(config))
    throw new ConfigError(`${team}: expected a checkpoint inside its run, got one without ${config}`);
  const resolved = readTemplates(resolveRunConfig(config));
  const temporary = `${resolve(out)}.tmp-${process.pid}`;
  try {
    const made = await writeTeam(temporary, {
      ...{ stored, resolved, merge, weights: { dtype, maxShardBytes } },
      download: { signal, onEvent, env },
    });
    refuseExisting(out);
    renameSync(temporary, out);
    syncFolder(dirname(resolve(out)));
    return made.map(({ dir, files }) => ({ dir: join(out, dir), files }));
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

interface Exporting {
  readonly stored: StoredTeam;
  readonly resolved: ResolvedConfig;
  readonly merge: boolean;
  readonly weights: ExportAgentOptions;
  readonly download: DownloadOptions;
}

async function writeTeam(to: string, exporting: Exporting): Promise<ExportedAgent[]> {
  const { stored, resolved, merge, weights, download } = exporting;
  const { config } = resolved;
  const names = folderNames(config);
  const card = await cardOf(exporting);
  mkdirSync(to, { recursive: true });
  const made: ExportedAgent[] = [];
  for (const [id, from] of stored.agents.entries()) {
    const name = names[id] ?? `agent_${id}`;
    if (isMixtureFolder(from))
      throw new ConfigError(
        `${from}: expected a model, got a mixture of two; hand over to the replacement or distil it, then export`,
      );
    const mergeInto =
      merge && isAdapterFolder(from)
        ? { mergeInto: wholeModelFolder(await modelFolder(config.agents[id]?.model ?? '', download)) }
        : {};
    const chatFiles = await replacedChatFiles(config, id, from);
    const files = exportAgent(from, join(to, name), { ...weights, ...mergeInto, chatFiles });
    writeFileAtomic(join(to, name, 'README.md'), modelCard(card, card.agents[id]));
    made.push({ dir: name, files });
  }
  writeFileAtomic(join(to, 'README.md'), modelCard(card));
  let next = 0;
  const { base: _, ...joined } = resolved.config;
  const team = withModels({ ...resolved, config: joined as Config }, () => `./${names[next++]}`);
  writeFileAtomic(join(to, 'team.yaml'), team.resolvedYaml);
  return made;
}

/** Returns the files of an agent's chat template if the setting `chat_template` replaces that of its model. */
async function replacedChatFiles(
  config: Config,
  agent: number,
  folder: string,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { chatTemplate } = chatSettings(config, agent);
  if (chatTemplate === undefined) return new Map();
  const { readChatFiles } = await import('../engine/text/checkpoint-text.ts');
  return readChatFiles({ dir: wholeModelFolder(folder), chatTemplate });
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

async function cardOf({ resolved, stored, merge, weights, download }: Exporting): Promise<CardFacts> {
  const { config } = resolved;
  const { run, checkpoint } = stored;
  const view = foldEvents(readEvents(run));
  const { updates, byStatus } = updateTotals(updatesOf(view));
  const agents: CardFacts['agents'][number][] = [];
  for (const { name, model } of config.agents) {
    const license = await baseLicense(model, download);
    // the model card shows only the name of a local folder, because its path has no meaning on other machines
    const base = isHubReference(model) ? model : basename(model);
    agents.push({ name, base, ...(license === undefined ? {} : { license }) });
  }
  const { task, protocol, algorithm, seed, train, trust_region, gate, engine } = config;
  return {
    title: config.name,
    checkpoint,
    agents,
    facts: [
      ['task', task.name],
      ['protocol', protocol.kind],
      ['algorithm', algorithm],
      ['checkpoint', checkpoint],
      [
        'stages',
        `${finishedStages(view).length}, ${train.prompts_per_step} prompts x ${train.num_generations} episodes per step`,
      ],
      ['updates', `${byStatus.ACCEPT} of ${updates} accepted`],
      [
        'radius',
        `quantile ${trust_region.quantile} of KL(new || old) per token state at most ${trust_region.target_kl} nats`,
      ],
      ...(engine.lora_rank === 0
        ? []
        : [
            [
              'adapters',
              `${engine.lora_rslora ? 'rank-stabilised ' : ''}LoRA, r ${engine.lora_rank}, alpha ${engine.lora_alpha}, ${engine.lora_target_modules}${merge ? '; merged into the base' : ''}`,
            ] as const,
          ]),
      ['promotions', `${testCounts(view).promote} (gate ${gate.kind}, alpha ${gate.alpha})`],
      ['tokens sampled', String(sampledTokens(view))],
      ['seed', String(seed)],
      ['weights', weights.dtype === 'BF16' ? 'bfloat16, rounded from float32' : 'float32'],
      ['troupe', packageVersion()],
    ],
    evaluations: view.evaluations,
    comparisons: view.comparisons,
  };
}

/** License from the model card of a base model; undefined if its folder has no model card or no license. */
async function baseLicense(model: string, download: DownloadOptions): Promise<string | undefined> {
  const dir = isHubReference(model) ? await cachedModelFolder(model, download) : model;
  const card = join(dir ?? '', 'README.md');
  if (dir !== undefined && isGgufModel(dir)) return ggufLicense(dir);
  return dir !== undefined && existsSync(card) ? licenseOf(readFileSync(card, 'utf8')) : undefined;
}
