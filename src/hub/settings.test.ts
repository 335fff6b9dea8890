import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { retryAfter } from './request.ts';
import { hubSettings } from './settings.ts';

it('reads settings from the environment variables of Hugging Face tools', () => {
  expect(hubSettings({})).toEqual({
    endpoint: 'https://huggingface.co',
    cacheDir: join(homedir(), '.cache', 'huggingface', 'hub'),
    offline: false,
  });
  expect(
    hubSettings({ HF_ENDPOINT: 'http://x/', HF_TOKEN: ' t ', HF_HOME: '/h', HF_HUB_OFFLINE: '1' }),
  ).toEqual({ endpoint: 'http://x', token: 't', cacheDir: join('/h', 'hub'), offline: true });
  expect(hubSettings({ HF_HUB_CACHE: '/c', HF_HOME: '/h', HF_HUB_OFFLINE: '0', HF_TOKEN: '' })).toMatchObject(
    {
      cacheDir: '/c',
      offline: false,
    },
  );
  expect(hubSettings({ HF_TOKEN: '' }).token).toBeUndefined();
});

it('reads Retry-After as a number of seconds or a date', () => {
  expect(retryAfter('7')).toBe(7);
  expect(retryAfter('Wed, 21 Oct 2015 07:28:00 GMT', Date.parse('2015-10-21T07:27:30Z'))).toBe(30);
  expect(retryAfter('-3')).toBe(0);
  expect(retryAfter('soon')).toBeUndefined();
  expect(retryAfter(null)).toBeUndefined();
});
