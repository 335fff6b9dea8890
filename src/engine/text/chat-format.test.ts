import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../support/errors.ts';
import { ChatFormat, type TextMessage } from './chat-format.ts';
import { ChatTemplate } from './chat-template.ts';

const TURN = "{{- '<' + m.role + '>' + m.content -}}";
const END = '{%- if add_generation_prompt -%}<assistant>{%- endif -%}';
const LOOP = (body: string, end = END): string => `{%- for m in messages -%}${body}{%- endfor -%}${end}`;
const REFUSE = (condition: string): string =>
  `{%- if ${condition} -%}{{ raise_exception('not supported') }}{%- endif -%}`;

const PLAIN = LOOP(TURN);
const NO_SYSTEM = LOOP(REFUSE("m.role == 'system'") + TURN);
const SILENT_SYSTEM = LOOP(`{%- if m.role != 'system' -%}${TURN}{%- endif -%}`);
const ALTERNATING = LOOP(REFUSE("(m.role == 'user') != (loop.index0 % 2 == 0)") + TURN);

function format(template: string): ChatFormat {
  const files = new Map([['chat_template.jinja', new TextEncoder().encode(template)]]);
  return new ChatFormat(ChatTemplate.read(files, {}, 'm'), 'm');
}

const chat = (...turns: readonly (readonly [string, string])[]): TextMessage[] =>
  turns.map(([role, content]) => ({ role, content }));
const instructed = chat(['system', 's'], ['user', 'u']);
const debate = chat(['system', 's'], ['user', 'u'], ['assistant', 'a'], ['user', 'b'], ['user', 'c']);

describe('a conversation', () => {
  it('is unchanged if the template accepts its roles', () => {
    expect(format(PLAIN).render(debate)).toBe('<system>s<user>u<assistant>a<user>b<user>c<assistant>');
  });

  it('has the system message in the first user message if the template refuses or drops it', () => {
    for (const template of [NO_SYSTEM, SILENT_SYSTEM]) {
      expect(format(template).render(instructed)).toBe('<user>s\n\nu<assistant>');
      // consecutive user messages are accepted and therefore stay separate
      expect(format(template).render(debate)).toBe('<user>s\n\nu<assistant>a<user>b<user>c<assistant>');
    }
  });

  it('has one message per turn if the template demands alternating roles', () => {
    expect(format(ALTERNATING).render(debate.slice(1))).toBe('<user>u<assistant>a<user>b\n\nc<assistant>');
    expect(format(ALTERNATING).render(debate)).toBe('<user>s\n\nu<assistant>a<user>b\n\nc<assistant>');
    const relay = chat(['user', 'u'], ['assistant', 'a'], ['assistant', 'b']);
    expect(format(ALTERNATING).render(relay)).toBe('<user>u<assistant>a\n\nb<assistant>');
  });

  it('keeps a system message without a user message after it', () => {
    expect(format(NO_SYSTEM).render(chat(['system', 's']))).toBe('<user>s<assistant>');
  });

  it('is refused if the template cannot express it', () => {
    const drops = format(LOOP(`{%- if m.role == 'user' -%}${TURN}{%- endif -%}`));
    expect(drops.render(chat(['user', 'u']))).toBe('<user>u<assistant>');
    expect(() => drops.render(debate.slice(1))).toThrow(
      'm chat template: expected one that shows every message of a conversation user, assistant, user, user; it leaves out message 2 (assistant)',
    );
    expect(() => format(LOOP(REFUSE("m.role == 'assistant'"))).render(debate.slice(1))).toThrow(ConfigError);
  });

  it('with tools is never changed', () => {
    expect(() => format(NO_SYSTEM).render(instructed, { tools: [] })).toThrow('not supported');
    const reasoned = [
      { role: 'user', content: 'u' },
      { role: 'assistant', content: 'a', reasoning_content: 'r' },
    ];
    expect(format(ALTERNATING).render(reasoned)).toBe('<user>u<assistant>a<assistant>');
  });

  it('is measured anew for other template variables', () => {
    const switched = format(LOOP(REFUSE("strict and m.role == 'system'") + TURN));
    expect(switched.render(instructed, { kwargs: { strict: false } })).toBe('<system>s<user>u<assistant>');
    expect(switched.render(instructed, { kwargs: { strict: true } })).toBe('<user>s\n\nu<assistant>');
  });
});

describe('a template that ignores add_generation_prompt', () => {
  it('gets the beginning of its assistant messages', () => {
    const fixed = format(LOOP(`${TURN}{{ '|' }}`, ''));
    expect(fixed.render(instructed)).toBe('<system>s|<user>u|<assistant>');
    expect(fixed.render(instructed, { generate: false })).toBe('<system>s|<user>u|');
  });

  it('gets nothing if a user message ends where the assistant message begins', () => {
    const mistral = `{%- if m.role == 'user' -%}{{ '[INST] ' + m.content + ' [/INST]' }}{%- else -%}{{ ' ' + m.content + '</s>' }}{%- endif -%}`;
    expect(format(LOOP(mistral, '')).render(chat(['user', 'u']))).toBe('[INST] u [/INST]');
  });

  it('gets nothing if it always ends with the beginning of an assistant message', () => {
    const always = format(
      LOOP(TURN, '<assistant>').replace(
        TURN,
        `{%- if m.role == 'user' -%}${TURN}{%- else -%}{{ '<assistant>' + m.content }}{%- endif -%}`,
      ),
    );
    expect(always.render(chat(['user', 'u']))).toBe('<user>u<assistant>');
  });

  it('is refused if the beginning cannot be derived', () => {
    const counts = `{{ messages | length }}${LOOP(TURN, '')}`;
    expect(() => format(counts).render(chat(['user', 'u']))).toThrow(
      'm chat template: expected one with a generation prompt; it ignores add_generation_prompt',
    );
  });
});
