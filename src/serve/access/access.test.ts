import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ApiError } from '../api/errors.ts';
import { Admission } from './admission.ts';
import { Authenticator } from './authenticator.ts';
import { addKey, readKeys, removeKey } from './key-file.ts';
import { KeyLimits } from './key-limits.ts';

const run = promisify(execFile);
/** What `node --import` takes to run TypeScript. */
const TYPESCRIPT = new URL('../../../scripts/typescript.mjs', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'troupe-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

function thrownBy(run: () => unknown): ApiError {
  try {
    run();
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
  return expect.fail('expected an error of the API');
}

describe('key files', () => {
  const path = join(folder, 'deeper', 'keys.json');

  it('hold hashes and no keys, for the owner alone', () => {
    const key = addKey(path, { name: 'alice', created: '2026-01-01', concurrency: 2 });
    expect(key).toMatch(/^trp_[\w-]{43}$/);
    expect(readFileSync(path, 'utf8')).not.toContain(key.slice(4));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new Authenticator(path).authenticate(`Bearer ${key}`)).toMatchObject({
      name: 'alice',
      concurrency: 2,
    });
  });

  it('refuse a name twice and a name that is not there', () => {
    expect(() => addKey(path, { name: 'alice', created: '' })).toThrow('is a key already');
    expect(() => removeKey(path, 'bob')).toThrow('the keys are alice');
  });

  it('leave no folder behind where there is nothing to remove', () => {
    expect(() => removeKey(join(folder, 'nowhere', 'keys.json'), 'bob')).toThrow('the keys are none');
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  it('lose no key of programs that add theirs at once', async () => {
    const shared = join(folder, 'shared.json');
    const program = `const { addKey } = await import(${JSON.stringify(join(import.meta.dirname, 'key-file.ts'))});
      for (let i = 0; i < 10; i++) addKey(${JSON.stringify(shared)}, { name: process.argv[1] + i, created: '' });`;
    const names = ['a', 'b', 'c'];
    await Promise.all(
      names.map((name) =>
        run(process.execPath, ['--import', TYPESCRIPT, '--input-type=module', '-e', program, name]),
      ),
    );
    expect(readKeys(shared)).toHaveLength(30);
  });

  it('refuse wrong keys and other headers, and forget a removed key without a restart', async () => {
    const key = addKey(path, { name: 'bob', created: '' });
    const authenticator = new Authenticator(path);
    for (const header of [undefined, '', 'Bearer', `Basic ${key}`, `Bearer ${key}x`, `Bearer ${key} x`])
      expect(thrownBy(() => authenticator.authenticate(header)).options.status, header).toBe(401);
    expect(authenticator.authenticate(`bearer ${key}`).name).toBe('bob');
    removeKey(path, 'bob');
    await expect
      .poll(() => {
        try {
          return authenticator.authenticate(`Bearer ${key}`).name;
        } catch {
          return 'refused';
        }
      })
      .toBe('refused');
    expect(readKeys(path).map(({ name }) => name)).toEqual(['alice']);
  });

  it('say when a file is something else', () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, '{"keys": "all"}');
    expect(() => readKeys(other)).toThrow('expected a key file');
  });
});

describe('KeyLimits', () => {
  it('allows a burst, then as many as the minute earns, and says when', () => {
    let now = 0;
    const limits = new KeyLimits(() => now);
    const enter = (): void => limits.enter('a', { requestsPerMinute: 6, concurrency: 100 }).leave();
    for (let i = 0; i < 6; i++) enter();
    expect(thrownBy(enter).options).toMatchObject({ status: 429, retryAfter: 10 });
    now += 9_999;
    expect(thrownBy(enter).options.retryAfter).toBe(1);
    now += 1;
    enter();
    expect(() => limits.enter('b', { requestsPerMinute: 6, concurrency: 1 })).not.toThrow();
  });

  it('counts requests at once, and each end once', () => {
    const limits = new KeyLimits();
    const options = { requestsPerMinute: Number.POSITIVE_INFINITY, concurrency: 2 };
    const first = limits.enter('a', options);
    limits.enter('a', options);
    expect(thrownBy(() => limits.enter('a', options)).message).toContain('at once');
    first.leave();
    first.leave();
    limits.enter('a', options);
    expect(() => limits.enter('a', options)).toThrow();
  });
});

describe('Admission', () => {
  const never = new AbortController().signal;

  it('lets keys in in turn, and refuses beyond the queue with the time to come again', async () => {
    let now = 0;
    const door = new Admission({ maxRunning: 1, maxWaiting: 4, now: () => now });
    const first = await door.enter('a', 1, never);
    const order: string[] = [];
    const waits = ['a1', 'a2', 'a3', 'b1'].map(async (name) => {
      const leave = await door.enter(name.charAt(0), 1, never);
      order.push(name);
      leave();
    });
    await expect(door.enter('c', 1, never)).rejects.toMatchObject({ options: { status: 429 } });
    now = 7000;
    first();
    await Promise.all(waits);
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
    expect([door.running, door.waiting]).toEqual([0, 0]);
  });

  it('forgets whoever left while waiting', async () => {
    const door = new Admission({ maxRunning: 1, maxWaiting: 4 });
    const first = await door.enter('a', 1, never);
    const controller = new AbortController();
    const gone = door.enter('a', 1, controller.signal);
    controller.abort(new Error('left'));
    await expect(gone).rejects.toThrow('left');
    expect(door.waiting).toBe(0);
    first();
    expect(door.running).toBe(0);
  });
});
