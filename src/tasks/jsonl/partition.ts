/**
 * Divides records into disjoint train, validation and test splits. A prompt that occurs in several files is
 * kept in only one split, and warnings state how many records were removed.
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

/** Files by split. A split without a file of its own gets a share of the records of `train`. */
export type Sources = { readonly [split in Split]?: Source };

/** A record with its file. */
export interface FileRecord extends PromptRecord {
  readonly path: string;
}

export interface Partition {
  readonly splits: Readonly<Record<Split, readonly FileRecord[]>>;
  /** One line per pair of splits from which records were removed, and per split without records. */
  readonly warnings: readonly string[];
}

/**
 * Returns the normal form of a prompt, which ignores case, character width and the amount of whitespace.
 * Prompts with the same normal form count as the same prompt.
 */
export function normalPrompt(prompt: string): string {
  return prompt.normalize('NFKC').toLowerCase().trim().replace(/\s+/g, ' ');
}

/**
 * Assigns each record to a split. The hash of the normalized prompt determines the split of a record of the
 * train file; if that split has a file of its own, the record stays in train. A prompt of several splits is
 * kept only in the test split if it is there, else in the validation split, so that reported numbers are not
 * contaminated.
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
  // an empty validation split matters only with acceptance tests, which warn themselves
  for (const split of ['train', 'test'] as const)
    if (splits[split].length === 0 && sources.train !== undefined)
      warnings.push(`the ${split} split has no records`);
  return { splits, warnings };
}

function shareOf(record: PromptRecord, sources: Sources): Split {
  const share = splitOf(normalPrompt(record.prompt));
  return sources[share] === undefined ? share : 'train';
}

/**
 * Removes prompts that occur in several splits from all but one. They are kept in the test split if they are
 * there, else in the validation split.
 *
 * @param splits - modified in place
 * @returns one line per pair of splits from which records were removed
 */
export function removeOverlap<T extends Prompted>(splits: Record<Split, T[]>): string[] {
  const warnings: string[] = [];
  dropShared(splits, { from: 'validation', where: 'test' }, warnings);
  dropShared(splits, { from: 'train', where: 'test' }, warnings);
  dropShared(splits, { from: 'train', where: 'validation' }, warnings);
  return warnings;
}

/** A prompt alone, and as a template completes it: either can be equal in records that differ otherwise. */
interface Prompted {
  readonly prompt: string;
  readonly templated?: string;
}

function normalPrompts({ prompt, templated = prompt }: Prompted): string[] {
  return [normalPrompt(prompt), normalPrompt(templated)];
}

function dropShared<T extends Prompted>(
  splits: Record<Split, T[]>,
  { from, where }: { readonly from: Split; readonly where: Split },
  warnings: string[],
): void {
  const prompts = new Set(splits[where].flatMap(normalPrompts));
  const kept = splits[from].filter((record) => !normalPrompts(record).some((prompt) => prompts.has(prompt)));
  const dropped = splits[from].length - kept.length;
  if (dropped > 0)
    warnings.push(
      `left out ${dropped} of ${splits[from].length} records of the ${from} split: ` +
        `their prompts are in the ${where} split too`,
    );
  splits[from] = kept;
}
