/**
 * A Logistics problem in which objects are numbers instead of names, for the planner.
 * @module
 */
import type { Problem } from '../planning/strips.ts';

export interface World {
  readonly locations: readonly string[];
  readonly cityNames: readonly string[];
  /** City of each location. */
  readonly cities: readonly number[];
  readonly locationsOf: readonly (readonly number[])[];
  /** For each city, the location of its airport. */
  readonly airports: readonly number[];
  readonly vehicles: readonly { readonly name: string; readonly kind: 'truck' | 'airplane' }[];
  readonly packages: readonly string[];
  /** For each package, its target location; undefined if the goal does not mention the package. */
  readonly wanted: readonly (number | undefined)[];
  /** Initial location of each vehicle, then of each package. */
  readonly positions: readonly number[];
}

/**
 * Converts a problem whose goal consists of the locations of packages.
 *
 * @returns undefined for problems that the planner does not support: other goals, cities without exactly one
 *   airport and one truck, objects without a location
 */
export function readWorld({ init, goal }: Problem): World | undefined {
  const facts = init.map((fact) => fact.split(' '));
  const named = (predicate: string): string[] =>
    facts.flatMap(([name, object]) => (name === predicate ? [object] : []));
  const cityOf = new Map(
    facts.flatMap(([name, place, city]) => (name === 'in-city' ? [[place, city] as const] : [])),
  );
  const locations = [...cityOf.keys()];
  const cityNames = [...new Set(cityOf.values())];
  const cities = locations.map((place) => cityNames.indexOf(cityOf.get(place) ?? ''));
  const locationsOf = cityNames.map((_, city) =>
    locations.flatMap((_, at) => (cities[at] === city ? [at] : [])),
  );
  const airportNames = new Set(named('airport'));
  const airportsOf = locationsOf.map((places) => places.filter((at) => airportNames.has(locations[at])));
  const vehicles = (['truck', 'airplane'] as const).flatMap((kind) =>
    named(kind).map((name) => ({ name, kind })),
  );
  const packages = named('obj');
  const where = (list: readonly (readonly string[])[], object: string): number =>
    locations.indexOf(list.find(([name, one]) => name === 'at' && one === object)?.[2] ?? '');
  const goals = goal.map((fact) => fact.split(' '));
  const wanted = packages.map((name) => where(goals, name)).map((place) => (place < 0 ? undefined : place));
  const positions = [...vehicles.map(({ name }) => name), ...packages].map((name) => where(facts, name));
  const trucksIn = cityNames.map(
    (_, city) => vehicles.filter(({ kind }, at) => kind === 'truck' && cities[positions[at]] === city).length,
  );
  const isUsual =
    positions.every((place) => place >= 0) &&
    wanted.filter((place) => place !== undefined).length === goals.length &&
    airportsOf.every((airports) => airports.length === 1) &&
    trucksIn.every((count) => count === 1);
  if (!isUsual) return undefined;
  return {
    locations,
    cityNames,
    cities,
    locationsOf,
    airports: airportsOf.map(([airport]) => airport),
    vehicles,
    packages,
    wanted,
    positions,
  };
}
