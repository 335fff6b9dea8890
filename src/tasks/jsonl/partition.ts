/**
 * Divides records into disjoint train, validation and test splits. Prompts that occur in several files are removed from
 * all splits but one, and warnings state their number.
 * @module
 */
import { SPLITS, splitOf } from '../../task/split.ts';
import type { Split } from '../../task/task.ts';
import type { PromptRecord } from './records.ts';

/** The records of one file. */
export interface Source {
  readonly path: string;
  readonly records: readonly PromptRecord[];
}

/** A split without a source of its own gets its share of the records of `train`. */
export type Sources = { readonly [split in Split]?: Source };

/** A record with its file. */
export interface FileRecord extends PromptRecord {
  readonly path: string;
}

export interface Partition {
  readonly splits: Readonly<Record<Split, readonly FileRecord[]>>;
  /** Removed records and splits without records, one line each. */
  readonly warnings: readonly string[];
}

/** Normal form of a prompt, without case, character width and whitespace. Prompts with equal normal forms are the same. */
export function normalPrompt(prompt: string): string {
  return prompt.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');
}

/**
 * The hash of the normalized prompt determines the split of a record of the train file; if that split has a file of its
 * own, the record belongs to train. A prompt of several splits stays in test before validation before train, so that
 * reported numbers are not contaminated.
 */
export function partition(sources: Sources): Partition {
  const splits: Record<Split, FileRecord[]> = { train: [], validation: [], test: [] };
  for (const split of SPLITS) {
    const source = sources[split];
    for (const record of source?.records ?? [])
      splits[split === 'train' ? shareOf(record, sources) : split].push({
        ...record,
        path: source?.path ?? '',
      });
  }
  const warnings = removeOverlap(splits);
  for (const split of SPLITS)
    if (splits[split].length === 0 && sources.train !== undefined)
      warnings.push(`the ${split} split has no records`);
  return { splits, warnings };
}

function shareOf(record: PromptRecord, sources: Sources): Split {
  const share = splitOf(normalPrompt(record.prompt));
  return sources[share] === undefined ? share : 'train';
}

/**
 * Removes prompts that occur in several splits from all but one: they stay in test before validation before train.
 *
 * @param splits - modified in place
 * @returns one line per pair of splits from which records were removed
 */
export function removeOverlap<T extends { readonly prompt: string }>(splits: Record<Split, T[]>): string[] {
  const warnings: string[] = [];
  dropShared(splits, { from: 'validation', where: 'test' }, warnings);
  dropShared(splits, { from: 'train', where: 'test' }, warnings);
  dropShared(splits, { from: 'train', where: 'validation' }, warnings);
  return warnings;
}

function dropShared<T extends { readonly prompt: string }>(
  splits: Record<Split, T[]>,
  { from, where }: { readonly from: Split; readonly where: Split },
  warnings: string[],
): void {
  const prompts = new Set(splits[where].map((record) => normalPrompt(record.prompt)));
  const kept = splits[from].filter((record) => !prompts.has(normalPrompt(record.prompt)));
  const dropped = splits[from].length - kept.length;
  if (dropped > 0)
    warnings.push(
      `left out ${dropped} of ${splits[from].length} records of the ${from} split: ` +
        `their prompts are in the ${where} split too`,
    );
  splits[from] = kept;
}
