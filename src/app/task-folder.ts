/**
 * Creates the folder of a new task from this package's template, with the task's name and the paths replaced.
 * @module
 */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { removeQuietly, writeError } from '../support/atomic-file.ts';
import { ConfigError } from '../support/errors.ts';
import { packageFile } from '../support/package-root.ts';

const PACKAGE = packageFile('');
const TEMPLATE = packageFile('templates/task');
/** Matches the task's name in the template. */
const NAME = /\bmy-task\b/g;
/** Matches the beginning of a path from the template to a file of this package. */
const TO_PACKAGE = /\.\.\/\.\.\/(?=recipes\/)/g;

export interface CreatedTask {
  /** Absolute. */
  readonly folder: string;
  readonly files: readonly string[];
}

/** Creates the folder atomically. @throws ConfigError if the path exists */
export function createTaskFolder(folder: string): CreatedTask {
  const target = resolve(folder);
  if (existsSync(target))
    throw new ConfigError(
      `${folder}: expected a name that is not taken, got an existing one; nothing was written`,
    );
  const name = basename(target);
  const parent = dirname(target);
  let building: string | undefined;
  try {
    mkdirSync(parent, { recursive: true });
    building = mkdtempSync(join(parent, `.${name}-`));
    const toPackage = `${relative(target, PACKAGE).split(sep).join('/')}/`.replace(/\/+$/, '/');
    for (const file of readdirSync(TEMPLATE)) {
      const text = readFileSync(join(TEMPLATE, file), 'utf8');
      const own = file === 'README.md' ? relative(process.cwd(), target).split(sep).join('/') || '.' : name;
      const made =
        file === 'README.md'
          ? text.replace('# my-task', `# ${name}`).replace(NAME, own)
          : text.replace(NAME, name);
      writeFileSync(join(building, file), made.replace(TO_PACKAGE, toPackage));
    }
    renameSync(building, target);
  } catch (error) {
    if (building !== undefined) removeQuietly(building);
    throw writeError(folder, error);
  }
  return { folder: target, files: readdirSync(target) };
}
