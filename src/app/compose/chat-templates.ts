/**
 * Reads the files that the setting `chat_template` names. The configuration of a run contains their texts, so that the
 * run does not depend on the files.
 * @module
 */
import { readFileSync } from 'node:fs';
import { type ResolvedConfig, withTemplates } from '../../config/resolve.ts';
import { isTemplateText, PLAIN } from '../../support/chat-template-setting.ts';

/**
 * Replaces paths of chat templates by the texts of their files.
 *
 * @throws ConfigError if a file cannot be read or has no text, with the position in the team file
 */
export function readTemplates(resolved: ResolvedConfig): ResolvedConfig {
  return withTemplates(resolved, (value, path) =>
    templateText(value, (message) => resolved.problem([{ path, message }])),
  );
}

/**
 * Returns the value of a setting `chat_template` with a path replaced by the text of the file.
 *
 * @param problem - creates the error from its message
 */
export function templateText(value: string, problem: (message: string) => Error): string {
  if (value === PLAIN || isTemplateText(value)) return value;
  let text: string;
  try {
    text = readFileSync(value, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw problem(`expected plain or a Jinja file, got ${value}, which cannot be read (${why})`);
  }
  if (/\{\{|\{%/.test(text)) return text;
  throw problem(
    `expected plain or a Jinja file, got ${value}, which is not a template with {{ ... }} or {% ... %}`,
  );
}
