/**
 * Creates the candidate of a swap: the model that takes the place of an agent's current model, i.e. a mixture
 * of the current and the new model or a changed new model, depending on the mode of the swap.
 * @module
 */
import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Model } from '../engine/engine.ts';
import { exportAgent } from '../export/export-agent.ts';
import { isGgufModel } from '../gguf/model-path.ts';
import { MessageMixtureModel } from '../swap/message-model.ts';
import { requireMixable } from '../swap/mixable.ts';
import { componentFolders, writeMessageMixtureFile, writeMixtureFile } from '../swap/mixture-folder.ts';
import { MixtureModel } from '../swap/mixture-model.ts';
import type { Team } from '../team/team.ts';

export const SWAP_MODES = ['mixture', 'handover', 'message', 'distil', 'raw'] as const;

/**
 * How the replacement model is introduced.
 *
 * - `mixture`: a mixture of the old model and the replacement, within KL `delta0` of the old model at every
 * token
 * - `handover`: the same mixture; later training shifts it until only the replacement is left
 * - `message`: a mixture of whole messages, for models with different vocabularies
 * - `distil`: the replacement, after it was trained to imitate the mixture
 * - `raw`: the replacement unchanged
 */
export type SwapMode = (typeof SWAP_MODES)[number];

export interface SwapSettings {
  readonly mode: SwapMode;
  /**
   * Upper bound on the KL divergence of the mixture from the old model: nats per token; in mode `message`,
   * nats per message.
   */
  readonly delta0: number;
  /** Number of messages that mode `message` draws per answer, from which one is resampled; even. */
  readonly candidates: number;
  /** Number of optimizer steps in mode `distil`. */
  readonly distilSteps: number;
}

/** Folders of the old model (incumbent) and of the replacement. */
export interface SourceFolders {
  readonly incumbent: string;
  readonly replacement: string;
}

/** Writes the model folder of the swapped agent. */
export type WriteModel = (dir: string, sources: SourceFolders) => Promise<void>;

export interface Candidate {
  /** Label in tables, e.g. `stage-0` or `distilled`. */
  readonly label: string;
  readonly model: Model;
  /** Returns the exact guarantees and the estimates about the candidate, one line each. */
  readonly notes: () => readonly string[];
  readonly write: WriteModel;
}

export interface CandidateParts {
  readonly settings: SwapSettings;
  /** Id of the agent whose model is replaced. */
  readonly agent: number;
  readonly team: Team;
  readonly replacement: Model;
  /** Maximum number of messages that a mixture decodes concurrently. */
  readonly slots: number;
}

/**
 * @returns the candidate; undefined in mode `raw`, in which the replacement is used unchanged
 * @throws ConfigError if the two models cannot be combined in this mode
 */
export function createCandidate(parts: CandidateParts): Candidate | undefined {
  const { settings, agent, team, replacement, slots } = parts;
  const incumbent = team.agents[agent]?.model as Model;
  const { delta0, candidates } = settings;
  switch (settings.mode) {
    case 'raw':
      return undefined;
    case 'mixture':
    case 'handover': {
      requireMixable({ incumbent, replacement }, `agent ${agent}`);
      return {
        label: 'stage-0',
        model: new MixtureModel({ incumbent, replacement, steps: [delta0], slots }),
        notes: () => [`exact: at every token KL(mixture || old model) is at most ${delta0} nats`],
        async write(dir, sources) {
          copyComponents(dir, sources);
          writeMixtureFile(dir, [delta0]);
        },
      };
    }
    case 'message': {
      const model = new MessageMixtureModel({ incumbent, replacement, delta0, candidates });
      return {
        label: 'stage-0 (messages)',
        model,
        notes: () => messageNotes(model, delta0, candidates),
        async write(dir, sources) {
          copyComponents(dir, sources);
          writeMessageMixtureFile(dir, { delta0, candidates });
        },
      };
    }
    case 'distil':
      return {
        label: 'distilled',
        model: replacement,
        notes: () => [],
        write: (dir) => replacement.save(dir),
      };
    default:
      return settings.mode satisfies never;
  }
}

function messageNotes(model: MessageMixtureModel, delta0: number, candidates: number): string[] {
  const report = model.report();
  const measured =
    report === undefined
      ? []
      : [
          `estimated: over ${report.messages} messages the mixture's weight is ${report.meanWeight.toFixed(3)}, its KL from the old model ${report.meanKlEstimate.toFixed(4)} nats per message (radius ${delta0}), its candidates worth ${report.meanEss.toFixed(1)} of ${candidates}`,
        ];
  return ['nothing is exact: messages are resampled among candidates, and scored as text', ...measured];
}

/** Copies all files of both models byte for byte into the folder of a mixture. */
function copyComponents(dir: string, { incumbent, replacement }: SourceFolders): void {
  const folders = componentFolders(dir);
  copyModel(incumbent, folders.incumbent);
  copyModel(replacement, folders.replacement);
}

/**
 * Copies the files of a model folder, including the two models of a mixture. Symbolic links are replaced by
 * their targets. A GGUF file becomes a folder with the same weights in float32.
 */
export function copyModel(from: string, to: string): void {
  if (isGgufModel(from)) {
    exportAgent(from, to, { dtype: 'F32', maxShardBytes: Number.MAX_SAFE_INTEGER });
    return;
  }
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    const isPart = statSync(source).isFile() || name === 'incumbent' || name === 'replacement';
    if (isPart) cpSync(source, join(to, name), { recursive: true, dereference: true });
  }
}
