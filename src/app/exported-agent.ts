/**
 * Request and result of the export of one agent.
 * @module
 */
import type { ResolvedConfig } from '../config/resolve.ts';
import type { RoundingLoss } from '../report/rounding-loss.ts';
import type { StoredTeam } from '../store/read-run.ts';
import type { SharedBases } from './export-gguf-base.ts';
import type { DownloadOptions } from './hub-models.ts';

/** Type of exported weights; `q8_0` exists in GGUF files only. */
export type ExportDtype = 'float32' | 'bfloat16' | 'float16' | 'q8_0';

/** Folder of one exported agent, with the names of its weight files. */
export interface ExportedAgent {
  readonly dir: string;
  readonly files: readonly string[];
  /** Whether the files are an adapter, which needs its base. */
  readonly isAdapter: boolean;
  /** Whether an adapter was merged into its base. */
  readonly merged: boolean;
  /**
   * Measured effect of rounding, or the reason why it was not measured. Absent if the weights are exact, or if
   * `measure` is false.
   */
  readonly rounding?: RoundingLoss | string;
  /** Commands that run the exported files in other programs. */
  readonly commands: readonly string[];
}

/** One agent to export. */
export interface AgentExport {
  readonly stored: StoredTeam;
  readonly resolved: ResolvedConfig;
  readonly id: number;
  /** Model folder in the checkpoint. */
  readonly from: string;
  /** Name of the folder to create. */
  readonly name: string;
  /** Folder of the team after the export, for the commands that are printed. */
  readonly out: string;
  readonly format: 'safetensors' | 'gguf';
  readonly dtype: ExportDtype;
  readonly maxShardBytes: number;
  readonly merge: boolean;
  readonly measure: boolean;
  readonly download: DownloadOptions;
  /** Base models of GGUF adapters that the export has written. */
  readonly bases: SharedBases;
}
