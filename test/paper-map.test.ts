/**
 * Checks that `docs/paper-map.md` is current: the files and functions that it names exist, and the named test
 * uses the function.
 */
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const lines = read('docs/paper-map.md').split('\n');

/** Table rows of the form | equation | description | `file` `function` | `test` | ... |. */
const rows = lines.flatMap((line) => {
  const match = line.match(
    /^\| (?<equation>[^|]+) \| [^|]+ \| `(?<file>[^`]+)` `(?<name>[^`]+)` \| `(?<test>[^`]+)` \|/,
  );
  return match?.groups ? [match.groups as Record<'equation' | 'file' | 'name' | 'test', string>] : [];
});

describe('docs/paper-map.md', () => {
  it('has valid rows in its code tables', () => {
    const marked = lines.filter((line) => /^\|.*`src\/\S+` `/.test(line));
    expect(marked.length).toBeGreaterThan(60);
    expect(rows).toHaveLength(marked.length);
  });

  for (const { equation, file, name, test } of rows)
    it(`${equation}: ${name} is exported by ${file} and used by ${test}`, () => {
      expect(read(file)).toMatch(new RegExp(`export (async )?(function|const|class) ${name}\\b`));
      expect(read(test)).toMatch(new RegExp(`\\b${name}\\b`));
    });

  it('contains existing files only', () => {
    const paths = lines.flatMap((line) =>
      [...line.matchAll(/`((?:src|test|scripts)\/[^` ]+\.\w+)`/g)].map((m) => m[1]),
    );
    expect(paths.filter((path) => !existsSync(new URL(path, ROOT)))).toEqual([]);
  });

  it('covers every equation from E1 to E66 except those marked as rules', () => {
    const text = lines.join('\n');
    const covered = new Set<number>();
    for (const [, from, , to] of text.matchAll(/\bE(\d+)([a-c]?)(?:-E(\d+))?/g))
      for (let k = Number(from); k <= Number(to ?? from); k++) covered.add(k);
    // docs/algorithm.md has no equations E30 and E44-E49
    const absent = [30, 44, 45, 46, 47, 48, 49];
    const wanted = Array.from({ length: 66 }, (_, k) => k + 1).filter((k) => !absent.includes(k));
    expect(wanted.filter((k) => !covered.has(k))).toEqual([]);
  });
});
