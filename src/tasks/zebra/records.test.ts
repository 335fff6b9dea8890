import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readZebraLogic } from './records.ts';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'zebra-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

function read(record: object) {
  const path = join(dir, 'puzzles.jsonl');
  writeFileSync(path, `${JSON.stringify(record)}\n`);
  return readZebraLogic(path);
}

const puzzle =
  'There are 2 houses.\n - Each person has a unique name: `Eric`, `Arnold`\n' +
  ' - Each person has a favorite color: `red`, `blue`\n\n## Clues:\n1. Eric is in the second house.\n' +
  '2. The person who loves blue is Eric.\n';
const rows = [
  ['1', 'Arnold', 'red'],
  ['2', 'Eric', 'blue'],
];

it('computes a solution that is missing or withheld', () => {
  const header = ['House', 'Name', 'Color'];
  const blank = rows.map((row) => row.map(() => '___'));
  for (const solution of [undefined, null, { header, rows }, { header, rows: blank }])
    expect(read({ id: 'a', puzzle, solution })[0]?.gold).toMatchObject({
      headers: ['Name', 'Color'],
      rows: [
        ['Arnold', 'red'],
        ['Eric', 'blue'],
      ],
    });
});

it('rejects a record with an error that names its fault', () => {
  const place = /^.*puzzles.jsonl:1: /.source;
  const cases: [object, string][] = [
    [{ id: 'a' }, 'expected a text in field "puzzle", got nothing'],
    [
      { id: 'a', puzzle, solution: { header: ['Name'], rows } },
      'expected a solution with header \\["House", ...\\]',
    ],
    [{ id: 'a', puzzle, solution: { header: ['House', 'Name'], rows } }, 'expected rows with 2 texts'],
    [{ id: 'a', puzzle: puzzle.replace(/^2\..*$/m, '2. Eric is happy.') }, 'expected a clue of a known form'],
    [{ id: 'a', puzzle: puzzle.replace(/^2\..*$/m, '') }, 'expected a puzzle with one solution, got several'],
    [
      { id: 'a', puzzle: `${puzzle}3. Eric is in the first house.\n` },
      'expected a puzzle with one solution, got none',
    ],
  ];
  for (const [record, message] of cases) expect(() => read(record)).toThrow(new RegExp(place + message));
});
