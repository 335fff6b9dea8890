/**
 * Engine contract: exact divergences and the KL term of the loss.
 * @module
 */
import { describe, expect, it } from 'vitest';
import { type ContractHarness, everyToken, expectClose, plainStep, raising, sum, total } from './harness.ts';

export function describeDivergence(harness: ContractHarness): void {
  const {
    prompts,
    divergenceTolerance,
    descentTolerance,
    descentSize,
    score,
    adamw,
    fresh,
    contextOf,
    drawn,
    trainOnce,
    gradNormOf,
  } = harness;

  describe('divergence', () => {
    it('is exactly 0 at the snapshot', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const id = await model.snapshot();
      const { klNewOld, klOldNew, tv } = await model.divergence(messages, id, score);
      for (const rows of [klNewOld, klOldNew, tv]) {
        expect(rows.map((row) => row.length)).toEqual(messages.map(({ tokens }) => tokens.length));
        expect(rows.every((row) => row.every((x) => x === 0))).toBe(true);
      }
    });

    it('matches sums over the whole vocabulary, in both directions', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const context = contextOf(model, prompts[0] as string);
      const every = everyToken(model, context);
      const id = await model.snapshot();
      const cur = (await model.forward(every, score)).map((row) => Number(row[0]));
      for (let i = 0; i < 5; i++) await trainOnce(model, messages);
      const tar = (await model.forward(every, score)).map((row) => Number(row[0]));
      const { klNewOld, klOldNew, tv } = await model.divergence(
        [{ context, tokens: Int32Array.of(0) }],
        id,
        score,
      );
      const kl = (p: readonly number[], q: readonly number[]) =>
        sum(p.map((logp, v) => Math.exp(logp) * (logp - Number(q[v]))));
      expect(kl(tar, cur)).toBeGreaterThan(10 * divergenceTolerance);
      expectClose(klNewOld[0] as Float32Array, [kl(tar, cur)], divergenceTolerance);
      expectClose(klOldNew[0] as Float32Array, [kl(cur, tar)], divergenceTolerance);
      const distance = sum(tar.map((logp, v) => Math.abs(Math.exp(logp) - Math.exp(Number(cur[v]))))) / 2;
      expectClose(tv[0] as Float32Array, [distance], divergenceTolerance);
    });

    it('has a gradient of exactly 0 at the reference', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const reference = await model.snapshot();
      const zero = raising(messages, 0);
      const { kl } = await model.backward(messages, zero, { ...score, kl: { reference, weight: 3 } });
      expect(kl?.every((row) => row.every((x) => x === 0))).toBe(true);
      expect((await model.step(adamw)).gradNorm).toBe(0);
    });

    it('descends along the gradient of weight * sum of KL(new || reference)', async () => {
      const model = await fresh();
      const messages = await drawn(model);
      const reference = await model.snapshot();
      for (let i = 0; i < 8; i++) await trainOnce(model, messages);
      const zero = raising(messages, 0);
      const weight = 0.7;
      const term = { ...score, kl: { reference, weight } };
      const loss = async () => {
        const { klNewOld } = await model.divergence(messages, reference, score);
        return weight * total(klNewOld);
      };
      const before = await loss();
      const norm = await gradNormOf(model, async () => {
        const { kl } = await model.backward(messages, zero, term);
        expect(weight * total(kl ?? [])).toBeCloseTo(before, 3);
      });
      // the KL term cannot fall below 0, so the step aims to lower the term by at most a twentieth of its
      // value
      const aim = Math.min(descentSize, before / 20);
      await model.backward(messages, zero, term);
      await model.step(plainStep(aim / norm ** 2));
      const drop = before - (await loss());
      expect(Math.abs(drop / aim - 1)).toBeLessThan(2 * descentTolerance);
    });
  });
}
