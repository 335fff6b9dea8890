import { EventEmitter } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { listenForInterrupt } from '../app/interrupt.ts';
import { packageVersion } from '../app/package-version.ts';
import { freeRunFolder } from '../app/run-folder-name.ts';
import { PLAIN_KEYS } from '../config/schema.ts';
import { DomainError } from '../core/errors.ts';
import { ConfigError, EngineError, StoreError } from '../support/errors.ts';
import { Interrupted } from '../train/interrupted.ts';
import { checkMachine, type Machine, measureMachine, renderChecks } from './commands/doctor.ts';
import { endingOf } from './exit.ts';
import { asTyped } from './invocation.ts';
import { PLAIN_FLAGS } from './main.ts';

describe('endings', () => {
  it.each<[unknown, number, string]>([
    [new ConfigError('a: x\nb: y'), 2, 'a: x\nb: y'],
    [new EngineError('engine onnx:\n  failed'), 1, 'engine onnx: failed'],
    [new EngineError('busy', { retryable: true }), 75, 'busy'],
    [new StoreError('disk'), 74, 'disk'],
    [new StoreError('locked', { exitCode: 2 }), 2, 'locked'],
    [new Interrupted('stopped'), 130, 'stopped'],
    [new DOMException('This operation was aborted', 'AbortError'), 130, 'interrupted'],
    [
      new DomainError('f: expected 1, got 2'),
      70,
      'f: expected 1, got 2; this is a defect of troupe, --debug shows where',
    ],
    [new TypeError('x is not\na function'), 1, 'x is not a function; --debug shows where'],
    ['words', 1, 'words; --debug shows where'],
    [new CommanderError(0, 'commander.help', ''), 0, ''],
    [new CommanderError(1, 'commander.unknownOption', ''), 2, ''],
  ])('of %s', (error, exitCode, message) => {
    expect(endingOf(error, { debug: false })).toEqual({ exitCode, message });
  });

  it('show the stack of the error and of its causes when asked', () => {
    const error = new StoreError('outer', { cause: new RangeError('inner') });
    const { message } = endingOf(error, { debug: true });
    expect(message).toMatch(/^outer\nStoreError: outer\n +at [\s\S]*\ncaused by RangeError: inner\n +at /);
  });
});

describe('Ctrl-C', () => {
  it('aborts once, ends the process the second time, and is let go', () => {
    let said = '';
    const exits: number[] = [];
    const source = Object.assign(new EventEmitter(), {
      stderr: { write: (text: string) => (said += text) },
      exit: (code: number) => exits.push(code),
    });
    const { signal, release } = listenForInterrupt('stopping', source as unknown as NodeJS.Process);
    source.emit('SIGINT');
    expect([signal.aborted, exits.length, said]).toEqual([
      true,
      0,
      '\nstopping; Ctrl-C again stops at once\n',
    ]);
    source.emit('SIGINT');
    expect(exits).toEqual([130]);
    release();
    expect(source.listenerCount('SIGINT')).toBe(0);
  });
});

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
  };

  it('has nothing to advise about a healthy machine', () => {
    expect(renderChecks(checkMachine(healthy))).toMatchInlineSnapshot(`
      "ok  node         20.19.0
      ok  onnxruntime  loads and computes (120 ms)
      ok  cores        2
      ok  memory       8.0 GB free of 16.0 GB
      ok  disk         50.0 GB free
      ok  folder       /home/me is writable"
    `);
  });

  it('says what to do about everything that is not right', () => {
    const ill: Machine = {
      ...healthy,
      node: '20.18.9',
      cores: 1,
      freeMemoryBytes: 1e9,
      freeDiskBytes: 1e8,
      writable: false,
      runtime: new Error('cannot be loaded\nat x'),
    };
    expect(renderChecks(checkMachine(ill))).toMatchInlineSnapshot(`
      "fail  node         20.18.9; install Node 20.19 or newer
      fail  onnxruntime  cannot be loaded; install troupe again
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
  });
});

it('advises commands as they were typed', () => {
  const message =
    'm: the folder is missing; make it with troupe pretrain, or see "troupe doctor"; troupe is fine';
  expect(asTyped(message, undefined)).toBe(message);
  expect(asTyped(message, 'test')).toBe(message);
  for (const script of ['troupe', 'quickstart'])
    expect(asTyped(message, script)).toBe(
      'm: the folder is missing; make it with npm run troupe -- pretrain, or see "npm run troupe -- doctor"; troupe is fine',
    );
});

it('gives runs the first free number, and their names only plain characters', () => {
  const parent = mkdtempSync(join(tmpdir(), 'troupe-names-'));
  expect(freeRunFolder('my team!', parent)).toBe(join(parent, 'my-team--1'));
  mkdirSync(join(parent, 'a-1'));
  mkdirSync(join(parent, 'a-3'));
  expect(freeRunFolder('a', parent)).toBe(join(parent, 'a-2'));
  rmSync(parent, { recursive: true });
});

it('knows the plain flags of the schema, and its own version', () => {
  expect(PLAIN_FLAGS).toEqual([...PLAIN_KEYS]);
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
});
