/**
 * Random worlds (small team MDPs) of different shapes, and formatting of the measured numbers.
 * @module
 */
import { type RandomStream, randomStream } from '../core/rng.ts';
import type { TeamMdp, TeamPolicy } from '../core/tabular/mdp.ts';
import { randomTeam, randomWorld } from '../core/tabular/random-worlds.ts';
import type { TheoryContext } from './claim.ts';

/** Discounts of the random worlds. */
export const GAMMAS: readonly number[] = [0.3, 0.5, 0.9, 0.99];

/** One random world (team MDP) with a random team. */
export interface Sample {
  readonly mdp: TeamMdp;
  readonly team: TeamPolicy;
  /** Random stream for further draws of an experiment on this world. */
  readonly stream: RandomStream;
  /** Seed for further random objects of an experiment on this world. */
  readonly seed: number;
}

/**
 * Yields random worlds with 2 to 3 states, 2 to 3 agents and 2 to 3 actions per agent. Consecutive worlds
 * cycle through the discounts.
 *
 * @param key - name of the experiment's random stream, so that no two experiments share worlds
 */
export function* sampleWorlds(
  { worlds, seed }: Pick<TheoryContext, 'worlds' | 'seed'>,
  key: number,
  gammas: readonly number[] = GAMMAS,
): Generator<Sample> {
  for (let k = 0; k < worlds; k++) {
    const stream = randomStream(seed, key, k);
    const worldSeed = stream.int(2 ** 30);
    const mdp = randomWorld(worldSeed, {
      states: 2 + stream.int(2),
      actions: Array.from({ length: 2 + stream.int(2) }, () => 2 + stream.int(2)),
      gamma: gammas[k % gammas.length],
    });
    yield { mdp, team: randomTeam(worldSeed, mdp), stream, seed: worldSeed };
  }
}

/** Running maximum of a sequence of numbers, and their count. */
export class Maximum {
  value = Number.NEGATIVE_INFINITY;
  count = 0;

  include(value: number): void {
    this.count++;
    // once a NaN is included, the maximum stays NaN
    if (!Number.isNaN(this.value) && !(value <= this.value)) this.value = value;
  }

  /** `2.6e-13 over 500`. */
  toString(): string {
    return `${short(this.value)} over ${this.count}`;
  }
}

/** Formats a number in short form, e.g. `0.0213`, `-47100` or `2.6e-13`. */
export function short(value: number, digits = 3): string {
  if (!Number.isFinite(value) || value === 0) return String(value);
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-3) return value.toExponential(1);
  return String(Number(value.toPrecision(digits)));
}

/** `12.5%`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** Returns the median; for an even number of values, the mean of the two middle ones. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

/**
 * Returns the slope of the least-squares line through points [x, y]. For logarithms it is the exponent of a
 * power law.
 */
export function slope(points: readonly (readonly [number, number])[]): number {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
