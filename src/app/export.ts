/**
 * What `troupe export` does: every agent of a stored team into a folder of its own, a card, a team file that
 * joins them; under a temporary name until all is written.
 * @module
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type ResolvedConfig, resolveConfig, withModels } from '../config/resolve.ts';
import type { Config } from '../config/schema.ts';
import { type ExportAgentOptions, exportAgent, isAdapterFolder } from '../export/export-agent.ts';
import { cachedModel } from '../hub/snapshot.ts';
import { type CardFacts, licenseOf, modelCard } from '../report/model-card.ts';
import { foldEvents } from '../run-view/event-rows.ts';
import { finishedStages, sampledTokens, testCounts, updatesOf, updateTotals } from '../run-view/selectors.ts';
import { CONFIG_FILE } from '../store/layout.ts';
import { findStoredTeam, readEvents, type StoredTeam } from '../store/read-run.ts';
import { removeQuietly, syncFolder, writeError, writeFileAtomic } from '../support/atomic-file.ts';
import { ConfigError, TroupeError } from '../support/errors.ts';
import { isHubReference } from '../support/model-reference.ts';
import { isMixtureFolder } from '../swap/mixture-folder.ts';
import { wholeModelFolder } from './compose.ts';
import { modelFolder } from './hub-models.ts';
import { packageVersion } from './package-version.ts';

export interface ExportRequest extends Omit<ExportAgentOptions, 'mergeInto'> {
  /** A run, or a checkpoint inside one. */
  readonly team: string;
  readonly out: string;
  readonly merge: boolean;
}

/** A folder that was made, and its files of weights. */
export interface ExportedAgent {
  readonly dir: string;
  readonly files: readonly string[];
}

/**
 * @throws ConfigError if the team is not there, or the folder is
 * @throws StoreError if it cannot be written; nothing is left
 */
export async function exportTeam(request: ExportRequest): Promise<ExportedAgent[]> {
  const { out, team } = request;
  refuseExisting(out);
  const stored = await findStoredTeam(team);
  if (stored === undefined)
    throw new ConfigError(`${team}: expected a run folder or a checkpoint inside one, got neither`);
  const config = join(stored.run, CONFIG_FILE);
  if (!existsSync(config))
    throw new ConfigError(`${team}: expected a checkpoint inside its run, got one without ${config}`);
  const resolved = resolveConfig(config);
  const temporary = `${resolve(out)}.tmp-${process.pid}`;
  try {
    const made = await writeTeam(temporary, { request, stored, resolved });
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
  readonly request: ExportRequest;
  readonly stored: StoredTeam;
  readonly resolved: ResolvedConfig;
}

async function writeTeam(to: string, { request, stored, resolved }: Exporting): Promise<ExportedAgent[]> {
  const { config } = resolved;
  const names = folderNames(config);
  const card = cardOf(config, stored, request);
  mkdirSync(to, { recursive: true });
  const made: ExportedAgent[] = [];
  for (const [id, from] of stored.agents.entries()) {
    const name = names[id] ?? `agent_${id}`;
    if (isMixtureFolder(from))
      throw new ConfigError(
        `${from}: expected a model, got a mixture of two; hand over to the replacement or distil it, then export`,
      );
    const merge = request.merge && isAdapterFolder(from);
    const mergeInto = merge
      ? { mergeInto: wholeModelFolder(await modelFolder(config.agents[id]?.model ?? '')) }
      : {};
    const files = exportAgent(from, join(to, name), { ...request, ...mergeInto });
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

/** Names of agents as names of folders; those that would meet or leave the folder get their number. */
function folderNames({ agents }: Config): string[] {
  const names = agents.map(({ name }, id) => (/^[\w][\w .-]*$/.test(name) ? name : `agent_${id}`));
  return names.map((name, id) =>
    names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === id
      ? name
      : `agent_${id}_${name}`,
  );
}

function cardOf(config: Config, { run, checkpoint }: StoredTeam, { dtype, merge }: ExportRequest): CardFacts {
  const view = foldEvents(readEvents(run));
  const { updates, byStatus } = updateTotals(updatesOf(view));
  const { task, protocol, algorithm, seed, train, trust_region, gate, engine } = config;
  return {
    title: config.name,
    checkpoint,
    agents: config.agents.map(({ name, model }) => {
      const license = statedLicense(model);
      // a folder of somebody's disk says nothing to a reader; its name may
      const base = isHubReference(model) ? model : basename(model);
      return { name, base, ...(license === undefined ? {} : { license }) };
    }),
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
      ['weights', dtype === 'BF16' ? 'bfloat16, rounded from float32' : 'float32'],
      ['troupe', packageVersion()],
    ],
    evaluations: view.evaluations,
    comparisons: view.comparisons,
  };
}

/** What the base model's own card says, if it lies in its folder. */
function statedLicense(model: string): string | undefined {
  const dir = isHubReference(model) ? cachedModel(model) : model;
  const card = join(dir ?? '', 'README.md');
  return dir !== undefined && existsSync(card) ? licenseOf(readFileSync(card, 'utf8')) : undefined;
}
