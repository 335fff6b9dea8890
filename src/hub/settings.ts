/**
 * Settings of the hub: address, token and cache folder. They come from the environment variables of Hugging
 * Face tools.
 * @see https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
 * @module
 */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expandHome } from '../support/home-folder.ts';

export interface HubSettings {
  /** URL of the hub, without a trailing slash. */
  readonly endpoint: string;
  /** Access token. */
  readonly token?: string;
  /** Folder that contains the folders `models--OWNER--NAME`; shared with Python's `huggingface_hub`. */
  readonly cacheDir: string;
  /** Whether to make no requests and use only the cache. */
  readonly offline: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the variables `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_CACHE` or `HF_HOME`, and `HF_HUB_OFFLINE`. */
export function hubSettings(environment: Environment = process.env): HubSettings {
  const named = (...keys: string[]): string | undefined =>
    keys.map((key) => environment[key]?.trim()).find((value) => value !== undefined && value !== '');
  const folder = (...keys: string[]): string | undefined => {
    const path = named(...keys);
    return path === undefined ? undefined : expandHome(path); // as `huggingface_hub` does
  };
  const home =
    folder('HF_HOME') ?? join(folder('XDG_CACHE_HOME') ?? join(homedir(), '.cache'), 'huggingface');
  const token = named('HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN');
  return {
    endpoint: (named('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, ''),
    ...(token === undefined ? {} : { token }),
    cacheDir: folder('HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE') ?? join(home, 'hub'),
    offline: /^(1|on|yes|true)$/i.test(named('HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE') ?? ''),
  };
}
