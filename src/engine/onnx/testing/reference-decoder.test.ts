import { expect, it } from 'vitest';
import { expectedLogp } from './reference-decoder.ts';
import { tinyConfig, tinyWeights } from './tiny-model.ts';

const TOKENS = [1, 5, 9, 14, 20, 7, 2, 18, 11, 0];

// golden values of an independent float32 implementation: the tiny model saved as a folder, loaded with mlx-lm 0.32.2
//   m = mlx_lm.models.qwen3.Model(ModelArgs.from_dict(config)); m.load_weights(weights)
//   z = m(mx.array([TOKENS]))[0]; (z - logsumexp(z))[t, TOKENS[t + 1]]
it.each([
  {
    name: 'grouped queries, tied',
    changes: {},
    golden: [-6.79846, -1.65347, -2.1314, -4.59329, -4.38019, -2.9269, -5.03288, -1.25194, -4.60496],
  },
  {
    name: 'plain heads, untied',
    changes: { tiedEmbeddings: false, kvHeads: 6 },
    golden: [-6.3233, -5.07828, -4.51135, -5.4276, -7.55729, -1.51379, -4.97222, -4.35384, -1.30303],
  },
  {
    name: 'one key head, untied, another theta and head size',
    changes: { tiedEmbeddings: false, kvHeads: 1, ropeTheta: 1e6, headDim: 8 },
    golden: [-8.79381, -2.19065, -7.34212, -10.39131, -4.77537, -8.78671, -9.03, -0.58212, -3.54459],
  },
])('matches the log-probabilities of MLX ($name)', ({ changes, golden }) => {
  const config = tinyConfig(changes);
  const rows = expectedLogp(config, tinyWeights(config), { tokens: TOKENS });
  golden.forEach((logp, t) => {
    expect(Math.abs((rows[t]?.[TOKENS[t + 1] as number] as number) - logp)).toBeLessThan(4e-5);
  });
});
