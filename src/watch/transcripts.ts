/**
 * The transcripts of a run by prompt: which prompts were kept, after which stages, and what was said.
 * Files are read once; the one of a stage that is being played is read again when it has grown.
 * @module
 */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonLines } from '../store/append-log.ts';
import { COMPLETIONS, completionsFile } from '../store/layout.ts';
import type { KeptPrompt, TranscriptRow } from './messages.ts';

export interface TranscriptReader {
  /** Prompts kept, those of the most stages first: these show what training changed. */
  prompts(): KeptPrompt[];
  /** What was said to a prompt in a stage; [] if nothing was kept. */
  transcripts(item: string, stage: number): TranscriptRow[];
}

export function createTranscriptReader(dir: string): TranscriptReader {
  /** Item and prompt per row of a stage's file; rows themselves are read when they are asked for. */
  const known = new Map<number, { readonly stamp: string; readonly kept: readonly TranscriptRow[] }>();

  const refresh = (): void => {
    const stages = stagesOf(dir);
    for (const stage of known.keys()) if (!stages.includes(stage)) known.delete(stage);
    for (const stage of stages) {
      const { size, mtimeMs } = statSync(join(dir, completionsFile(stage)));
      const stamp = `${size} ${mtimeMs}`;
      if (known.get(stage)?.stamp === stamp) continue;
      const kept = new Map(readStage(dir, stage).map((row) => [row.item, withoutText(row)]));
      known.set(stage, { stamp, kept: [...kept.values()] });
    }
  };

  return {
    prompts() {
      refresh();
      const prompts = new Map<string, KeptPrompt & { readonly stages: number[] }>();
      for (const [stage, { kept }] of [...known].sort(([a], [b]) => a - b))
        for (const { item, prompt, split = 'train' } of kept) {
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
  return readJsonLines(join(dir, completionsFile(stage))) as TranscriptRow[]; // the folder's own writer made them
}

/** An index of many stages keeps no texts. */
function withoutText(row: TranscriptRow): TranscriptRow {
  return { ...row, messages: [] };
}
