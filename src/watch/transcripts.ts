/**
 * Reads the transcripts of a run by prompt: the prompts that have transcripts, the stages of each prompt, and
 * the messages. A file is read again only if its size or its modification time changed.
 * @module
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonLines } from '../store/append-log.ts';
import { COMPLETIONS, completionsFile } from '../store/layout.ts';
import type { TranscriptPrompt, TranscriptRow } from './dashboard-api.ts';

export interface TranscriptReader {
  /** Prompts with transcripts. Those with the most stages come first, as they show the effect of training. */
  prompts(): TranscriptPrompt[];
  /** Returns the transcripts of a prompt in one stage; [] if the stage has none. */
  transcripts(item: string, stage: number): TranscriptRow[];
}

export function createTranscriptReader(dir: string): TranscriptReader {
  /** By stage: one row per item, without its messages. `transcripts` reads the messages from the file. */
  const index = new Map<number, { readonly stamp: string; readonly rows: readonly TranscriptRow[] }>();

  const refresh = (): void => {
    const stages = stagesOf(dir);
    for (const stage of index.keys()) if (!stages.includes(stage)) index.delete(stage);
    for (const stage of stages) {
      const { size, mtimeMs } = statSync(join(dir, completionsFile(stage)));
      const stamp = `${size} ${mtimeMs}`;
      if (index.get(stage)?.stamp === stamp) continue;
      const rows = new Map(readStage(dir, stage).map((row) => [row.item, withoutMessages(row)]));
      index.set(stage, { stamp, rows: [...rows.values()] });
    }
  };

  return {
    prompts() {
      refresh();
      const prompts = new Map<string, TranscriptPrompt & { readonly stages: number[] }>();
      for (const [stage, { rows }] of [...index].sort(([a], [b]) => a - b))
        for (const { item, prompt, split = 'train' } of rows) {
          const entry = prompts.get(item) ?? { item, split, prompt, stages: [] };
          entry.stages.push(stage);
          prompts.set(item, entry);
        }
      return [...prompts.values()].sort((a, b) => b.stages.length - a.stages.length);
    },
    transcripts: (item, stage) =>
      stagesOf(dir).includes(stage) ? readStage(dir, stage).filter((row) => row.item === item) : [],
  };
}

function stagesOf(dir: string): number[] {
  const folder = join(dir, COMPLETIONS);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => /^stage-(\d+)\.jsonl$/.exec(name)?.[1])
    .flatMap((digits) => (digits === undefined ? [] : [Number(digits)]));
}

function readStage(dir: string, stage: number): TranscriptRow[] {
  // The type is not checked, because only troupe's store writes this file.
  return readJsonLines(join(dir, completionsFile(stage))) as TranscriptRow[];
}

/** Removes the messages from a row, so that the index of a long run needs little memory. */
function withoutMessages(row: TranscriptRow): TranscriptRow {
  return { ...row, messages: [] };
}
