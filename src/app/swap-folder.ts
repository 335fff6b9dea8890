/**
 * Creates the run folder of a swapped team: copies of its models, the settings, and the numbers of prompts
 * that the old run used, so that `train --resume`, `eval` and `serve` accept the folder like any run. The
 * folder is written under a temporary name and renamed at the end.
 * @module
 */
import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { withAgentFolders } from '../config/resolve.ts';
import { sha256File } from '../store/checkpoint-folder.ts';
import type { StoredTeam } from '../store/read-run.ts';
import { createRun } from '../store/run-folder.ts';
import { syncFolder } from '../support/atomic-file.ts';
import { StoreError } from '../support/errors.ts';
import { processIdentity } from '../support/process-identity.ts';
import type { AgentHash } from '../swap/swap-record.ts';
import type { Team } from '../team/team.ts';
import type { RunContext } from '../train/context.ts';
import { initializeRun } from '../train/run.ts';
import { type Composition, closeTeam, loadTeam } from './compose.ts';
import { packageVersion } from './package-version.ts';
import { copyModel, type SourceFolders, type WriteModel } from './swap-candidate.ts';

/** Name of the folder with the initial models, inside the run folder. */
const TEAM_FOLDER = 'team';
const PARTIAL = '.swap-';

export interface SwappedRun {
  /** Folder to create. */
  readonly out: string;
  /** Id of the swapped agent. */
  readonly agent: number;
  readonly sources: SourceFolders;
  /** Writes the model folder of the swapped agent. */
  readonly write: WriteModel;
  /** Training options and initial state of the new run. */
  readonly context: RunContext;
}

/**
 * @returns the hashes of the other agents' files; they are equal to those of the old team
 * @throws StoreError; `out` is then not created
 */
export async function createSwappedRun(
  composition: Composition,
  stored: StoredTeam,
  { out, agent, sources, write, context }: SwappedRun,
): Promise<readonly AgentHash[]> {
  const partial = join(dirname(out), `${PARTIAL}${process.pid}-${basename(out)}`);
  removeStalePartials(out);
  try {
    const folders = stored.agents.map((_, id) => join(TEAM_FOLDER, `agent_${id}`));
    const config = withAgentFolders(
      composition.resolved,
      folders.map((folder) => join(out, folder)),
    );
    const store = await createRun(partial, {
      config: config.resolvedYaml,
      keepLast: config.config.train.save_total_limit,
      manifest: { troupe: packageVersion(), node: process.version },
    });
    let team: Team | undefined;
    let hashes: readonly AgentHash[];
    try {
      for (const [id, folder] of stored.agents.entries()) {
        const to = join(partial, folders[id] as string);
        if (id === agent) await write(to, sources);
        else copyModel(folder, to);
      }
      hashes = await verifiedHashes(
        stored.agents,
        folders.map((folder) => join(partial, folder)),
        agent,
      );
      team = await loadTeam(composition, { folders: folders.map((folder) => join(partial, folder)) });
      await initializeRun({ team, task: context.task, options: context.options, store }, context.state);
    } finally {
      await closeTeam(team);
      await store.close();
    }
    renameSync(partial, out);
    syncFolder(dirname(out));
    return hashes;
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Removes temporary folders that interrupted swaps to the same target left behind. */
function removeStalePartials(out: string): void {
  const parent = dirname(out);
  if (!existsSync(parent)) return;
  for (const name of readdirSync(parent)) {
    const pid = Number(/^\.swap-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    const isOurs = name.endsWith(`-${basename(out)}`) && pid !== process.pid;
    if (isOurs && processIdentity(pid) === undefined)
      rmSync(join(parent, name), { recursive: true, force: true });
  }
}

/**
 * Computes the hashes of the unchanged agents' files. @throws StoreError if a copy differs from its original
 */
async function verifiedHashes(
  from: readonly string[],
  to: readonly string[],
  swapped: number,
): Promise<readonly AgentHash[]> {
  const hashes: AgentHash[] = [];
  for (const [agent, folder] of from.entries()) {
    if (agent === swapped) continue;
    const files: Record<string, string> = {};
    for (const name of filesOf(folder)) {
      const [before, after] = [
        await sha256File(join(folder, name)),
        await sha256File(join(to[agent] as string, name)),
      ];
      if (before !== after)
        throw new StoreError(
          `${join(folder, name)}: expected a byte-identical copy, got one of other bytes; the disk may be failing`,
        );
      files[name] = after;
    }
    hashes.push({ agent, files });
  }
  return hashes;
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .sort();
}
