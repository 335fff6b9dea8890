import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, TroupeError } from '../support/errors.ts';
import { type FetchModelOptions, fetchModel } from './snapshot.ts';
import { COMMIT, type FakeHub, type FakeHubOptions, startFakeHub } from './testing/fake-hub.ts';

const REPO = 'acme/tiny';
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const WEIGHTS = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 7) % 251);
const FILES = {
  'config.json': text('{"a":1}'),
  'tokenizer.json': text('{}'),
  'model.safetensors': WEIGHTS,
  'README.md': text('hello'),
  'notes/other.txt': text('not needed'),
  'pytorch_model.bin': text('a pickle'),
};

let dir: string;
let hub: FakeHub | undefined;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-hub-'));
});
afterEach(async () => {
  await hub?.close();
  hub = undefined;
  fs.rmSync(dir, { recursive: true, force: true });
});

async function start(changes: Partial<FakeHubOptions> = {}): Promise<void> {
  await hub?.close();
  hub = await startFakeHub({ repo: REPO, files: FILES, large: ['model.safetensors'], ...changes });
}

interface Changes extends Omit<FetchModelOptions, 'settings'> {
  readonly token?: string;
  readonly offline?: boolean;
  readonly endpoint?: string;
}

const waits: number[] = [];
function get(model = `hf:${REPO}`, { token, offline = false, endpoint, ...options }: Changes = {}) {
  waits.length = 0;
  return fetchModel(model, {
    settings: {
      endpoint: endpoint ?? hub?.endpoint ?? 'http://127.0.0.1:1',
      cacheDir: join(dir, 'cache'),
      offline,
      ...(token === undefined ? {} : { token }),
    },
    wait: async (ms) => {
      waits.push(ms);
    },
    ...options,
  });
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(TroupeError);
  const { message } = error as TroupeError;
  expect(message).not.toContain('\n');
  return message.replaceAll(dir, 'DIR').replaceAll(hub?.endpoint ?? '-', 'HUB');
}

/** Returns the names of all files in the cache, without links. */
function cached(): string[] {
  if (!fs.existsSync(join(dir, 'cache'))) return [];
  return fs
    .readdirSync(join(dir, 'cache'), { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);
}

const sha256 = createHash('sha256').update(WEIGHTS).digest('hex');
const isWeights = (request: IncomingMessage): boolean => request.url?.endsWith('/model.safetensors') ?? false;
/** Whether a request downloads the weights. The first request for a file reads only its size. */
const isDownload = (request: IncomingMessage): boolean =>
  isWeights(request) && request.headers.range !== 'bytes=0-0';

describe('a model of the hub', () => {
  it('becomes a folder with the needed files alone', async () => {
    await start();
    const seen: [number, number][] = [];
    const model = await get(`hf:${REPO}`, { onProgress: (done, total) => seen.push([done, total]) });
    expect(model.commit).toBe(COMMIT);
    expect(fs.readdirSync(model.dir).sort()).toEqual([
      'README.md',
      'config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    expect(fs.readFileSync(join(model.dir, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(seen.at(-1)).toEqual([3_000_014, 3_000_014]);
    expect(cached()).toContain(sha256);
    expect(cached().filter((name) => name.includes('.'))).toEqual([]);
  });

  it('has its chat templates and its licence, wherever they are', async () => {
    const small = ['chat_template.json', 'additional_chat_templates/tool_use.jinja', 'LICENSE.md'];
    const others = ['additional_chat_templates/notes.txt', 'onnx/chat_template.jinja', 'docs/LICENSE'];
    const files = [...small, ...others].map((name) => [name, text(name)]);
    await start({ files: { ...FILES, ...Object.fromEntries(files) } });
    const { dir: folder } = await get();
    for (const name of small) expect(fs.readFileSync(join(folder, name), 'utf8')).toBe(name);
    for (const name of others) expect(fs.existsSync(join(folder, name))).toBe(false);
  });

  it('has the cache layout of Hugging Face tools', async () => {
    await start();
    await get();
    const repo = join(dir, 'cache', 'models--acme--tiny');
    expect(fs.readdirSync(repo).sort()).toEqual(['blobs', 'refs', 'snapshots']);
    expect(fs.readFileSync(join(repo, 'refs', 'main'), 'utf8')).toBe(COMMIT);
    expect(fs.readlinkSync(join(repo, 'snapshots', COMMIT, 'model.safetensors'))).toBe(
      join('..', '..', 'blobs', sha256),
    );
  });

  it('is downloaded once; later requests resolve a branch, and a commit needs none', async () => {
    await start();
    const { dir: first } = await get();
    hub!.requests.length = 0;
    expect((await get()).dir).toBe(first);
    expect(hub!.requests.filter((request) => request.includes('/resolve/'))).toEqual([]);
    hub!.requests.length = 0;
    expect((await get(`hf:${REPO}@${COMMIT}`)).dir).toBe(first);
    expect(hub!.requests).toEqual([]);
  });

  it('comes from the cache alone when offline', async () => {
    await start();
    const { dir: first } = await get();
    await hub?.close();
    expect((await get(`hf:${REPO}`, { offline: true })).dir).toBe(first);
    expect((await get(`hf:${REPO}@main`, { offline: true })).dir).toBe(first);
    expect(await refusal(get('hf:acme/other', { offline: true }))).toBe(
      'hf:acme/other: HF_HUB_OFFLINE is set and DIR/cache does not have the complete model; unset it to download the rest',
    );
  });

  it('is requested with the token', async () => {
    await start();
    await get(`hf:${REPO}`, { token: 'hf_secret' });
    expect(hub!.lastHeaders().authorization).toBe('Bearer hf_secret');
  });

  it('may have sharded weights', async () => {
    const index = text(
      '{"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}}',
    );
    const { 'model.safetensors': weights, ...rest } = FILES;
    const files = {
      ...rest,
      'model.safetensors.index.json': index,
      'model-00001-of-00002.safetensors': weights,
      'model-00002-of-00002.safetensors': text('b'),
      'consolidated.safetensors': text('the same again'),
    };
    await start({ files });
    const model = await get();
    expect(fs.readdirSync(model.dir).filter((name) => name.includes('safetensors'))).toEqual([
      'model-00001-of-00002.safetensors',
      'model-00002-of-00002.safetensors',
      'model.safetensors.index.json',
    ]);
    fs.rmSync(join(model.dir, 'model-00002-of-00002.safetensors'));
    expect(await refusal(get(`hf:${REPO}`, { offline: true }))).toContain('does not have the complete model');
    await get(`hf:${REPO}@${COMMIT}`); // puts the link back
    expect((await get(`hf:${REPO}`, { offline: true })).dir).toBe(model.dir);
  });
});

describe('a connection that breaks', () => {
  /**
   * Returns a request handler that closes the connection after `bytes` bytes of the weights, `times` times.
   */
  function breaking(times: number, bytes = 1_000_000): NonNullable<FakeHubOptions['intercept']> {
    let left = times;
    return (request, response) => {
      if (!isDownload(request) || left-- <= 0) return false;
      const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { 'Content-Length': WEIGHTS.length - from });
      response.write(WEIGHTS.subarray(from, from + bytes), () => response.destroy());
      return true;
    };
  }

  it('is resumed where it broke', async () => {
    const ranges: (string | undefined)[] = [];
    const broken = breaking(1);
    await start({
      intercept: (request, response) => {
        if (isDownload(request)) ranges.push(request.headers.range);
        return broken(request, response);
      },
    });
    const notes: string[] = [];
    const model = await get(`hf:${REPO}`, { onNote: (note) => notes.push(note) });
    expect(fs.readFileSync(join(model.dir, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(ranges).toHaveLength(2);
    expect(Number(/^bytes=(\d+)-2999999$/.exec(ranges[1] ?? '')?.[1])).toBeGreaterThan(0);
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(
      /^hf:acme\/tiny: the connection broke after \d+ of 3000000 bytes of model\.safetensors; resuming$/,
    );
  });

  it('is an error of one line after several breaks, and the next command resumes', async () => {
    await start({ intercept: breaking(100, 300_000) });
    expect(await refusal(get())).toMatch(
      /^hf:acme\/tiny: the connection broke after \d+ of 3000000 bytes of model\.safetensors \(.+\); they are kept, run the command again to continue$/,
    );
    expect(fs.existsSync(join(dir, 'cache', 'models--acme--tiny', 'snapshots'))).toBe(false);
    expect(cached()).toContain(`${sha256}.incomplete`);
    const ranges: (string | undefined)[] = [];
    await start({ intercept: (request) => isDownload(request) && ranges.push(request.headers.range) < 0 });
    const model = await get();
    expect(ranges[0]).toMatch(/^bytes=[1-9]/);
    expect(fs.readFileSync(join(model.dir, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
    expect(cached().filter((name) => name.includes('incomplete'))).toEqual([]);
  });

  it('starts over if the hub ignores the range', async () => {
    const broken = breaking(1);
    await start({
      intercept: (request, response) => {
        if (broken(request, response)) return true;
        if (!isDownload(request)) return false;
        response.writeHead(200, { 'Content-Length': WEIGHTS.length }).end(WEIGHTS);
        return true;
      },
    });
    const model = await get();
    expect(fs.readFileSync(join(model.dir, 'model.safetensors')).equals(WEIGHTS)).toBe(true);
  });

  it('names the address if nothing was received', async () => {
    const message = await refusal(get(`hf:${REPO}`, { endpoint: 'http://127.0.0.1:9' }));
    expect(message).toMatch(
      /^hf:acme\/tiny: http:\/\/127\.0\.0\.1:9 cannot be reached \(.+\); check the network, or set HF_HUB_OFFLINE=1 to use what is in DIR\/cache$/,
    );
    expect(waits).toEqual([1000, 2000, 4000]);
  });
});

describe('a file with another checksum', () => {
  it('is removed', async () => {
    await start({
      intercept: (request, response) => {
        if (!isDownload(request)) return false;
        response.writeHead(200, { 'Content-Length': WEIGHTS.length }).end(WEIGHTS.slice().fill(1, 5, 6));
        return true;
      },
    });
    expect(await refusal(get())).toMatch(
      new RegExp(
        `^hf:acme/tiny: expected model\\.safetensors with checksum ${sha256}, got [0-9a-f]{64}; the download was damaged`,
      ),
    );
    expect(cached().filter((name) => name.startsWith(sha256))).toEqual([]);
    expect(fs.existsSync(join(dir, 'cache', 'models--acme--tiny', 'snapshots'))).toBe(false);
  });

  it('is removed if it is small, with a checksum of git, too', async () => {
    await start({
      intercept: (request, response) => {
        if (!request.url?.endsWith('/config.json') || request.headers.range === 'bytes=0-0') return false;
        response.writeHead(200, { 'Content-Length': 7 }).end('{"a":2}');
        return true;
      },
    });
    expect(await refusal(get())).toContain('expected config.json with checksum');
    expect(cached()).toEqual([]);
  });
});

describe('a refused request', () => {
  const status = (code: number, headers: Record<string, string> = {}) => ({
    intercept: (_: IncomingMessage, response: ServerResponse) => {
      response
        .writeHead(code, { 'Content-Type': 'application/json', ...headers })
        .end('{"error":"no\\nway"}');
      return true;
    },
  });

  it.each<[number, Changes, string]>([
    [401, {}, 'no such model, or one that needs a token; check the name, or set HF_TOKEN'],
    [401, { token: 'hf_x' }, 'the token in HF_TOKEN is not valid; create one that can read the model'],
    [403, {}, 'access is not granted; accept its terms at HUB/acme/tiny and set HF_TOKEN'],
    [404, {}, 'no such model or revision; check both (a private model needs HF_TOKEN)'],
  ])('with status %i is not retried (%j)', async (code, changes, line) => {
    await start(status(code));
    expect(await refusal(get(`hf:${REPO}`, changes))).toBe(`hf:acme/tiny: HUB answers ${code}: ${line}`);
    expect(hub!.requests).toHaveLength(1);
    expect(cached()).toEqual([]);
  });

  it('with status 429 is retried a few times after the time in Retry-After', async () => {
    await start(status(429, { 'Retry-After': '7' }));
    const notes: string[] = [];
    expect(await refusal(get(`hf:${REPO}`, { onNote: (note) => notes.push(note) }))).toBe(
      'hf:acme/tiny: HUB answers 429: too many requests; try again in 7 s, or set HF_TOKEN for a higher limit',
    );
    expect(waits).toEqual([7000, 7000, 7000]);
    expect(hub!.requests).toHaveLength(4);
    expect(notes[0]).toBe('hf:acme/tiny: the hub answers 429; trying again in 7 s (1 of 3)');
  });

  it('with status 429 and a wait of an hour is not retried', async () => {
    await start(status(429, { 'Retry-After': '3600' }));
    expect(await refusal(get())).toContain('try again in 3600 s');
    expect(waits).toEqual([]);
  });

  it('with status 429 or 503 once succeeds at a retry', async () => {
    let left = 2;
    await start({
      intercept: (_, response) => {
        if (left-- <= 0) return false;
        response.writeHead(left === 1 ? 429 : 503).end();
        return true;
      },
    });
    expect((await get()).commit).toBe(COMMIT);
    expect(waits).toEqual([1000, 2000]);
  });
});

it('refuses a token of another service without printing it', async () => {
  await start();
  expect(await refusal(get(`hf:${REPO}`, { token: 'sk-secret' }))).toBe(
    'HF_TOKEN: expected a token that begins with hf_, got another; make one on the hub, or unset it',
  );
});

it('reports a server that is no hub', async () => {
  await start({
    intercept: (_, response) => {
      response.end('<html>');
      return true;
    },
  });
  expect(await refusal(get())).toMatch(
    /^hf:acme\/tiny: HUB does not answer like a hub \(.+\); check HF_ENDPOINT$/,
  );
});

describe('an unusable model is refused before its weights are downloaded', () => {
  it.each<[string, string]>([
    [
      'model.safetensors',
      'expected weights in safetensors, got pytorch_model.bin, a pickle, which is never read',
    ],
    ['tokenizer.json', 'the model has no tokenizer.json, which troupe needs'],
    ['config.json', 'the model has no config.json, which troupe needs'],
  ])('without %s', async (name, line) => {
    await start({ files: Object.fromEntries(Object.entries(FILES).filter(([file]) => file !== name)) });
    expect(await refusal(get())).toContain(line);
    expect(hub!.requests.filter((request) => request.includes('/resolve/'))).toEqual([]);
  });

  it('by a check of its small files, which stay in the cache', async () => {
    await start();
    const seen: string[][] = [];
    const checkFiles = async (folder: string): Promise<void> => {
      seen.push(fs.readdirSync(folder).sort());
      throw new ConfigError('not supported');
    };
    expect(await refusal(get(`hf:${REPO}`, { checkFiles }))).toBe('not supported');
    expect(seen).toEqual([['README.md', 'config.json', 'tokenizer.json']]);
    expect(hub!.requests.filter((request) => request.endsWith('/model.safetensors'))).toEqual([]);
    await get(`hf:${REPO}`, { checkFiles: async () => {} });
    // weights in the cache are used without a check
    await get(`hf:${REPO}`, { checkFiles });
    expect(seen).toHaveLength(1);
  });

  it('without safetensors or pickle', async () => {
    const { 'config.json': config, 'tokenizer.json': tokenizer } = FILES;
    await start({ files: { 'config.json': config, 'tokenizer.json': tokenizer } });
    expect(await refusal(get())).toContain('the model has no weights in safetensors');
  });
});

it.skipIf(!fs.existsSync('/dev/full'))('reports a full disk and removes the partial file', async () => {
  await start();
  const blobs = join(dir, 'cache', 'models--acme--tiny', 'blobs');
  fs.mkdirSync(blobs, { recursive: true });
  fs.symlinkSync('/dev/full', join(blobs, `${sha256}.part-${process.pid}`));
  expect(await refusal(get())).toMatch(
    new RegExp(
      `^DIR/cache/models--acme--tiny/blobs/${sha256}: expected to write it, but the disk is full; nothing half-written is left; free some space`,
    ),
  );
  expect(fs.readdirSync(blobs).filter((name) => name.startsWith(sha256))).toEqual([]);
});

it('aborts a download and keeps the partial file', async () => {
  const controller = new AbortController();
  await start({
    intercept: (request, response) => {
      if (!isDownload(request)) return false;
      response.writeHead(200, { 'Content-Length': WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 100_000));
      return true;
    },
  });
  const attempt = get(`hf:${REPO}`, {
    signal: controller.signal,
    onProgress: (done) => done > 50_000 && controller.abort(new Error('enough')),
  });
  await expect(attempt).rejects.toThrow('enough');
  expect(cached()).toContain(`${sha256}.incomplete`);
});

describe('a GGUF file of the hub', () => {
  const GGUF = {
    'README.md': text('hello'),
    'tiny.Q8_0.gguf': WEIGHTS,
    'tiny.F16.gguf': text('another file'),
    'big/tiny-00001-of-00002.gguf': text('a part'),
  };
  const repository = (files: FakeHubOptions['files'] = GGUF): Promise<void> =>
    start({ files, large: ['tiny.Q8_0.gguf'] });

  it('is downloaded alone, pinned to the commit, and cached', async () => {
    await repository();
    const reference = `hf:${REPO}/tiny.Q8_0.gguf`;
    const { dir: path, commit } = await get(reference);
    expect(path).toMatch(new RegExp(`${COMMIT}/tiny\\.Q8_0\\.gguf$`));
    expect(commit).toBe(COMMIT);
    expect(fs.readFileSync(path).equals(WEIGHTS)).toBe(true);
    expect(cached().filter((name) => name !== 'main')).toEqual([sha256]);
    const before = hub?.requests.length;
    expect((await get(`${reference}@${COMMIT}`)).dir).toBe(path);
    expect((await get(reference, { offline: true })).dir).toBe(path);
    expect(hub?.requests.length).toBe(before);
    expect(await refusal(get(`hf:${REPO}/tiny.F16.gguf`, { offline: true }))).toMatch(/HF_HUB_OFFLINE/);
  });

  it('that is missing gives the names of those that are there', async () => {
    await repository();
    expect(await refusal(get(`hf:${REPO}/tiny.gguf`))).toBe(
      'hf:acme/tiny/tiny.gguf: the repository has no file "tiny.gguf"; its GGUF files: tiny.Q8_0.gguf, tiny.F16.gguf, big/tiny-00001-of-00002.gguf',
    );
    expect(await refusal(get(`hf:${REPO}`))).toBe(
      'hf:acme/tiny: the repository has GGUF files instead of a model folder (tiny.Q8_0.gguf, tiny.F16.gguf, big/tiny-00001-of-00002.gguf); add the name of one: hf:acme/tiny/FILE.gguf',
    );
    await repository(FILES);
    expect(await refusal(get(`hf:${REPO}/tiny.gguf`))).toBe(
      'hf:acme/tiny/tiny.gguf: the repository has no GGUF files; check the name',
    );
  });

  it('that is a part of a model is refused before it is downloaded', async () => {
    await repository();
    expect(await refusal(get(`hf:${REPO}/big/tiny-00001-of-00002.gguf`))).toMatch(
      /expected a whole model, got one file of a split model/,
    );
    expect(cached()).toEqual([]);
  });
});
