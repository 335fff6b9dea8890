/**
 * Divides a Blocksworld plan into the parts of a demonstration. Each part is one move of a block, with the
 * resulting towers.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import type { GeneratorOptions } from '../planning/generator.ts';
import type { DemonstrationPart, DemonstrationParts } from '../planning/relay-messages.ts';
import type { Step } from '../planning/strips.ts';
import type { Towers } from './domain.ts';
import { compactPlan, towersText } from './notation.ts';
import { colouredPlan, colourOf, planLines } from './planbench-text.ts';
import type { Puzzle } from './puzzle.ts';

export function demonstrationParts(puzzle: Puzzle, style: GeneratorOptions['style']): DemonstrationParts {
  const blocks = puzzle.start.flat();
  const any = (stream: RandomStream): string => blocks[stream.int(blocks.length)];
  return {
    parts: movesOf(puzzle),
    ...(style === 'compact'
      ? {
          write: compactPlan,
          addNoise: (message, stream) => message.replace(/[a-z]/g, () => any(stream)),
        }
      : {
          write: (steps) => planLines(colouredPlan(steps)).join('\n'),
          addNoise: (message, stream) =>
            message.replace(/(?<=the )\w+(?= block)/g, () => colourOf(any(stream))),
        }),
  };
}

/** Divides a plan into moves. Each move lifts a block and sets it down. */
function movesOf({ start, plan }: Puzzle): DemonstrationPart[] {
  let towers = start;
  return Array.from({ length: plan.length / 2 }, (_, at) => {
    const steps = plan.slice(2 * at, 2 * at + 2);
    towers = moved(towers, steps);
    return { steps, shown: `${compactPlan(steps)}=${towersText(towers)}` };
  });
}

/** Returns the towers after a move, sorted by their lowest block. */
function moved(towers: Towers, [lift, setDown]: readonly Step[]): Towers {
  const block = lift.objects[0];
  const under = setDown.objects[1];
  const rest = towers
    .map((tower) => tower.filter((each) => each !== block))
    .filter((tower) => tower.length > 0);
  const next =
    under === undefined
      ? [...rest, [block]]
      : rest.map((tower) => (tower.includes(under) ? [...tower, block] : tower));
  return next.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
