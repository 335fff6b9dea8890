/**
 * Draws Logistics problems of PlanBench's form. Every city has the same number of places and one truck; its
 * first place is the airport. Airplanes are at random airports. The start and the target of every package are
 * random.
 * @module
 */
import type { RandomStream } from '../../core/rng.ts';
import { TaskError } from '../../support/errors.ts';
import { type ActionRange, drawWithin } from '../planning/action-range.ts';
import type { Problem, Step } from '../planning/strips.ts';
import { withKinds } from './domain.ts';
import { findPlan } from './planner.ts';

export interface PuzzleShape extends ActionRange {
  readonly cities: number;
  /** Number of places of each city, including the airport. */
  readonly locations: number;
  readonly airplanes: number;
  /** The number of packages is drawn uniformly from `minPackages` to `maxPackages`. */
  readonly minPackages: number;
  readonly maxPackages: number;
}

/**
 * The positions of all objects. Places are numbered city by city; the first place of each city is its
 * airport.
 */
export interface Layout {
  /** Number of places of each city. */
  readonly locations: number;
  /** For each city, the place of its truck. */
  readonly trucks: readonly number[];
  readonly airplanes: readonly number[];
  readonly packages: readonly { readonly from: number; readonly to: number }[];
}

export interface Puzzle extends Layout {
  readonly plan: readonly Step[];
}

const MAX_TRIES = 1000;
/** Maximum number of states that the search for a shortest plan expands; enough for two packages. */
const MAX_STATES = 3000;

/**
 * Draws a problem in which at least one package has to be moved.
 *
 * @returns undefined if none of 1,000 draws has an allowed number of actions
 */
export function drawPuzzle(shape: PuzzleShape, stream: RandomStream): Layout | undefined {
  const draw = (): Layout | undefined => {
    const layout = drawLayout(shape, stream);
    return layout.packages.every(({ from, to }) => from === to) ? undefined : layout;
  };
  const actions = (layout: Layout): number | undefined =>
    findPlan(problemOf(layout), MAX_STATES)?.steps.length;
  return drawWithin(shape, draw, { tries: MAX_TRIES, actions });
}

/**
 * Adds a plan to a problem. @throws TaskError if none was found, which needs more packages than the options
 * allow
 */
export function solved(layout: Layout): Puzzle {
  const found = findPlan(problemOf(layout), MAX_STATES);
  if (found === undefined)
    throw new TaskError('task logistics: expected a plan, got none; allow fewer packages or places');
  return { ...layout, plan: found.steps };
}

function drawLayout(shape: PuzzleShape, stream: RandomStream): Layout {
  const { cities, locations, airplanes, minPackages, maxPackages } = shape;
  const any = (): number => stream.int(cities * locations);
  const packages = minPackages + stream.int(maxPackages - minPackages + 1);
  return {
    locations,
    trucks: Array.from({ length: cities }, (_, city) => city * locations + stream.int(locations)),
    airplanes: Array.from({ length: airplanes }, () => locations * stream.int(cities)),
    packages: Array.from({ length: packages }, () => ({ from: any(), to: any() })),
  };
}

/** Returns PlanBench's name of a place: `l0-1` is place 1 of city 0. */
export function placeName(place: number, locations: number): string {
  return `l${Math.floor(place / locations)}-${place % locations}`;
}

/** Converts a problem to facts (STRIPS), in the order in which PlanBench lists them. */
export function problemOf({ locations, trucks, airplanes, packages }: Layout): Problem {
  const name = (place: number): string => placeName(place, locations);
  const places = trucks.flatMap((_, city) =>
    Array.from({ length: locations }, (_, at) => city * locations + at),
  );
  const init = [
    ...trucks.map((_, city) => `airport ${name(city * locations)}`),
    ...airplanes.map((at, index) => `at a${index} ${name(at)}`),
    ...packages.map(({ from }, index) => `at p${index} ${name(from)}`),
    ...trucks.map((at, index) => `at t${index} ${name(at)}`),
    ...places.map((place) => `in-city ${name(place)} c${Math.floor(place / locations)}`),
  ];
  return withKinds({ init, goal: packages.map(({ to }, index) => `at p${index} ${name(to)}`) });
}
