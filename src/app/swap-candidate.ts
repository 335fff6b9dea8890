/**
 * The candidate model of a swap, by mode, and how its folder is written.
 * @module
 */
import { cpSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Model } from '../engine/engine.ts';
import { MessageMixtureModel } from '../swap/message-model.ts';
import { requireMixable } from '../swap/mixable.ts';
import { componentFolders, writeMessageMixtureFile, writeMixtureFile } from '../swap/mixture-folder.ts';
import { MixtureModel } from '../swap/mixture-model.ts';
import type { Team } from '../team/team.ts';

export const SWAP_MODES = ['mixture', 'handover', 'message', 'distil', 'raw'] as const;

/**
 * `mixture`: at every token within `delta0` of the old model; `handover`: the same, then training until the
 * replacement stands alone; `message`: a mixture of whole messages, for different vocabularies; `distil`: the
 * replacement learns from the mixture first; `raw`: the replacement unchanged.
 */
export type SwapMode = (typeof SWAP_MODES)[number];

export interface SwapSettings {
  readonly mode: SwapMode;
  /** Radius: nats per token; in mode `message` nats per message. */
  readonly delta0: number;
  /** Messages that mode `message` draws per answer, even. */
  readonly candidates: number;
  /** Optimizer steps of mode `distil`. */
  readonly distilSteps: number;
}

/** Folders that the two models were loaded from. */
export interface SourceFolders {
  readonly incumbent: string;
  readonly replacement: string;
}

/** Writes the model folder of the swapped agent. */
export type WriteModel = (dir: string, sources: SourceFolders) => Promise<void>;

export interface Candidate {
  /** Label in tables: `stage-0`, `distilled`. */
  readonly label: string;
  readonly model: Model;
  /** Exact guarantees and estimates, one line each. */
  readonly notes: () => readonly string[];
  readonly write: WriteModel;
}

export interface CandidateParts {
  readonly settings: SwapSettings;
  /** Number of the agent to swap. */
  readonly agent: number;
  readonly team: Team;
  readonly replacement: Model;
  /** Messages that a mixture decodes together. */
  readonly slots: number;
}

/**
 * @returns undefined for mode `raw`, where the replacement itself is the candidate
 * @throws ConfigError if the two models cannot be used together in this mode
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

/** Copies every file of both models byte for byte. */
function copyComponents(dir: string, { incumbent, replacement }: SourceFolders): void {
  const folders = componentFolders(dir);
  copyModel(incumbent, folders.incumbent);
  copyModel(replacement, folders.replacement);
}

/** Copies the files of a model, and the two models of a mixture. Links become copies of their targets. */
export function copyModel(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const name of readdirSync(from)) {
    const source = join(from, name);
    const isPart = statSync(source).isFile() || name === 'incumbent' || name === 'replacement';
    if (isPart) cpSync(source, join(to, name), { recursive: true, dereference: true });
  }
}
