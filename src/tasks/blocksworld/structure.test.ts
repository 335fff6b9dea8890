import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { drawTowers, nameList } from './puzzle.ts';
import { structureKey } from './structure.ts';

const SIZE = 3;
const states = (() => {
  const found = new Map<string, string[][]>();
  const stream = randomStream(1);
  while (found.size < 13) {
    const towers = drawTowers(nameList(SIZE), stream);
    found.set(JSON.stringify(towers), towers);
  }
  return [...found.values()];
})();

function renamed(towers: readonly (readonly string[])[], names: readonly string[]): string[][] {
  return towers.map((tower) => tower.map((block) => names[block.charCodeAt(0) - 97])).reverse();
}

const keep = (towers: string[][]) => towers.filter((tower) => tower.length > 1);

it('is the same under any renaming and order of towers', () => {
  const any = fc.tuple(fc.integer({ min: 2, max: 8 }), fc.nat());
  fc.assert(
    fc.property(any, fc.nat(), ([count, seed], other) => {
      const stream = randomStream(seed);
      const start = drawTowers(nameList(count), stream);
      const wanted = keep(drawTowers(nameList(count), stream));
      const names = drawTowers(nameList(12), randomStream(other)).flat();
      expect(structureKey({ start: renamed(start, names), wanted: renamed(wanted, names) })).toBe(
        structureKey({ start, wanted }),
      );
    }),
  );
});

it('differs for all problems of three blocks that no renaming makes equal', () => {
  const orders = ['abc', 'acb', 'bac', 'bca', 'cab', 'cba'].map((order) => [...order]);
  const text = (towers: string[][]) =>
    towers
      .map((tower) => tower.join(''))
      .sort()
      .join(' ');
  // structure keys by the canonical text of the problem, which is the smallest text over all renamings
  const smallest = new Map<string, Set<string>>();
  for (const start of states)
    for (const wanted of states.map(keep)) {
      const forms = orders
        .map((names) => `${text(renamed(start, names))}>${text(renamed(wanted, names))}`)
        .sort();
      smallest.set(forms[0], (smallest.get(forms[0]) ?? new Set()).add(structureKey({ start, wanted })));
    }
  expect([...smallest.values()].every((keys) => keys.size === 1)).toBe(true);
  expect(new Set([...smallest.values()].flatMap((keys) => [...keys])).size).toBe(smallest.size);
});
