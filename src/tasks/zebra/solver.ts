/**
 * Solves zebra puzzles by constraint propagation and search. Every value has a set of candidate houses, the
 * bits of a byte. Propagation narrows the sets until nothing changes. Then the value with the fewest
 * candidates is tried in each of its houses. The solver counts solutions up to a limit and thereby proves
 * that a solution is unique. The generator and the parser of official puzzles use it.
 * @module
 */
import { fits, type Relation, type ZebraPuzzle } from './puzzle.ts';

/** A value and its house. */
export interface Placement {
  readonly value: number;
  readonly house: number;
}

export interface Solutions {
  /** The solutions that were found, at most `limit` of them. A solution is the house of every value. */
  readonly found: readonly Uint8Array[];
  /** Number of houses that the search tried; 0 if propagation alone sufficed. */
  readonly trials: number;
  /**
   * The placements of values in houses of the first solution, in the order of deduction. Empty if there is no
   * solution.
   */
  readonly placements: readonly Placement[];
}

/**
 * Solves a puzzle.
 *
 * @param options.limit - maximum number of solutions to find; 2 (default) suffices to decide whether there is
 *   exactly one
 */
export function solve(puzzle: ZebraPuzzle, { limit = 2 }: { readonly limit?: number } = {}): Solutions {
  const search = new Search(puzzle, limit);
  const all = (1 << puzzle.houses) - 1;
  search.run(new Uint8Array(puzzle.houses * puzzle.columns.length).fill(all), []);
  return search;
}

class Search implements Solutions {
  readonly found: Uint8Array[] = [];
  trials = 0;
  placements: readonly Placement[] = [];
  readonly #puzzle: ZebraPuzzle;
  readonly #limit: number;
  /**
   * Lookup tables of each relation clue: the possible houses of `other` by the candidates of `value`
   * (forward), and of `value` by the candidates of `other` (backward). Undefined for other clues.
   */
  readonly #images: readonly (Images | undefined)[];

  constructor(puzzle: ZebraPuzzle, limit: number) {
    this.#puzzle = puzzle;
    this.#limit = limit;
    this.#images = puzzle.clues.map(({ kind }) =>
      kind === 'at' || kind === 'not_at' ? undefined : imagesOf(kind, puzzle.houses),
    );
  }

  run(domains: Uint8Array, placed: Placement[]): void {
    if (!this.#propagate(domains, placed)) return;
    const value = narrowest(domains);
    if (value < 0) {
      if (this.found.length === 0) this.placements = [...placed];
      this.found.push(domains.map((set) => 31 - Math.clz32(set)));
      return;
    }
    for (let house = 0; house < this.#puzzle.houses && this.found.length < this.#limit; house++) {
      if (((domains[value] as number) & (1 << house)) === 0) continue;
      this.trials++;
      const tried = domains.slice();
      tried[value] = 1 << house;
      this.run(tried, [...placed, { value, house }]);
    }
  }

  /**
   * Narrows the candidates until nothing changes, and records new placements. @returns false on a
   * contradiction
   */
  #propagate(domains: Uint8Array, placed: Placement[]): boolean {
    const known = new Set(placed.map(({ value }) => value));
    let before: Uint8Array;
    do {
      before = domains.slice();
      this.#applyClues(domains);
      if (!this.#applyColumns(domains)) return false;
      for (let value = 0; value < domains.length; value++) {
        const set = domains[value] as number;
        if ((set & (set - 1)) !== 0 || known.has(value)) continue;
        known.add(value);
        placed.push({ value, house: 31 - Math.clz32(set) });
      }
    } while (domains.some((set, value) => set !== before[value]));
    return true;
  }

  #applyClues(domains: Uint8Array): void {
    for (const [index, clue] of this.#puzzle.clues.entries()) {
      if (clue.kind === 'at') domains[clue.value]! &= 1 << clue.house;
      else if (clue.kind === 'not_at') domains[clue.value]! &= ~(1 << clue.house);
      else {
        const { forward, backward } = this.#images[index] as Images; // relations have images
        domains[clue.other]! &= forward[domains[clue.value] as number] as number;
        domains[clue.value]! &= backward[domains[clue.other] as number] as number;
      }
    }
  }

  /**
   * Applies the rule that every house has exactly one value of each column. @returns false on a contradiction
   */
  #applyColumns(domains: Uint8Array): boolean {
    const { houses } = this.#puzzle;
    for (let start = 0; start < domains.length; start += houses) {
      for (let value = start; value < start + houses; value++) {
        const set = domains[value] as number;
        if (set === 0) return false;
        if ((set & (set - 1)) !== 0) continue;
        for (let rival = start; rival < start + houses; rival++) if (rival !== value) domains[rival]! &= ~set;
      }
      for (let house = 0; house < houses; house++) {
        let only = -1;
        let candidates = 0;
        for (let value = start; value < start + houses; value++)
          if (((domains[value] as number) & (1 << house)) !== 0) {
            only = value;
            candidates++;
          }
        if (candidates === 0) return false;
        if (candidates === 1) domains[only] = 1 << house;
      }
    }
    return true;
  }
}

/**
 * Returns the value with the fewest candidates among those with several; -1 if every value has a single
 * candidate.
 */
function narrowest(domains: Uint8Array): number {
  let best = -1;
  let fewest = Number.POSITIVE_INFINITY;
  for (let value = 0; value < domains.length; value++) {
    const size = bitCount(domains[value] as number);
    if (size > 1 && size < fewest) {
      best = value;
      fewest = size;
    }
  }
  return best;
}

function bitCount(set: number): number {
  let count = 0;
  for (let rest = set; rest !== 0; rest &= rest - 1) count++;
  return count;
}

interface Images {
  readonly forward: Uint8Array;
  readonly backward: Uint8Array;
}

const imagesCache = new Map<string, Images>();

/**
 * Returns the lookup tables of a relation: for every set of candidates of one value, the possible houses of
 * the other.
 */
function imagesOf(relation: Relation, houses: number): Images {
  const name = `${relation} ${houses}`;
  const cached = imagesCache.get(name);
  if (cached) return cached;
  const forward = new Uint8Array(1 << houses);
  const backward = new Uint8Array(1 << houses);
  for (let set = 0; set < 1 << houses; set++)
    for (let from = 0; from < houses; from++)
      for (let to = 0; to < houses; to++) {
        if ((set & (1 << from)) === 0) continue;
        if (fits(relation, to - from)) forward[set]! |= 1 << to;
        if (fits(relation, from - to)) backward[set]! |= 1 << to;
      }
  const images = { forward, backward };
  imagesCache.set(name, images);
  return images;
}
