import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { configMarkdown, configSchemaFile } from './docs.ts';
import { configJsonSchema, keysAt, nearestKey } from './key-tree.ts';

const read = (name: string): string => readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

describe('the generated documentation', () => {
  it('is up to date (else: npm run docs)', () => {
    expect(read('config.md')).toBe(configMarkdown());
    expect(read('schema.json')).toBe(configSchemaFile());
  });

  it('describes every field, and no section except ray and train has more than 12 fields', () => {
    for (const [section, node] of Object.entries(configJsonSchema().properties ?? {})) {
      expect(node.description, section).toMatch(/\.$/);
      // the section `ray` may have 13: it describes the cluster, the resources per agent, and a cluster
      // started locally; the section `train` may have 14: it also limits the lengths of prompts and messages
      const most = { ray: 13, train: 14 }[section] ?? 12;
      expect(keysAt([section]).length, section).toBeLessThanOrEqual(most);
      for (const [key, leaf] of Object.entries(node.properties ?? {}))
        expect(leaf.description, `${section}.${key}`).toMatch(/\.$/);
    }
  });

  it('shows range, default and meaning of a field in one row', () => {
    expect(configMarkdown()).toContain(
      '| `quantile` | number > 0, < 1 | `0.99` | The bounded quantile, 1 - alpha. |',
    );
    expect(configMarkdown()).toContain('| `dual_clip` | number > 1 or `off` | `3` |');
    expect(configMarkdown()).toContain(
      '| `agents` | list of {name, model, instruction, examples, chat_template, chat_template_kwargs} or integer >= 1 | *required* |',
    );
  });
});

describe('key tree', () => {
  it('knows the keys of sections, list entries and unions', () => {
    expect(keysAt(['gate'])).toEqual(['kind', 'every', 'n_plan', 'alpha', 'tolerance']);
    expect(keysAt(['agents', 0])).toEqual([
      'name',
      'model',
      'instruction',
      'examples',
      'chat_template',
      'chat_template_kwargs',
    ]);
    expect(keysAt(['protocol'])).toEqual(['kind', 'rounds', 'turns', 'order', 'seed', 'path']);
    expect(keysAt(['nowhere'])).toEqual([]);
  });

  it('suggests nothing for a word that is like no key', () => {
    expect(nearestKey(['gate'], 'zzzzzzzzzz')).toBeUndefined();
  });
});
