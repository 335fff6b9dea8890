/**
 * Renders conversations with templates that do not support all of them: templates without a system role, templates
 * that demand alternating roles, and templates that ignore `add_generation_prompt`.
 *
 * A conversation is rendered as it is if the template accepts its sequence of roles and shows every message.
 * Otherwise the first of these changes is applied with which it does:
 *
 * 1. A system message moves to the beginning of the next user message.
 * 2. Consecutive messages of one role become one message.
 * 3. Both.
 *
 * The texts are joined by a blank line. Whether a template supports a sequence of roles is measured by rendering a
 * conversation of markers with these roles. Conversations with tools are never changed, because their messages have
 * further fields.
 *
 * If a template ignores `add_generation_prompt`, the beginning of an assistant message is derived by rendering a
 * conversation with and without one, and is appended.
 * @see chat-template.ts, which renders
 * @module
 */
import { ConfigError } from '../../support/errors.ts';
import type { ChatTemplate, TemplateOptions } from './chat-template.ts';

/** A message as the template receives it. Other fields than these two belong to tools and reasoning. */
export interface TextMessage {
  readonly role: string;
  readonly content: string;
}

type Change = (messages: readonly TextMessage[]) => readonly TextMessage[];

const SEPARATOR = '\n\n';
/** Number of cached results per cache; a server renders conversations of many lengths. */
const CACHED = 256;
/** Encloses the number of a message in markers; private use, so that templates do not treat it specially. */
const MARK = '\uf8ff';

const CHANGES: readonly Change[] = [
  (messages) => messages,
  withoutSystemRole,
  withoutRepeatedRoles,
  (messages) => withoutRepeatedRoles(withoutSystemRole(messages)),
];

/** The generation prompt that is missing in the output of a template; empty if none is missing. */
type Opening = { readonly text: string } | { readonly problem: string };

export class ChatFormat {
  readonly #template: ChatTemplate;
  readonly #where: string;
  readonly #changes = new Map<string, Change>();
  readonly #openings = new Map<string, Opening>();

  /** @param where - the checkpoint's folder, for error messages */
  constructor(template: ChatTemplate, where: string) {
    this.#template = template;
    this.#where = where;
  }

  /**
   * Renders messages as text.
   *
   * @throws ConfigError if there is no template, or if the template cannot express the conversation
   */
  render(messages: readonly TextMessage[], options: TemplateOptions = {}): string {
    const isPlain = options.tools === undefined && messages.every(isPlainMessage);
    const change = isPlain ? this.#changeFor(messages, options) : CHANGES[0]!;
    const text = this.#template.render(change(messages), options);
    return options.generate === false ? text : text + this.#missingOpening(options);
  }

  /** Returns the first change with which the template accepts these roles and shows all messages. */
  #changeFor(messages: readonly TextMessage[], options: TemplateOptions): Change {
    const roles = messages.map(({ role }) => role);
    const key = JSON.stringify([roles, options.kwargs ?? null]);
    let change = this.#changes.get(key);
    if (change === undefined) {
      change = this.#findChange(roles, options);
      remember(this.#changes, key, change);
    }
    return change;
  }

  #findChange(roles: readonly string[], options: TemplateOptions): Change {
    const probe = roles.map((role, index) => ({ role, content: markerOf(index) }));
    let failure: unknown;
    for (const change of CHANGES) {
      const changed = change(probe);
      if (change !== CHANGES[0] && hasSameRoles(changed, probe)) continue;
      try {
        const text = this.#template.render(changed, { ...options, generate: false });
        const missing = probe.findIndex(({ content }) => !text.includes(content));
        if (missing < 0) return change;
        failure ??= new ConfigError(
          `${this.#where} chat template: expected one that shows every message of a conversation ${roles.join(', ')}; it leaves out message ${missing + 1} (${roles[missing]}); set chat_template to another one`,
        );
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  #missingOpening(options: TemplateOptions): string {
    const key = JSON.stringify([options.kwargs ?? null, options.tools !== undefined]);
    let opening = this.#openings.get(key);
    if (opening === undefined) {
      opening = this.#findOpening(options);
      remember(this.#openings, key, opening);
    }
    if ('text' in opening) return opening.text;
    throw new ConfigError(`${this.#where} chat template: ${opening.problem}`);
  }

  #findOpening(options: TemplateOptions): Opening {
    const user = { role: 'user', content: markerOf(0) };
    const assistant = { role: 'assistant', content: markerOf(1) };
    const render = (messages: readonly TextMessage[], generate: boolean): string =>
      this.#template.render(messages, { ...options, generate });
    let asked: string;
    try {
      asked = render([user], false);
      if (render([user], true) !== asked) return { text: '' };
    } catch {
      return { text: '' }; // the template does not accept the probe, so it cannot be measured
    }
    const problem =
      'expected one with a generation prompt; it ignores add_generation_prompt, and the beginning of an assistant message cannot be derived from it; set chat_template to another one';
    try {
      const answered = render([user, assistant], false);
      const end = answered.indexOf(assistant.content);
      if (end < 0 || !answered.startsWith(asked)) return { problem };
      const text = answered.slice(asked.length, end);
      // a template such as Mistral's has no generation prompt: the end of the user message is the opening
      return { text: text.trim() === '' ? '' : text };
    } catch {
      return { problem };
    }
  }
}

/** Moves every system message to the beginning of the next user message, or to an own user message at the end. */
function withoutSystemRole(messages: readonly TextMessage[]): readonly TextMessage[] {
  const result: TextMessage[] = [];
  let waiting: string[] = [];
  for (const message of messages) {
    if (message.role === 'system') waiting.push(message.content);
    else if (message.role === 'user' && waiting.length > 0) {
      result.push({ role: 'user', content: [...waiting, message.content].join(SEPARATOR) });
      waiting = [];
    } else result.push(message);
  }
  return waiting.length === 0 ? result : [...result, { role: 'user', content: waiting.join(SEPARATOR) }];
}

/** Joins consecutive messages of one role. */
function withoutRepeatedRoles(messages: readonly TextMessage[]): readonly TextMessage[] {
  const result: TextMessage[] = [];
  for (const message of messages) {
    const last = result.at(-1);
    if (last?.role !== message.role) result.push(message);
    else
      result[result.length - 1] = {
        role: message.role,
        content: `${last.content}${SEPARATOR}${message.content}`,
      };
  }
  return result;
}

/** Whether a message has no fields of tools or reasoning, so that its text can be joined with another one. */
function isPlainMessage(message: TextMessage): boolean {
  return (
    ['system', 'user', 'assistant'].includes(message.role) &&
    Object.entries(message).every(
      ([key, value]) => key === 'role' || key === 'content' || value === undefined,
    )
  );
}

function hasSameRoles(a: readonly TextMessage[], b: readonly TextMessage[]): boolean {
  return a.length === b.length && a.every(({ role }, index) => role === b[index]?.role);
}

function markerOf(index: number): string {
  return `${MARK}${index}${MARK}`;
}

function remember<T>(cache: Map<string, T>, key: string, value: T): void {
  if (cache.size >= CACHED) cache.clear();
  cache.set(key, value);
}
