/**
 * Divides a Logistics plan into the parts of a demonstration. Each part ends with an unloading and lists the
 * positions of all packages after it.
 * @module
 */
import type { GeneratorOptions } from '../planning/generator.ts';
import type { DemonstrationPart, DemonstrationParts } from '../planning/relay-messages.ts';
import { applied, ground, type Step } from '../planning/strips.ts';
import { LOGISTICS } from './domain.ts';
import { compactPlan, packageLetter, placeLetter } from './notation.ts';
import { longName, planLines } from './planbench-text.ts';
import { type Puzzle, placeName, problemOf } from './puzzle.ts';

export function demonstrationParts(puzzle: Puzzle, style: GeneratorOptions['style']): DemonstrationParts {
  const { locations, trucks } = puzzle;
  const places = trucks.length * locations;
  return {
    parts: partsOf(puzzle),
    ...(style === 'compact'
      ? {
          write: (steps) => compactPlan(steps, puzzle),
          addNoise: (message, stream) =>
            message.replace(/[a-l]/gi, () => placeLetter(stream.int(places), locations)),
        }
      : {
          write: (steps) => planLines(steps).join('\n'),
          addNoise: (message, stream) =>
            message.replace(/location_\d+_\d+/g, () => longName(placeName(stream.int(places), locations))),
        }),
  };
}

function partsOf(puzzle: Puzzle): DemonstrationPart[] {
  let state: ReadonlySet<string> = new Set(problemOf(puzzle).init);
  const parts: DemonstrationPart[] = [];
  let steps: Step[] = [];
  for (const step of puzzle.plan) {
    const schema = LOGISTICS.actions.find(({ name }) => name === step.action);
    if (schema !== undefined) state = applied(state, ground(schema, step.objects));
    steps.push(step);
    if (!step.action.startsWith('unload')) continue;
    parts.push({ steps, shown: `${compactPlan(steps, puzzle)}=${whereabouts(puzzle, state)}` });
    steps = [];
  }
  return parts;
}

/**
 * Writes the position of every package, e.g. `pA qt r1`: its place, `t` in a truck, or the number of its
 * airplane.
 */
function whereabouts({ packages, locations, trucks }: Puzzle, state: ReadonlySet<string>): string {
  const places = Array.from({ length: trucks.length * locations }, (_, place) => place);
  return packages
    .map((_, index) => {
      const place = places.find((at) => state.has(`at p${index} ${placeName(at, locations)}`));
      const carrier = [...state].find((fact) => fact.startsWith(`in p${index} `))?.split(' ')[2] ?? '';
      const vehicle = carrier.startsWith('t') ? 't' : String(Number(carrier.slice(1)) + 1);
      return `${packageLetter(index)}${place === undefined ? vehicle : placeLetter(place, locations)}`;
    })
    .join(' ');
}
