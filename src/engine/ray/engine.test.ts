import { expect, it } from 'vitest';
import { ConfigError } from '../../support/errors.ts';
import { createRayEngine, driverArguments } from './engine.ts';
import { rayEngine } from './testing/clusters.ts';

it('the driver gets arguments for the given settings of the cluster only', () => {
  expect(driverArguments('auto')).toEqual(['--address', 'auto']);
  expect(driverArguments('local', { cpus: 2, gpus: 0, temporary: '/t' })).toEqual([
    ...['--address', 'local'],
    ...['--num-cpus', '2'],
    ...['--num-gpus', '0'],
    ...['--temp-dir', '/t'],
  ]);
});

it('an invalid driver address is rejected before a connection is made', () => {
  expect(() => rayEngine({ address: 'http://head:8471/front' })).toThrow(ConfigError);
  expect(() => rayEngine({ address: 'https://head:8471' })).toThrow(
    'expected an address like http://127.0.0.1:8470, got https://head:8471',
  );
});

it('a driver address without a server gives an error with the name of the engine', async () => {
  const engine = rayEngine({ address: 'http://127.0.0.1:9', connection: { retryMs: 50 } });
  expect(engine.name).toBe('ray');
  await expect(engine.load({ dir: '/m' })).rejects.toThrow(
    /^engine ray hello: no answer from http:\/\/127\.0\.0\.1:9 after \d+ tries/,
  );
  await engine.close();
});

it('an engine that was never used is closed without starting a driver', async () => {
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
