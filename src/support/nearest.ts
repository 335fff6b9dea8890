/**
 * Finds suggestions ("did you mean") for unknown names by edit distance with transpositions.
 * @see Damerau, "A technique for computer detection and correction of spelling errors", CACM 1964
 * @module
 */

/**
 * Minimum number of insertions, deletions, substitutions and transpositions of neighbours that turn `a` into `b`
 * (optimal string alignment: no substring is edited twice).
 *
 * @returns distance in characters (UTF-16 code units)
 *
 * @example
 * editDistance('quantil', 'quantile'); // => 1
 * editDistance('saeve', 'seave'); // => 1
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2] + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length];
}

/**
 * Returns the candidate closest to `name`, ignoring case and the difference of `-` and `_`. Its distance must
 * be at most the larger of 2 edits and a third of its length. The first of equally close candidates is
 * returned.
 *
 * @returns the candidate, or undefined if none is close enough
 *
 * @example
 * nearestName('promt_field', ['path', 'prompt_field']); // => 'prompt_field'
 */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const wanted = comparable(name);
  let nearest: string | undefined;
  let smallest = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const other = comparable(candidate);
    // The allowed distance is below the candidate's length. Otherwise a name of two letters would match every
    // other name of two letters.
    const allowed = Math.min(Math.max(2, candidate.length / 3), candidate.length - 1);
    // The difference of lengths is a lower bound of the distance. This test is fast for names in requests to
    // a server, which may be a megabyte long.
    if (Math.abs(wanted.length - other.length) > allowed) continue;
    const distance = editDistance(wanted, other);
    if (distance <= allowed && distance < smallest) {
      nearest = candidate;
      smallest = distance;
    }
  }
  return nearest;
}

/** Returns the normal form of a name, in which `useAll`, `use-all` and `use_all` are equal. */
function comparable(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase()
    .replaceAll('-', '_');
}
