/**
 * Exports one agent of a team in one format, and measures the effect of rounding.
 * @module
 */
import { join } from 'node:path';
import type { Config } from '../config/schema.ts';
import { countEqualWeights, type WeightTypeOf } from '../export/equal-weights.ts';
import { exportAgent, isAdapterFolder } from '../export/export-agent.ts';
import { exportedWeights } from '../export/merged-weights.ts';
import { type RoundingLoss, roundingLines } from '../report/rounding-loss.ts';
import { ConfigError } from '../support/errors.ts';
import { isHubReference } from '../support/model-reference.ts';
import { isMixtureFolder } from '../swap/mixture-folder.ts';
import { chatSettings } from './compose/agent-text.ts';
import { wholeModelFolder } from './compose/model-size.ts';
import type { ExportedFacts } from './export-card.ts';
import { type GgufParts, writeGgufAgent } from './export-gguf-agent.ts';
import { measureRounding } from './export-measurement.ts';
import type { AgentExport, ExportedAgent } from './exported-agent.ts';
import { cachedModelFolder, modelFolder } from './hub-models.ts';

const DTYPES = { float32: 'F32', bfloat16: 'BF16', float16: 'F16', q8_0: 'Q8_0' } as const;

type Exported = Omit<ExportedAgent, 'dir'> & { readonly facts: Omit<ExportedFacts, 'format'> };

/**
 * @param to - folder of the team
 * @throws ConfigError if the agent is a mixture, or the base of an adapter is missing
 */
export async function exportOneAgent(to: string, agent: AgentExport): Promise<Exported> {
  const { from, name, merge } = agent;
  if (isMixtureFolder(from))
    throw new ConfigError(
      `${from}: expected a model, got a mixture of two; hand over to the replacement or distil it, then export`,
    );
  const dir = join(to, name);
  const isAdapter = isAdapterFolder(from) && !merge;
  const merged = isAdapterFolder(from) && merge;
  const base = await baseOf(agent);
  const chatFiles = await replacedChatFiles(agent.resolved.config, agent.id, from);
  const { files, typeOf, commands } =
    agent.format === 'gguf'
      ? writeGguf(to, agent, { isAdapter, merged, base, bases: agent.bases })
      : writeSafetensorsAgent(dir, agent, { mergeInto: merged ? base : undefined, chatFiles });
  const exported = agent.format === 'gguf' ? join(dir, files[0] as string) : dir;
  const rounding =
    isAdapter || !agent.measure || !(merged || agent.dtype !== 'float32')
      ? undefined
      : await measure(agent, { exported, base, merged, typeOf });
  return {
    ...{ files, isAdapter, merged, commands },
    ...(rounding === undefined ? {} : { rounding }),
    facts: {
      ...{ files, isAdapter },
      weights: weightsText(agent, { isAdapter, merged }),
      rounding: rounding === undefined ? [] : textOf(rounding),
    },
  };
}

function textOf(rounding: RoundingLoss | string): readonly string[] {
  return typeof rounding === 'string' ? [`not measured: ${rounding}`] : roundingLines(rounding);
}

function weightsText(
  { dtype }: AgentExport,
  { isAdapter, merged }: { readonly isAdapter: boolean; readonly merged: boolean },
): string {
  if (isAdapter) return 'LoRA adapter, float32';
  const rounded = dtype === 'float32' ? 'float32' : `${dtype}, rounded from float32`;
  return merged ? `${rounded}; adapter merged into the base` : rounded;
}

interface WrittenFiles {
  readonly files: readonly string[];
  readonly typeOf: WeightTypeOf;
  readonly commands: readonly string[];
}

function writeGguf(to: string, agent: AgentExport, parts: Omit<GgufParts, 'type'>): WrittenFiles {
  const { file, typeOf, commands, warnings } = writeGgufAgent(to, agent, {
    ...{ ...parts, type: DTYPES[agent.dtype] },
  });
  for (const message of warnings) agent.download.onEvent?.({ kind: 'warning', message });
  return { files: [file], typeOf, commands };
}

function writeSafetensorsAgent(
  dir: string,
  { from, dtype, maxShardBytes }: AgentExport,
  {
    mergeInto,
    chatFiles,
  }: {
    readonly mergeInto: string | undefined;
    readonly chatFiles: ReadonlyMap<string, Uint8Array>;
  },
): WrittenFiles {
  const type = DTYPES[dtype];
  if (type === 'Q8_0') throw new RangeError('expected a type of safetensors, got q8_0');
  const files = exportAgent(from, dir, {
    ...{ dtype: type, maxShardBytes, chatFiles },
    ...(mergeInto === undefined ? {} : { mergeInto }),
  });
  return { files, typeOf: () => type, commands: [] };
}

/**
 * Returns the folder of the complete base model. It is downloaded only if the export needs it, to merge an adapter.
 */
async function baseOf({ resolved, id, from, merge, download }: AgentExport): Promise<string | undefined> {
  const model = resolved.config.agents[id]?.model ?? '';
  if (isAdapterFolder(from) && merge) return wholeModelFolder(await modelFolder(model, download));
  const cached = isHubReference(model) ? await cachedModelFolder(model, download) : model;
  try {
    return cached === undefined ? undefined : wholeModelFolder(cached);
  } catch (error) {
    // the base serves the measurement only, which is not possible without it
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

async function measure(
  { resolved, stored, id, from, dtype }: AgentExport,
  {
    exported,
    base,
    merged,
    typeOf,
  }: {
    readonly exported: string;
    readonly base: string | undefined;
    readonly merged: boolean;
    readonly typeOf: WeightTypeOf;
  },
): Promise<RoundingLoss | string> {
  const loss = await measureRounding(
    { resolved, run: stored.run, agent: id },
    { trained: from, exported, base },
  );
  if (typeof loss === 'string') return loss;
  if (base === undefined) return { dtype, ...loss };
  const weights = merged ? exportedWeights(base, from) : exportedWeights(from);
  try {
    return { dtype, ...loss, weights: countEqualWeights(weights, base, typeOf) };
  } finally {
    weights.close();
  }
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
