/**
 * Values of the setting `chat_template`: `plain`, the path of a Jinja file, or the text of a Jinja template.
 * @see ../engine/text/chat-template-setting.ts, which applies it
 * @module
 */

/** Value of the setting for the format of base models. */
export const PLAIN = 'plain' as const;

/** Whether a value of the setting is a Jinja template, and not the path of a file or `plain`. */
export function isTemplateText(setting: string): boolean {
  return /\{\{|\{%|\n/.test(setting);
}
