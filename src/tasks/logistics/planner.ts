/**
 * Finds Logistics plans by A*. Each package has only one route that can be part of a shortest plan: by truck
 * to the airport of its city, by one airplane to the airport of the target city, by truck to the target; legs
 * that are not needed are omitted. Changing airplanes costs two actions and saves at most one flight.
 * Unloading a truck elsewhere saves no action, because a city has one truck. So only the routes of the
 * vehicles are searched.
 * @module
 */
import { shortestPath } from '../planning/a-star.ts';
import type { Problem, Step } from '../planning/strips.ts';
import { readWorld, type World } from './world.ts';

/**
 * Position of each vehicle, then of each package: the index of a location, or -1 - v for a package in vehicle
 * v.
 */
type Positions = readonly number[];

/**
 * Maximum number of states that the search for a shortest plan expands, and settings of the faster search for
 * a plan that may be longer, which follows if the first search fails.
 */
const MAX_STATES = 20_000;
const SHORT = { weight: 4, maxStates: 20_000 } as const;

export interface FoundPlan {
  readonly steps: readonly Step[];
  /**
   * Whether the plan is known to be a shortest one; false if the search for a shortest plan exceeded its
   * limit.
   */
  readonly isShortest: boolean;
}

/**
 * Finds a plan that brings every package to its target, with the fewest actions or nearly so.
 *
 * @returns undefined if the problem does not have the form of {@link readWorld}, or if no plan was found
 */
export function findPlan(problem: Problem, maxStates = MAX_STATES): FoundPlan | undefined {
  const world = readWorld(problem);
  if (world === undefined) return undefined;
  const search = (limits: { readonly weight: number; readonly maxStates: number }): Step[] | undefined =>
    shortestPath<Positions, Step>({
      start: world.positions,
      key: (state) => state.join(),
      successors: (state) => successors(world, state),
      estimate: (state) => actionsLeft(world, state),
      isGoal: (state) =>
        world.wanted.every((place, at) => place === undefined || state[world.vehicles.length + at] === place),
      ...limits,
    })?.map(({ move }) => move);
  const shortest = search({ weight: 1, maxStates });
  const steps = shortest ?? search(SHORT);
  return steps && { steps, isShortest: shortest !== undefined };
}

/** The next leg of a package's route: the kind of vehicle, and the location where the package is unloaded. */
interface Leg {
  readonly kind: 'truck' | 'airplane';
  readonly to: number;
}

function nextLeg({ cities, airports }: World, from: number, to: number): Leg | undefined {
  if (from === to) return undefined;
  if (cities[from] === cities[to]) return { kind: 'truck', to };
  const [near, far] = [airports[cities[from]], airports[cities[to]]];
  return from === near ? { kind: 'airplane', to: far } : { kind: 'truck', to: near };
}

function* successors(world: World, state: Positions): Generator<readonly [Step, Positions]> {
  const { vehicles, packages, wanted } = world;
  for (const [at, name] of packages.entries()) {
    const index = vehicles.length + at;
    const [position, goal] = [state[index], wanted[at]];
    if (goal === undefined) continue;
    if (position < 0) {
      const vehicle = -1 - position;
      const here = state[vehicle];
      if (unloadsAt(world, vehicle, { from: here, goal }) === here)
        yield [carry(world, 'unload', { name, vehicle, here }), state.with(index, here)];
      continue;
    }
    const leg = nextLeg(world, position, goal);
    for (const [vehicle, { kind }] of vehicles.entries())
      if (kind === leg?.kind && state[vehicle] === position)
        yield [carry(world, 'load', { name, vehicle, here: position }), state.with(index, -1 - vehicle)];
  }
  for (const [vehicle, { kind }] of vehicles.entries())
    for (const to of kind === 'truck' ? world.locationsOf[world.cities[state[vehicle]]] : world.airports)
      if (to !== undefined && to !== state[vehicle])
        yield [travel(world, vehicle, { from: state[vehicle], to }), state.with(vehicle, to)];
}

/**
 * Returns the location where a package leaves its vehicle: an airport for an airplane; for a truck, the
 * target of the package or the airport of the city.
 */
function unloadsAt(
  { vehicles, cities, airports }: World,
  vehicle: number,
  { from, goal }: { readonly from: number; readonly goal: number },
): number {
  const airport = airports[cities[goal]];
  if (vehicles[vehicle].kind === 'airplane') return airport;
  return cities[from] === cities[goal] ? goal : airports[cities[from]];
}

function carry(
  { vehicles, locations }: World,
  verb: 'load' | 'unload',
  { name, vehicle, here }: { readonly name: string; readonly vehicle: number; readonly here: number },
): Step {
  return {
    action: `${verb}-${vehicles[vehicle].kind}`,
    objects: [name, vehicles[vehicle].name, locations[here]],
  };
}

function travel(
  { vehicles, locations, cities, cityNames }: World,
  vehicle: number,
  { from, to }: { readonly from: number; readonly to: number },
): Step {
  const { kind, name } = vehicles[vehicle];
  const objects = [name, locations[from], locations[to]];
  return kind === 'truck'
    ? { action: 'drive-truck', objects: [...objects, cityNames[cities[from]]] }
    : { action: 'fly-airplane', objects };
}

/**
 * Returns a lower bound on the number of remaining actions: the exact number of loadings and unloadings, plus
 * the number of places at which a vehicle still has to arrive.
 */
function actionsLeft(world: World, state: Positions): number {
  const { vehicles, wanted } = world;
  let handling = 0;
  const arrivals = new Set<string>();
  const arrive = (kind: 'truck' | 'airplane', place: number): void => void arrivals.add(`${kind} ${place}`);
  const isThere = (kind: 'truck' | 'airplane', place: number): boolean =>
    vehicles.some((vehicle, at) => vehicle.kind === kind && state[at] === place);
  for (const [at, goal] of wanted.entries()) {
    if (goal === undefined) continue;
    let position = state[vehicles.length + at];
    if (position < 0) {
      const vehicle = -1 - position;
      position = unloadsAt(world, vehicle, { from: state[vehicle], goal });
      handling++;
      if (state[vehicle] !== position) arrive(vehicles[vehicle].kind, position);
    }
    for (let leg = nextLeg(world, position, goal); leg; leg = nextLeg(world, position, goal)) {
      handling += 2;
      if (!isThere(leg.kind, position)) arrive(leg.kind, position);
      arrive(leg.kind, leg.to);
      position = leg.to;
    }
  }
  return handling + arrivals.size;
}
