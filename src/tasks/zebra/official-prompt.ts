/**
 * The prompt of ZebraLogic's grid mode: an example, the puzzle, and a JSON template to fill in.
 *
 * The text is the template ZEBRA_GRID of WildEval/ZeroEval (Apache-2.0), unchanged, because scores depend on
 * it.
 * @module
 */
import type { ZebraPuzzle } from './puzzle.ts';

const EXAMPLE = `
# Example Puzzle 

There are 3 houses, numbered 1 to 3 from left to right, as seen from across the street. Each house is occupied by a different person. Each house has a unique attribute for each of the following characteristics:
 - Each person has a unique name: \`Peter\`, \`Eric\`, \`Arnold\`.
 - Each person has a unique favorite drink: \`tea\`, \`water\`, \`milk\`

## Clues for the Example Puzzle

1. Peter is in the second house.
2. Arnold is directly left of the one who only drinks water.
3. The one who only drinks water is directly left of the person who likes milk.

## Answer to the Example Puzzle

{
    "reasoning": "Given Clue 1, we know Peter is in House 2. According to Clue 2, Arnold is directly left of the one who only drinks water. The person in House 3 cannot be on the left of anyone, so Arnold must be in House 1. Thus, Peter drinks water, and Eric lives in House 3. Then, according to Clue 3, Eric drinks milk. Therefore, Arnold drinks tea.",
    "solution": {
        "House 1": {
            "Name": "Arnold",
            "Drink": "tea"
        },
        "House 2": {
            "Name": "Peter",
            "Drink": "water"
        },
        "House 3": {
            "Name": "Eric",
            "Drink": "milk"
        }
    }
}

# Puzzle to Solve 

`;

const INSTRUCTION = `


# Instruction

Now please solve the above puzzle. Present your reasoning and solution in the following json format:

`;

/** Writes the prompt of a puzzle. @param shape.headers - names of the columns, without "House" */
export function officialPrompt(
  puzzle: string,
  { houses, headers }: { readonly houses: number; readonly headers: readonly string[] },
): string {
  const blank = Array.from({ length: houses }, () => headers.map(() => '___'));
  return `${EXAMPLE}${puzzle}${INSTRUCTION}${answerText('___', headers, blank)}\n\n`;
}

/**
 * Writes an answer in the format that the prompt requires. @param rows - one list of values per house, in the
 * order of `headers`
 */
export function answerText(
  reasoning: string,
  headers: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const houses = rows.map((row, house) => [
    `House ${house + 1}`,
    Object.fromEntries(headers.map((header, column) => [header, row[column]])),
  ]);
  return JSON.stringify({ reasoning, solution: Object.fromEntries(houses) }, null, 4);
}

/** Writes a solution as a table. @param house - the house of every value */
export function tableRows({ houses, columns }: ZebraPuzzle, house: ArrayLike<number>): string[][] {
  const rows = Array.from({ length: houses }, (): string[] => []);
  for (const [column, { values }] of columns.entries())
    for (const [index, value] of values.entries())
      (rows[house[column * houses + index] as number] as string[])[column] = value;
  return rows;
}
