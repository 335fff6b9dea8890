/**
 * The structure of a Blocksworld problem: two problems have the same structure if renaming the blocks of one gives the
 * other. Splitting by structure keeps every renaming of a test problem out of the train split.
 * @module
 */
import type { Towers } from './domain.ts';

/**
 * The blocks below and above a block, in the initial state and in the goal; undefined where there is none.
 */
type Neighbours = readonly (string | undefined)[];

/**
 * Returns a text that is the same for two problems if and only if they have the same structure. Blocks and
 * their neighbors form a graph with labeled edges, so a traversal from one block numbers all connected
 * blocks. The text of a connected component is the smallest text over all first blocks of the traversal. The
 * text of a problem is the sorted list of the texts of its components.
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

/**
 * Numbers the blocks that are connected to `first` in breadth-first order. The text lists the numbers of the
 * neighbors of each block.
 */
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
