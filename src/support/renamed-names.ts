/**
 * Former names of splits, task options, flags and request fields. Errors about an old name contain the new one; old
 * names are never accepted.
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

/** Command -> old name of a flag -> its new name. */
const RENAMED_FLAGS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  serve: { '--min-members': '--min-agents' },
};

/**
 * Returns the error message for the first old flag among the arguments of a command.
 *
 * @returns undefined if no flag has an old name
 */
export function renamedFlagMessage(command: string, words: readonly string[]): string | undefined {
  const renamed = Object.hasOwn(RENAMED_FLAGS, command) ? RENAMED_FLAGS[command]! : {};
  const old = words.map((word) => word.split('=')[0]!).find((flag) => Object.hasOwn(renamed, flag));
  return old === undefined ? undefined : `${old} is now ${renamed[old]}`;
}

/** Old path of a field in request bodies -> its new path. */
const RENAMED_FIELDS: Readonly<Record<string, string>> = { 'troupe.stream_members': 'troupe.stream_agents' };

/** New path of a field in request bodies; undefined if it was not renamed. */
export function renamedField(path: string): string | undefined {
  return Object.hasOwn(RENAMED_FIELDS, path) ? RENAMED_FIELDS[path] : undefined;
}

/** End of an error about an unknown split: the new name of a renamed split, else ''. */
export function renamedSplitHint(name: unknown): string {
  return name === 'heldout' ? '; the split heldout is now called test' : '';
}

/** Whether the id of an item (`test:17`, `train-3`) begins with the name of a split that no longer exists. */
export function hasRemovedSplit(item: string): boolean {
  return /^heldout[:-]/.test(item);
}
