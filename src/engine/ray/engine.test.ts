import { expect, it } from 'vitest';
import { ConfigError } from '../../support/errors.ts';
import { createRayEngine, driverArguments } from './engine.ts';
import { rayEngine } from './testing/clusters.ts';

it('a front is told of the cluster, and of nothing that is left open', () => {
  expect(driverArguments('auto')).toEqual(['--address', 'auto']);
  expect(driverArguments('local', { cpus: 2, gpus: 0, temporary: '/t' })).toEqual([
    ...['--address', 'local'],
    ...['--num-cpus', '2'],
    ...['--num-gpus', '0'],
    ...['--temp-dir', '/t'],
  ]);
});

it('the address of a front that is none is refused before anything is asked', () => {
  expect(() => rayEngine({ address: 'http://head:8471/front' })).toThrow(ConfigError);
  expect(() => rayEngine({ address: 'https://head:8471' })).toThrow(
    'expected an address like http://127.0.0.1:8470, got https://head:8471',
  );
});

it('a front at an address that nobody listens at is said to be missing, under the engine’s name', async () => {
  const engine = rayEngine({ address: 'http://127.0.0.1:9', connection: { retryMs: 50 } });
  expect(engine.name).toBe('ray');
  await expect(engine.load({ dir: '/m' })).rejects.toThrow(
    /^engine ray hello: no answer from http:\/\/127\.0\.0\.1:9 after \d+ tries/,
  );
  await engine.close();
});

it('an engine that was never used is closed without asking anybody', async () => {
  await createRayEngine({
    ...{ python: '/nowhere', address: 'auto', token: '', agents: 1, cpusPerAgent: 1, gpusPerAgent: 0 },
    ranksPerAgent: 0,
    ...{ placement: 'spread', waitSeconds: 0, sharedFiles: false, dtype: 'float32', threads: 1 },
    ...{ tokenBudget: 64, decodeBatch: 1 },
    readTokenizer: () => {
      throw new Error('no model was loaded');
    },
  }).close();
});
