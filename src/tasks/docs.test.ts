import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { integer } from '../schema/fields.ts';
import { optionTable } from '../schema/option-table.ts';
import { withOptionTable, withTaskList } from './docs.ts';
import { loadTaskDefinitions, taskNames } from './registry.ts';

const DOCS = new URL('../../docs/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, DOCS), 'utf8');
const definitions = await loadTaskDefinitions();

describe('the pages of the tasks', () => {
  it('exist for every task of the registry, and for no other', () => {
    const pages = readdirSync(new URL('tasks/', DOCS)).map((name) => name.replace(/\.md$/, ''));
    expect(pages.sort()).toEqual([...taskNames].sort());
  });

  it.each(definitions.map((definition) => [definition.name, definition] as const))(
    '%s has a current option table (else: npm run docs)',
    (name, definition) => {
      const page = read(`tasks/${name}.md`);
      expect(page).toBe(withOptionTable(page, definition));
      expect(page.startsWith(`# ${name}\n`)).toBe(true);
    },
  );

  it('are listed in docs/tasks.md (else: npm run docs)', () => {
    const page = read('tasks.md');
    expect(page).toBe(withTaskList(page, definitions));
  });

  it('have a sentence for every option', () => {
    for (const { name, options } of definitions) {
      const rows = optionTable(options).trim().split('\n').slice(2);
      expect(rows.length, name).toBe(Object.keys(options.shape).length);
      for (const row of rows) expect(row, name).toMatch(/[.]`?\)? \|$/);
    }
  });
});

describe('optionTable', () => {
  it('shows values, default and meaning, and marks required options', () => {
    const schema = z.strictObject({
      path: z.string().describe('A file.'),
      size: integer({ min: 1, max: 3 }).default(2).describe('The size.'),
      limit: integer({ min: 1 }).optional().describe('A limit.'),
    });
    expect(optionTable(schema)).toBe(
      [
        '| option | value | default | meaning |',
        '|---|---|---|---|',
        '| `path` | text | *required* | A file. |',
        '| `size` | integer >= 1, <= 3 | `2` | The size. |',
        '| `limit` | integer >= 1 |  | A limit. |',
        '',
      ].join('\n'),
    );
  });
});

it('a page without markers is an error that names the page', () => {
  expect(() => withOptionTable('# digits\n', definitions.find(({ name }) => name === 'digits')!)).toThrow(
    'docs/tasks/digits.md: expected the lines <!-- options:begin --> and <!-- options:end -->, got none',
  );
});
