/**
 * Finds the checkpoints of a run that other files of the run need: an adapter has only a path to the folder of its base
 * model, which can be an agent folder of an earlier checkpoint.
 * @module
 */
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { FileSystem } from '../support/file-system.ts';
import { expandHome } from '../support/home-folder.ts';
import { stageFolders } from './checkpoint-folder.ts';
import { CONFIG_FILE } from './layout.ts';

/** Config of a PEFT adapter, in an agent folder or in a folder of a mixture's component. */
const ADAPTER_CONFIG = 'adapter_config.json';

/**
 * Returns the names of all checkpoints that the given ones need, including the given ones: bases of adapters, bases of
 * their bases, targets of symbolic links, and checkpoints that the run's configuration or a link in the run folder names.
 *
 * @param dir - the `checkpoints` folder
 * @param kept - names of the checkpoints that are kept in any case
 */
export function neededCheckpoints(dir: string, kept: readonly string[], fs: FileSystem): ReadonlySet<string> {
  const names = stageFolders(dir, fs);
  const home = realPath(dir, fs);
  const owner = (path: string): string | undefined => checkpointAt(path, home, fs);
  const needed = new Set<string>();
  const open = [...kept, ...linkedCheckpoints(dir, owner, fs), ...configuredCheckpoints(dir, names, fs)];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name) || !names.includes(name)) continue;
    needed.add(name);
    for (const path of referencesIn(join(dir, name), fs)) {
      const referenced = owner(path);
      if (referenced !== undefined) open.push(referenced);
    }
  }
  return needed;
}

/** Returns the paths to which a folder refers: bases of adapters and targets of symbolic links, at any depth. */
function referencesIn(folder: string, fs: FileSystem): string[] {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) return [resolve(folder, fs.readlinkSync(path))];
    if (entry.isDirectory()) return referencesIn(path, fs);
    return entry.name === ADAPTER_CONFIG ? adapterBases(path, fs) : [];
  });
}

/** Returns the paths that the base of an adapter can have: relative to the current folder, or to the adapter's. */
function adapterBases(path: string, fs: FileSystem): string[] {
  let base: unknown;
  try {
    ({ base_model_name_or_path: base } = JSON.parse(fs.readFileSync(path, 'utf8')) as Record<
      string,
      unknown
    >);
  } catch {
    return []; // an unreadable config names no base; loading the adapter reports it
  }
  return typeof base === 'string' ? [resolve(expandHome(base)), resolve(dirname(path), base)] : [];
}

/** Returns the checkpoints to which links in the run folder and in its `checkpoints` folder point. */
function linkedCheckpoints(
  dir: string,
  owner: (path: string) => string | undefined,
  fs: FileSystem,
): readonly string[] {
  return [dir, dirname(dir)].flatMap((folder) =>
    fs
      .readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isSymbolicLink())
      .flatMap((entry) => owner(resolve(folder, fs.readlinkSync(join(folder, entry.name)))) ?? []),
  );
}

/** Returns the checkpoints whose paths occur in the run's configuration, e.g. as the model of an agent. */
function configuredCheckpoints(dir: string, names: readonly string[], fs: FileSystem): readonly string[] {
  const path = join(dirname(dir), CONFIG_FILE);
  if (!fs.existsSync(path)) return [];
  const text = fs.readFileSync(path, 'utf8');
  return names.filter((name) => [dir, realPath(dir, fs)].some((folder) => text.includes(join(folder, name))));
}

/**
 * Returns the checkpoint that a path is in. If the path does not exist, because the run folder was moved or renamed, the
 * end of the path decides: a checkpoint too many is harmless.
 */
function checkpointAt(path: string, home: string, fs: FileSystem): string | undefined {
  const inside = relative(home, realPath(path, fs)).split(sep);
  if (inside[0] !== '..' && inside[0] !== '') return inside[0];
  if (fs.existsSync(path)) return undefined;
  const parts = path.split(sep);
  const at = parts.lastIndexOf(basename(home));
  return at === -1 ? undefined : parts[at + 1];
}

function realPath(path: string, fs: FileSystem): string {
  return fs.existsSync(path) ? fs.realpathSync(path) : path;
}
