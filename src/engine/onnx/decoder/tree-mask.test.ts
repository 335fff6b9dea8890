import { describe, expect, it } from 'vitest';
import { MASKED } from '../graph/ops.ts';
import { treeDepths, treeMask } from './tree-mask.ts';

/** Row 1: token 0, its successors 1 and 2, and 3 after 2. Row 2: tokens 0 and 1, and padding. */
const layout = { rows: 2, length: 4, previous: Int32Array.of(-1, 0, 0, 2, -1, 0, -1, -1) };

/** Replaces visible positions by 1 and masked ones by 0. */
function visible(mask: Float32Array): string[] {
  expect(mask.every((value) => value === 0 || value === Math.fround(MASKED))).toBe(true);
  return Array.from({ length: mask.length / 4 }, (_, row) =>
    [...mask.subarray(row * 4, row * 4 + 4)].map((value) => (value === 0 ? 1 : 0)).join(''),
  );
}

describe('treeDepths', () => {
  it('counts the ancestors within the row', () => {
    expect([...treeDepths(layout)]).toEqual([0, 1, 1, 2, 0, 1, 0, 0]);
  });
});

describe('treeMask', () => {
  it('shows each position itself and its ancestors', () => {
    const rows = visible(treeMask(layout, { copies: 1 }));
    expect(rows).toEqual(['1000', '1100', '1010', '1011', '1000', '1100', '0010', '0001']);
  });

  it('limits the ancestors to the window', () => {
    const rows = visible(treeMask(layout, { copies: 1, window: 2 }));
    expect(rows.slice(0, 4)).toEqual(['1000', '1100', '1010', '0011']);
  });

  it('repeats the mask of each row', () => {
    const rows = visible(treeMask(layout, { copies: 2 }));
    expect(rows).toHaveLength(16);
    expect(rows.slice(0, 4)).toEqual(rows.slice(4, 8));
    expect(rows.slice(8, 12)).toEqual(rows.slice(12, 16));
    expect(rows.slice(8, 12)).toEqual(['1000', '1100', '0010', '0001']);
  });
});
