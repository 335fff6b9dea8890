/**
 * Checks that `docs/algorithm.md` defines every numbered equation, error, check and example that the source
 * code cites.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = readFileSync(join(root, 'docs/algorithm.md'), 'utf8');
const anchors = [...page.matchAll(/<a id="([^"]+)"><\/a>/g)].map(([, id]) => id ?? '');

/** Matches a citation such as E36, E26b, P9, C2 or G4. Both ends of a range ("E22-E26") match separately. */
const CITATION = /\b(?:E[1-9]\d?[a-c]?\b|[PCG][1-9]\d?\b)/g;
/**
 * Files that are not searched: their matches are coordinates and product names in catalogues of puzzles, not
 * citations.
 */
const NO_CITATIONS = /^tasks\/zebra\//;

const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(
  (name) => /\.tsx?$/.test(name) && !NO_CITATIONS.test(name),
);

function range(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, k) => `${prefix}${k + 1}`);
}

describe('docs/algorithm.md', () => {
  it('defines every anchor once', () => {
    expect(anchors.filter((id, index) => anchors.indexOf(id) !== index)).toEqual([]);
  });

  it('defines E1 to E66, P1 to P18, K1 to K9, G1 to G7, C1 to C9, V1 to V25 and F01 to F31', () => {
    const unused = ['e30', 'e44', 'e45', 'e46', 'e47', 'e48', 'e49', 'e60'];
    const equations = range('e', 66).filter((id) => !unused.includes(id));
    const families = range('f', 31).map((id) => `f${id.slice(1).padStart(2, '0')}`);
    const others = [
      ...range('p', 18),
      ...range('k', 9),
      ...range('g', 7),
      ...range('c', 9),
      ...range('v', 25),
    ];
    const wanted = [
      ...equations,
      'e25-prime',
      'e26a',
      'e26b',
      'e26c',
      'e59b',
      'e60a',
      ...families,
      ...others,
    ];
    expect(wanted.filter((id) => !anchors.includes(id))).toEqual([]);
  });

  it('defines every number that a file of src cites', () => {
    const cited = sources.flatMap((name) => {
      const text = readFileSync(join(root, 'src', name), 'utf8');
      return [...text.matchAll(CITATION)].map(([number]) => ({ name, number }));
    });
    expect(cited.length).toBeGreaterThan(300);
    expect(cited.filter(({ number }) => !anchors.includes(number.toLowerCase()))).toEqual([]);
  });
});
