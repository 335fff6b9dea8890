import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { afterAll, describe, expect, it } from 'vitest';
import { ApiKeys } from '../access/api-keys.ts';
import { addKey } from '../access/key-file.ts';
import { ApiError } from '../api/errors.ts';
import { apiKeyAuth } from './api-key-auth.ts';
import type { ServerEnv } from './request-context.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-auth-'));
afterAll(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'keys.json');
const key = addKey(path, { name: 'bob', created: '' });

function appWith(keys: ApiKeys | undefined): Hono<ServerEnv> {
  const app = new Hono<ServerEnv>();
  app.onError((error, c) => {
    if (!(error instanceof ApiError)) throw error;
    const { status, code, headers } = error.options;
    return c.text(code, status as 401, headers);
  });
  app.get('/', apiKeyAuth(keys), (c) => c.text(c.get('apiKey')?.name ?? 'no key'));
  return app;
}

describe('apiKeyAuth', () => {
  const app = appWith(new ApiKeys(path));

  it.each([
    [undefined, 'missing_api_key'],
    ['', 'missing_api_key'],
    ['Bearer', 'missing_api_key'],
    ['Bearer ', 'missing_api_key'],
    [`Basic ${key}`, 'missing_api_key'],
    [`Bearer ${key} x`, 'missing_api_key'],
    [`Bearer ${key}x`, 'invalid_api_key'],
  ])('answers 401 to the header %j', async (authorization, code) => {
    const response = await app.request(
      '/',
      authorization === undefined ? {} : { headers: { authorization } },
    );
    expect([response.status, await response.text()]).toEqual([401, code]);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('accepts a key, with any case of the scheme, and passes its entry on', async () => {
    for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
      const response = await app.request('/', { headers: { authorization: `${scheme} ${key}` } });
      expect([response.status, await response.text()]).toEqual([200, 'bob']);
    }
  });

  it('requires no key where the server has none', async () => {
    expect(await (await appWith(undefined).request('/')).text()).toBe('no key');
  });
});
