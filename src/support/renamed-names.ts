/**
 * Former names of splits and task options. An error about an old name contains the new name; old names are
 * never accepted.
 * @module
 */

/** Old name of a task option -> its new name. */
const RENAMED_OPTIONS: Readonly<Record<string, string>> = { heldout_path: 'test_path' };

/**
 * Returns the new name of a renamed task option.
 *
 * @param known - names of the task's options
 * @returns undefined if `name` is not the old name of one of them
 */
export function renamedOption(name: string, known: readonly string[]): string | undefined {
  const now = Object.hasOwn(RENAMED_OPTIONS, name) ? RENAMED_OPTIONS[name] : undefined;
  return now !== undefined && known.includes(now) ? now : undefined;
}

/** Returns the end of the error message about an unknown split: the new name of a renamed split, else ''. */
export function renamedSplitHint(name: unknown): string {
  return name === 'heldout' ? '; the split heldout is now called test' : '';
}
