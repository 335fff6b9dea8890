import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { packageVersion } from '../app/package-version.ts';
import { freeRunFolder } from '../app/run-folder-name.ts';
import { PLAIN_KEYS } from '../config/schema.ts';
import { DomainError } from '../core/errors.ts';
import { ConfigError, EngineError, StoreError } from '../support/errors.ts';
import { Interrupted } from '../train/interrupted.ts';
import { exitReport } from './exit.ts';
import { asTyped } from './invocation.ts';
import { PLAIN_FLAGS } from './main.ts';

describe('exit codes and messages', () => {
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
    expect(exitReport(error, { debug: false })).toEqual({ exitCode, message });
  });

  it('include the stacks of the error and of its causes with --debug', () => {
    const error = new StoreError('outer', { cause: new RangeError('inner') });
    const { message } = exitReport(error, { debug: true });
    expect(message).toMatch(/^outer\nStoreError: outer\n +at [\s\S]*\ncaused by RangeError: inner\n +at /);
  });
});

it('rewrites commands in messages as npm scripts where npm runs this process', () => {
  const message =
    'm: the folder is missing; make it with troupe pretrain, or see "troupe doctor"; troupe is fine';
  expect(asTyped(message, undefined)).toBe(message);
  expect(asTyped(message, 'test')).toBe(message);
  for (const script of ['troupe', 'quickstart'])
    expect(asTyped(message, script)).toBe(
      'm: the folder is missing; make it with npm run troupe -- pretrain, or see "npm run troupe -- doctor"; troupe is fine',
    );
});

it('numbers default run folders and replaces other characters of their names', () => {
  const parent = mkdtempSync(join(tmpdir(), 'troupe-names-'));
  expect(freeRunFolder('my team!', parent)).toBe(join(parent, 'my-team--1'));
  mkdirSync(join(parent, 'a-1'));
  mkdirSync(join(parent, 'a-3'));
  expect(freeRunFolder('a', parent)).toBe(join(parent, 'a-2'));
  rmSync(parent, { recursive: true });
});

it('has the plain flags of the schema and the version of the package', () => {
  expect(PLAIN_FLAGS).toEqual([...PLAIN_KEYS]);
  expect(packageVersion()).toMatch(/^\d+\.\d+\.\d+/);
});
