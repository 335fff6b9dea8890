/**
 * Former names of splits and task options. Errors about an old name contain the new one; old names are never accepted.
 * @module
 */

/** Old name of a task option -> its new name. */
const RENAMED_OPTIONS: Readonly<Record<string, string>> = { heldout_path: 'test_path' };

/**
 * New name of a task option.
 *
 * @param known - options of the task
 * @returns undefined if `name` is not the old name of one of them
 */
export function renamedOption(name: string, known: readonly string[]): string | undefined {
  const now = Object.hasOwn(RENAMED_OPTIONS, name) ? RENAMED_OPTIONS[name] : undefined;
  return now !== undefined && known.includes(now) ? now : undefined;
}

/** End of an error about an unknown split: the new name of a renamed split, else ''. */
export function renamedSplitHint(name: unknown): string {
  return name === 'heldout' ? '; the split heldout is now called test' : '';
}
