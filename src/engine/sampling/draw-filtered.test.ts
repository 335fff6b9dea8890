import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawFiltered } from './draw-filtered.ts';

/** Computes the top-p nucleus by its definition, from the sorted vocabulary. */
function nucleus(logits: Float32Array, temperature: number, topP: number): Set<number> {
  const weights = Array.from(logits, (z) => Math.exp((z - Math.max(...logits)) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const order = weights.map((_, token) => token).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const kept = new Set<number>();
  let mass = 0;
  for (const token of order) {
    if (kept.size > 0 && mass >= topP) break;
    kept.add(token);
    mass += weights[token]! / total;
  }
  return kept;
}

/** Generates logits that can be equal, but are never so close that rounding decides which is larger. */
const logits = fc
  .array(fc.integer({ min: -120, max: 120 }), { minLength: 1, maxLength: 60 })
  .map((quarters) => Float32Array.from(quarters, (quarter) => quarter / 4));

describe('a draw from the nucleus', () => {
  it('is in the nucleus, and can be its first and its last token', () => {
    const topP = fc.double({ min: 0.01, max: 0.999, noNaN: true });
    fc.assert(
      fc.property(logits, topP, fc.double({ min: 0.2, max: 3, noNaN: true }), (z, p, temperature) => {
        const allowed = nucleus(z, temperature, p);
        // skip cases in which a cumulative probability equals topP, because rounding decides their nucleus
        fc.pre(nucleus(z, temperature, p - 1e-9).size === nucleus(z, temperature, p + 1e-9).size);
        const drawn = [0, 0.25, 0.5, 0.75, 1 - 1e-12].map(
          (u) => drawFiltered(z, { temperature, topP: p, uniform: () => u }).token,
        );
        for (const token of drawn) expect(allowed).toContain(token);
        expect(drawn[0]).toBe(Math.min(...allowed));
        expect(drawn.at(-1)).toBe(Math.max(...allowed));
      }),
    );
  });

  it('has its log-probability in the full softmax', () => {
    const z = Float32Array.from([Math.log(6), Math.log(3), Math.log(1)]);
    const { token, logp } = drawFiltered(z, { temperature: 1, topP: 0.5, uniform: () => 0.99 });
    expect(token).toBe(0);
    expect(logp).toBeCloseTo(Math.log(0.6), 6);
  });
});
