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
  return withTemplates(resolved, (value, path) => {
    if (value === PLAIN || isTemplateText(value)) return value;
    const refuse = (got: string): never => {
      throw resolved.problem([{ path, message: `expected plain or a Jinja file, got ${got}` }]);
    };
    let text = '';
    try {
      text = readFileSync(value, 'utf8');
    } catch (error) {
      refuse(`${value}, which cannot be read (${error instanceof Error ? error.message : String(error)})`);
    }
    if (!/\{\{|\{%/.test(text)) refuse(`${value}, which is not a template with {{ ... }} or {% ... %}`);
    return text;
  });
}
