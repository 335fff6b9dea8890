/**
 * Sorts records into train, validation and test so that no prompt is in two of them, whatever the files
 * say, and reports what had to be left out for that.
 * @module
 */
import { SPLITS, splitOf } from '../../task/split.ts';
import type { Split } from '../../task/task.ts';
import type { PromptRecord } from './records.ts';

/** One file's records. */
export interface Source {
  readonly path: string;
  readonly records: readonly PromptRecord[];
}

/** A split without a source of its own gets its share of `train`'s records, if there is a train source. */
export type Sources = { readonly [split in Split]?: Source };

/** A record and the file it came from. */
export interface PlacedRecord extends PromptRecord {
  readonly path: string;
}

export interface Partition {
  readonly splits: Readonly<Record<Split, readonly PlacedRecord[]>>;
  /** One line for everything a user should know: records left out, splits without records. */
  readonly warnings: readonly string[];
}

/** Two prompts with the same normal form are the same problem: case, width and blanks do not count. */
export function normalPrompt(prompt: string): string {
  return prompt.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');
}

/**
 * Records of the train file go to the split that the hash of their normalised prompt names, or to train
 * where that split has a file of its own. A prompt in several splits stays in the one that matters most
 * for honest numbers: test before validation before train.
 */
export function partition(sources: Sources): Partition {
  const splits: Record<Split, PlacedRecord[]> = { train: [], validation: [], test: [] };
  for (const split of SPLITS) {
    const source = sources[split];
    for (const record of source?.records ?? [])
      splits[split === 'train' ? shareOf(record, sources) : split].push({
        ...record,
        path: source?.path ?? '',
      });
  }
  const warnings = keepApart(splits);
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
 * Leaves prompts that are in several splits in the one that matters most: test before validation before train.
 *
 * @param splits - changed in place
 * @returns one line per pair of splits from which something was left out
 */
export function keepApart<T extends { readonly prompt: string }>(splits: Record<Split, T[]>): string[] {
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
