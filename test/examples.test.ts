/**
 * Runs every `@example` of the core and of the graders. `expression; // => value` compares exactly, `// ≈>
 * value` to 1e-6. An example can use the exports of its own file and of the folder's `index.ts`.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const SRC = new URL('../src/', import.meta.url);
const FOLDERS = ['core', 'grade'];

interface Example {
  readonly file: string;
  readonly expression: string;
  readonly exact: boolean;
  readonly value: string;
}

function examplesOf(file: string): Example[] {
  const blocks = readFileSync(new URL(file, SRC), 'utf8').match(/@example[\s\S]*?\*\//g) ?? [];
  return blocks.flatMap((block) =>
    [...block.matchAll(/^\s*\*\s?(?<expression>.+?);\s*\/\/\s*(?<arrow>=>|≈>)\s*(?<value>.+)$/gm)].map(
      ({ groups }) => {
        if (!groups) throw new Error(`${file}: an example could not be read`);
        const { expression, arrow, value } = groups;
        return { file, expression, exact: arrow === '=>', value };
      },
    ),
  );
}

const files = FOLDERS.flatMap((folder) =>
  readdirSync(new URL(folder, SRC), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => `${folder}/${file}`),
);
const examples = files.flatMap(examplesOf);

describe('examples in docstrings', () => {
  it('are found', () => {
    expect(examples.length).toBeGreaterThanOrEqual(10);
    const marked = files.flatMap((f) => readFileSync(new URL(f, SRC), 'utf8').match(/@example/g) ?? []);
    expect(examples.length).toBeGreaterThanOrEqual(marked.length);
  });

  for (const { file, expression, exact, value } of examples)
    it(`${file}: ${expression}`, async () => {
      const index = new URL(`${file.split('/')[0]}/index.ts`, SRC);
      const module: Record<string, unknown> = {
        ...(existsSync(index) ? await import(index.href) : {}),
        ...(await import(new URL(file, SRC).href)),
      };
      const evaluate = (code: string): unknown =>
        new Function(...Object.keys(module), `return (${code});`)(...Object.values(module));
      const got = plain(evaluate(expression));
      const want = plain(evaluate(value));
      expect(got).toEqual(exact ? want : approximately(want));
    });
});

/** Converts typed arrays to plain arrays, at any depth. */
function plain(value: unknown): unknown {
  if (value instanceof Float64Array) return [...value];
  return Array.isArray(value) ? value.map(plain) : value;
}

function approximately(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(approximately);
  return typeof value === 'number' ? expect.closeTo(value, 6) : value;
}
