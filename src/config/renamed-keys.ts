/**
 * Keys of configuration files that were renamed. An old key is an error whose message contains the new key.
 * @module
 */

/**
 * Maps the dotted path of an old key to that of the new key. Indices of list entries are left out of the
 * paths.
 */
export type RenamedKeys = Readonly<Record<string, string>>;

/** Renamed keys of team files. Renamed task options are in `support/renamed-names.ts`. */
export const RENAMED_TEAM_KEYS: RenamedKeys = { 'reward.member': 'reward.agent' };

/** Renamed keys of serve files. */
export const RENAMED_SERVE_KEYS: RenamedKeys = {
  members: 'agents',
  min_members: 'min_agents',
  member_timeout_s: 'agent_timeout_s',
};

/**
 * Returns the error message for a key that was renamed.
 *
 * @param path - path of an unknown key, such as `['agents', 0, 'model']`
 * @returns the message; undefined if this key was never renamed
 *
 * @example
 * renamedKeyMessage(['reward', 'member'], { 'reward.member': 'reward.agent' }); // => 'unknown key "member"; it is now "agent"'
 */
export function renamedKeyMessage(path: readonly PropertyKey[], renamed: RenamedKeys): string | undefined {
  const steps = path.filter((step) => typeof step !== 'number').map(String);
  const old = steps.join('.');
  const now = Object.hasOwn(renamed, old) ? renamed[old] : undefined;
  if (now === undefined) return undefined;
  const section = steps.slice(0, -1).join('.');
  // if the new key is in the same section, the message contains only the key without the section
  const isNear = section !== '' && now.startsWith(`${section}.`);
  return `unknown key "${steps.at(-1)}"; it is now "${isNear ? now.slice(section.length + 1) : now}"`;
}
