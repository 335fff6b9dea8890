import { describe, expect, it } from 'vitest';
import { checkMachine, type Machine, measureMachine } from '../../app/doctor.ts';
import { renderChecks } from './doctor.ts';

describe('doctor', () => {
  const healthy: Machine = {
    node: '20.19.0',
    cores: 2,
    memoryBytes: 16e9,
    freeMemoryBytes: 8e9,
    freeDiskBytes: 50e9,
    folder: '/home/me',
    writable: true,
    runtime: 120,
    tokenizer: 30,
  };

  it('gives no advice for a healthy machine', () => {
    expect(renderChecks(checkMachine(healthy))).toMatchInlineSnapshot(`
      "ok  node         20.19.0
      ok  onnxruntime  loads and computes (120 ms)
      ok  tokenizers   loads and encodes (30 ms)
      ok  cores        2
      ok  memory       8.0 GB free of 16.0 GB
      ok  disk         50.0 GB free
      ok  folder       /home/me is writable"
    `);
  });

  it('gives an advice for every failed check', () => {
    const broken: Machine = {
      ...healthy,
      node: '20.18.9',
      cores: 1,
      freeMemoryBytes: 1e9,
      freeDiskBytes: 1e8,
      writable: false,
      runtime: new Error('cannot be loaded\nat x'),
      tokenizer: new Error('no native binding\nat y'),
    };
    expect(renderChecks(checkMachine(broken))).toMatchInlineSnapshot(`
      "fail  node         20.18.9; install Node 20.19 or newer
      fail  onnxruntime  cannot be loaded
      fail  tokenizers   no native binding
      warn  cores        1; works, but takes about twice as long as with 2
      warn  memory       1.0 GB free of 16.0 GB; quickstart needs 3.0 GB; close other programs, or use smaller models and a lower engine.token_budget
      warn  disk         0.1 GB free; quickstart needs 1.0 GB; free some space, or lower train.save_total_limit
      fail  folder       /home/me is not writable; change to a folder of your own, or name one with --run"
    `);
  });

  it.each(['18.20.0', '20.18.1', '19.99.0'])('refuses Node %s', (node) => {
    expect(checkMachine({ ...healthy, node })[0]?.status).toBe('fail');
  });

  it.each(['20.19.0', '22.0.0', '24.1.0'])('accepts Node %s', (node) => {
    expect(checkMachine({ ...healthy, node })[0]?.status).toBe('ok');
  });

  it('measures this machine', async () => {
    const machine = await measureMachine();
    expect(machine.cores).toBeGreaterThan(0);
    expect(machine.freeMemoryBytes).toBeLessThanOrEqual(machine.memoryBytes);
    expect(machine.runtime).toBeTypeOf('number');
    expect(machine.tokenizer).toBeTypeOf('number');
  });
});
