/**
 * Random worlds of many shapes, and the few figures that claims are told in.
 * @module
 */
import { type RandomStream, randomStream } from '../core/rng.ts';
import type { TeamMdp, TeamPolicy } from '../core/tabular/mdp.ts';
import { randomTeam, randomWorld } from '../core/testing/worlds.ts';
import type { TheoryContext } from './claim.ts';

export const GAMMAS: readonly number[] = [0.3, 0.5, 0.9, 0.99];

/** One world to check a claim on. */
export interface Sample {
  readonly mdp: TeamMdp;
  readonly team: TeamPolicy;
  /** Further draws of the claim on this world. */
  readonly stream: RandomStream;
  /** Names what else is drawn for this world. */
  readonly seed: number;
}

/**
 * Worlds of 2 to 3 states, 2 to 3 agents with 2 to 3 actions, discounts in turn.
 *
 * @param key - names the claim, so that no two claims share their worlds
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

/** Follows the worst of many numbers. */
export class Extreme {
  value = Number.NEGATIVE_INFINITY;
  count = 0;

  see(value: number): void {
    this.count++;
    if (!Number.isNaN(this.value) && !(value <= this.value)) this.value = value; // NaN is the worst of all
  }

  /** `2.6e-13 over 500`. */
  toString(): string {
    return `${short(this.value)} over ${this.count}`;
  }
}

/** A number in few characters: `0.0213`, `-47062`, `2.6e-13`. */
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

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

/** Slope of the least-squares line through points [x, y]: an exponent, when both are logarithms. */
export function slope(points: readonly (readonly [number, number])[]): number {
  const n = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / n;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / n;
  const covariance = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return covariance / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}
