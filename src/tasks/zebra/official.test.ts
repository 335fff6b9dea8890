import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { randomStream } from '../../core/rng.ts';
import { parseTaskOptions } from '../../task/definition.ts';
import { ATTRIBUTES, attributeOf, namedBy } from './catalog.ts';
import { drawZebra } from './generate.ts';
import { gradeGrid } from './grid-answer.ts';
import { answerText, officialPrompt } from './official-prompt.ts';
import { puzzleText, readPuzzle, UnreadablePuzzle } from './official-text.ts';
import { CLUE_KINDS, puzzleKey } from './puzzle.ts';
import { solve } from './solver.ts';
import { createZebraLogic, zebralogic } from './zebralogic.ts';

const PUZZLES = new URL('../../../test/fixtures/zebralogic-puzzles.jsonl', import.meta.url).pathname;
const OUTPUTS = new URL('../../../test/fixtures/zebralogic-outputs.jsonl', import.meta.url);

interface Output {
  readonly id: string;
  readonly output: string;
  readonly expected: {
    readonly solved: boolean;
    readonly correct_cells: number;
    readonly total_cells: number;
  };
}
const outputs: Output[] = readFileSync(OUTPUTS, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line));

const gold = {
  headers: ['Name', 'Drink'],
  rows: [
    ['Eric', 'tea'],
    ['Peter', 'root beer'],
  ],
};
const answered = (solution: unknown) => `So:\n${JSON.stringify({ reasoning: 'r', solution }, null, 4)}`;

describe('gradeGrid', () => {
  it('ignores case and surrounding whitespace of cells', () => {
    const text = answered({
      'House 1': { Name: ' ERIC', Drink: 'Tea ' },
      'House 2': { Name: 'peter', Drink: 'Root Beer' },
    });
    expect(gradeGrid(gold, text)).toEqual({
      parsed: true,
      solved: true,
      correctCells: 4,
      totalCells: 4,
      answer: 'eric, tea | peter, root beer',
    });
  });

  it('reads the first item of a list, and no value from missing, empty, null and other cells', () => {
    const cells = [['tea', 'x'], [], '', null, 7, { tea: 1 }, undefined];
    const right = cells.map(
      (Drink) => gradeGrid(gold, answered({ 'House 1': { Name: 'Eric', Drink } })).correctCells,
    );
    expect(right).toEqual([2, 1, 1, 1, 1, 1, 1]);
  });

  it('reads the last part with balanced braces, without line feeds', () => {
    const right = {
      'House 1': { Name: 'Eric', Drink: 'tea' },
      'House 2': { Name: 'Peter', Drink: 'root beer' },
    };
    const solved = (text: string) => gradeGrid(gold, text).solved;
    expect(solved(answered(right))).toBe(true);
    expect(solved(`${answered({})} ${answered(right)} and {`)).toBe(true);
    expect(solved(`${answered(right)} ${answered({})}`)).toBe(false);
    // braces are not balanced: the first one is never closed
    expect(solved(`{ ${answered(right)}`)).toBe(false);
    expect(solved(`} ${answered(right)}`)).toBe(true);
    expect(solved(answered(right).replace('"r"', '"one\ntwo"'))).toBe(true);
    expect(solved(answered(right).replace('"r"', 'NaN'))).toBe(true);
    // the last balanced braces belong to the LaTeX formula
    expect(solved(`${answered(right)} so $\\frac{1}{2}$`)).toBe(false);
    expect(solved(`${answered({})}</think>${answered(right)}`)).toBe(true);
    expect(solved(`${answered(right)}</think>I do not know`)).toBe(false);
  });

  it('has no answer for a text without one', () => {
    for (const text of ['', '{', '{}', '{"solution": null}', '{"solution": {}', '{solution: 1}', '}{'])
      expect(gradeGrid(gold, text)).toEqual({ parsed: false, solved: false, correctCells: 0, totalCells: 4 });
    for (const solution of [{}, [], 'House 1', 3, { 'House 1': 'Name' }, { 'House 1': null }])
      expect(gradeGrid(gold, answered(solution))).toMatchObject({
        parsed: true,
        solved: false,
        correctCells: 0,
      });
    const { answer } = gradeGrid(
      gold,
      '{"solution": {"__proto__": {"Name": "Eric"}, "House 1": {"Name": "a"}}}',
    );
    expect(answer).toBe('a,  | , ');
  });
});

describe('readPuzzle', () => {
  it('parses the output of puzzleText, for every phrase of the catalog', () => {
    for (const [k, attribute] of ATTRIBUTES.entries()) {
      const columns = [attribute, ATTRIBUTES[(k + 7) % ATTRIBUTES.length] as typeof attribute].map(
        ({ header, values }) => ({ header, values: values.map(([value]) => value) }),
      );
      const puzzle = drawZebra({ houses: 6, columns, kinds: CLUE_KINDS }, randomStream(k));
      if (!puzzle) throw new Error('expected a puzzle');
      const read = readPuzzle(puzzleText(puzzle));
      expect(read).toEqual({ houses: 6, columns, clues: puzzle.clues });
      expect(puzzleKey(read)).toBe(puzzleKey(puzzle));
      for (const [value, phrase] of attribute.values)
        expect(namedBy(phrase)).toEqual([attribute.header, value.toLowerCase()]);
      expect(attributeOf(attribute.sentence)).toBe(attribute);
    }
  });

  it('recognizes unknown values by their words', () => {
    const text =
      'There are 2 houses, numbered 1 to 2.\n - Each has a spice: `sea salt`, `pepper`\n' +
      ' - Each person has a unique name: `Ada`, `Bo`\n\n## Clues:\n1. The person who loves sea salt is not in the second house.\n' +
      '2. Ada is the person who likes peppery food.\n';
    const puzzle = readPuzzle(text, ['Spice', 'Name']);
    expect(puzzle.clues).toEqual([
      { kind: 'not_at', value: 0, house: 1 },
      { kind: 'same', value: 2, other: 1 },
    ]);
    expect(() => readPuzzle(text)).toThrow(
      new UnreadablePuzzle('expected a known attribute, got "Each has a spice"'),
    );
  });

  it('names the clue that it cannot parse', () => {
    const text = (clue: string) =>
      `There are 2 houses.\n - Each person has a unique name: \`Ada\`, \`Bo\`\n\n## Clues:\n1. ${clue}\n`;
    expect(() => readPuzzle(text('Ada lives far away.'))).toThrow('known form, got "Ada lives far away"');
    expect(() => readPuzzle(text('Cy is in the first house.'))).toThrow('expected "Cy" to name one value');
    expect(() => readPuzzle('There are 9 houses')).toThrow('expected a puzzle with 1 to 6 houses');
  });
});

describe('officialPrompt', () => {
  it('puts the puzzle into the template of ZeroEval', () => {
    const prompt = officialPrompt('PUZZLE', { houses: 2, headers: ['Name', 'Pet'] });
    expect(prompt.startsWith('\n# Example Puzzle \n\nThere are 3 houses')).toBe(true);
    expect(prompt).toContain('\n# Puzzle to Solve \n\nPUZZLE\n\n\n# Instruction\n\nNow please solve');
    expect(prompt.slice(prompt.indexOf('format:'))).toBe(`format:

{
    "reasoning": "___",
    "solution": {
        "House 1": {
            "Name": "___",
            "Pet": "___"
        },
        "House 2": {
            "Name": "___",
            "Pet": "___"
        }
    }
}

`);
    expect(JSON.parse(answerText('r', ['Name'], [['Ada']]))).toEqual({
      reasoning: 'r',
      solution: { 'House 1': { Name: 'Ada' } },
    });
  });
});

describe('task zebralogic', () => {
  it('gives every output the official verdict', () => {
    const task = createZebraLogic({ path: PUZZLES });
    const cells = createZebraLogic({ path: PUZZLES, reward: 'cells' });
    const items = Array.from({ length: task.size('test') ?? 0 }, (_, k) => task.item('test', k));
    expect(outputs.length).toBe(8);
    for (const { id, output, expected } of outputs) {
      const item = items.find((one) => one.id === id);
      if (!item) throw new Error(`expected puzzle ${id}`);
      expect(task.verify(item, output)).toMatchObject({
        correct: expected.solved,
        reward: Number(expected.solved),
      });
      expect(cells.verify(item, output).reward).toBe(expected.correct_cells / expected.total_cells);
    }
  });

  it('has all puzzles in the test split and none for training', () => {
    const task = createZebraLogic({ path: PUZZLES });
    expect(['train', 'validation', 'test'].map((split) => task.size(split as 'train'))).toEqual([0, 0, 17]);
    expect(() => task.item('train', 0)).toThrow('task zebralogic: expected an index from 0 to 16');
    const item = task.item('test', 0);
    expect(item.prompt).toContain((item.data as { puzzle: string }).puzzle);
    expect(['small', 'medium', 'large', 'xl']).toContain(item.difficulty);
  });

  it('solves every puzzle, with the columns of the file', () => {
    const lines = readFileSync(PUZZLES, 'utf8').trimEnd().split('\n');
    for (const { puzzle: text, solution } of lines.map((line) => JSON.parse(line))) {
      const puzzle = readPuzzle(text);
      expect(puzzle.columns.map(({ header }) => header)).toEqual(solution.header.slice(1));
      expect(solve(puzzle).found).toHaveLength(1);
    }
  });

  it('requires a path', () => {
    expect(() => parseTaskOptions(zebralogic, {})).toThrow(
      'task zebralogic.path: expected the name of a JSON-lines file',
    );
  });
});
