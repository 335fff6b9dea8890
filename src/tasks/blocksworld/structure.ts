/**
 * What stays of a Blocksworld problem when its blocks are renamed: two problems have the same structure if some
 * renaming makes one the other. Splitting by structure keeps every renaming of a tested problem out of training.
 * @module
 */
import type { Towers } from './domain.ts';

/** What is below and above a block, at the start and in the goal. */
type Neighbours = readonly (string | undefined)[];

/**
 * A text that is the same for problems of the same structure, and for no others. Blocks and their neighbours
 * are a graph in which every step is determined, so walking it from one block numbers all it reaches; of a
 * connected part the smallest text over its first blocks counts, and a problem is the sorted list of its parts.
 */
export function structureKey({ start, wanted }: { readonly start: Towers; readonly wanted: Towers }): string {
  const [below, above] = linksOf(start);
  const [goalBelow, goalAbove] = linksOf(wanted);
  const neighbours = (block: string): Neighbours =>
    [below, above, goalBelow, goalAbove].map((links) => links.get(block));
  const left = new Set(start.flat());
  const parts: string[] = [];
  for (const block of left) {
    const members = walk(block, neighbours).order;
    for (const member of members) left.delete(member);
    parts.push(members.map((member) => walk(member, neighbours).text).sort()[0]);
  }
  return parts.sort().join('|');
}

function linksOf(towers: Towers): [below: Map<string, string>, above: Map<string, string>] {
  const pairs = towers.flatMap((tower) =>
    tower.slice(1).map((block, at): [string, string] => [block, tower[at]]),
  );
  return [new Map(pairs), new Map(pairs.map(([block, under]) => [under, block]))];
}

/** Numbers blocks in the order they are met from `first`; each is written as its neighbours' numbers. */
function walk(first: string, neighbours: (block: string) => Neighbours): { order: string[]; text: string } {
  const order = [first];
  const rows: string[] = [];
  for (let at = 0; at < order.length; at++) {
    const row = neighbours(order[at]).map((next) => {
      if (next === undefined) return '-';
      if (!order.includes(next)) order.push(next);
      return order.indexOf(next);
    });
    rows.push(row.join(','));
  }
  return { order, text: rows.join(';') };
}
