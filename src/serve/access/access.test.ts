import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { ApiError } from '../api/errors.ts';
import { AdmissionControl } from './admission-control.ts';
import { ApiKeys } from './api-keys.ts';
import { addKey, readKeys, removeKey } from './key-file.ts';
import { RateLimiter } from './rate-limiter.ts';

const run = promisify(execFile);
/** URL of the module that `node --import` loads so that the child process can run TypeScript. */
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
  return expect.fail('expected an ApiError');
}

describe('key files', () => {
  const path = join(folder, 'deeper', 'keys.json');

  it('contain hashes instead of keys, and only their owner can read them', () => {
    const key = addKey(path, { name: 'alice', created: '2026-01-01', concurrency: 2 });
    expect(key).toMatch(/^trp_[\w-]{43}$/);
    expect(readFileSync(path, 'utf8')).not.toContain(key.slice(4));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(new ApiKeys(path).find(key)).toMatchObject({ name: 'alice', concurrency: 2 });
  });

  it('refuse a duplicate name, and the removal of an unknown name', () => {
    expect(() => addKey(path, { name: 'alice', created: '' })).toThrow('"alice", which is taken');
    expect(() => removeKey(path, 'bob')).toThrow('the keys are alice');
  });

  it('are not created, nor their folder, by the removal of an unknown name', () => {
    expect(() => removeKey(join(folder, 'nowhere', 'keys.json'), 'bob')).toThrow('the keys are none');
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  it('lose no key when several processes add keys concurrently', async () => {
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

  it('apply to a running server without a restart', async () => {
    const key = addKey(path, { name: 'bob', created: '' });
    const keys = new ApiKeys(path);
    expect(keys.count).toBe(2);
    expect(keys.find(`${key}x`)).toBeUndefined();
    expect(keys.find(key)?.name).toBe('bob');
    removeKey(path, 'bob');
    await expect.poll(() => keys.find(key)).toBeUndefined();
    expect(readKeys(path).map(({ name }) => name)).toEqual(['alice']);
  });

  it('are refused if they have another format', () => {
    const other = join(folder, 'other.json');
    writeFileSync(other, '{"keys": "all"}');
    expect(() => readKeys(other)).toThrow('expected a key file');
  });
});

describe('RateLimiter', () => {
  it('admits a burst, then the rate per minute, and returns the seconds to wait', () => {
    let now = 0;
    const limiter = new RateLimiter(() => now);
    const request = (): void => limiter.acquire('a', { requestsPerMinute: 6, concurrency: 100 }).release();
    for (let i = 0; i < 6; i++) request();
    expect(thrownBy(request).options).toMatchObject({ status: 429, retryAfter: 10 });
    now += 9_999;
    expect(thrownBy(request).options.retryAfter).toBe(1);
    now += 1;
    request();
    expect(() => limiter.acquire('b', { requestsPerMinute: 6, concurrency: 1 })).not.toThrow();
  });

  it('limits concurrent requests, and counts the end of a request once', () => {
    const limiter = new RateLimiter();
    const limits = { requestsPerMinute: Number.POSITIVE_INFINITY, concurrency: 2 };
    const first = limiter.acquire('a', limits);
    limiter.acquire('a', limits);
    expect(thrownBy(() => limiter.acquire('a', limits)).message).toContain('concurrent');
    first.release();
    first.release();
    limiter.acquire('a', limits);
    expect(() => limiter.acquire('a', limits)).toThrow();
  });
});

describe('AdmissionControl', () => {
  const never = new AbortController().signal;

  it('admits keys in turns, and refuses requests beyond the queue with a time to retry', async () => {
    let now = 0;
    const admission = new AdmissionControl({ maxRunning: 1, maxWaiting: 4, now: () => now });
    const first = await admission.acquire('a', 1, never);
    const order: string[] = [];
    const waits = ['a1', 'a2', 'a3', 'b1'].map(async (name) => {
      const release = await admission.acquire(name.charAt(0), 1, never);
      order.push(name);
      release();
    });
    await expect(admission.acquire('c', 1, never)).rejects.toMatchObject({ options: { status: 429 } });
    now = 7000;
    first();
    await Promise.all(waits);
    expect(order).toEqual(['a1', 'b1', 'a2', 'a3']);
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  it('removes a request from the queue when its signal aborts', async () => {
    const admission = new AdmissionControl({ maxRunning: 1, maxWaiting: 4 });
    const first = await admission.acquire('a', 1, never);
    const controller = new AbortController();
    const aborted = admission.acquire('a', 1, controller.signal);
    controller.abort(new Error('disconnected'));
    await expect(aborted).rejects.toThrow('disconnected');
    expect(admission.waiting).toBe(0);
    first();
    expect(admission.running).toBe(0);
  });
});
