/**
 * Writes the folder a task of one's own starts from: the template of this package, with its paths and its
 * name made those of the new place.
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
/** What the template calls itself. */
const NAME = /\bmy-task\b/g;
/** A path of the template to something of this package. */
const TO_PACKAGE = /\.\.\/\.\.\/(?=recipes\/)/g;

/**
 * Makes the folder; it is there whole or not at all.
 *
 * @returns what to tell the user
 * @throws ConfigError if something is there already
 */
export function initTask(folder: string): string {
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
  const shown = relative(process.cwd(), target) || '.';
  return [
    `${shown}   ${readdirSync(target).join(', ')}`,
    `test it       node --test ${join(shown, 'task.test.mjs')}`,
    `look at it    troupe tasks check ${join(shown, 'team.yaml')}`,
    `train on it   troupe train ${join(shown, 'team.yaml')}`,
    '',
  ].join('\n');
}
