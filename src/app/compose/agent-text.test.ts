import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../config/resolve.ts';
import { readAgentTexts } from './agent-text.ts';

const FILE = join(import.meta.dirname, '../../../test/fixtures/gguf/llama.gguf');

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-agent-text-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

describe('a GGUF file', () => {
  it.each(['torch', 'ray'])('is refused for engine %s, at its place in the team file', async (kind) => {
    const team = join(dir, 'team.yaml');
    const agents = JSON.stringify([{ model: './folder' }, { model: FILE }]);
    fs.writeFileSync(team, `agents: ${agents}\ntask: { name: arithmetic }\nengine: { kind: ${kind} }\n`);
    const line = `${team}:1:\\d+ agents.1.model: .*llama\\.gguf: expected a model folder, because engine ${kind} does not`;
    // files of the folder, which does not exist, are the worker's
    await expect(readAgentTexts(resolveConfig(team), [join(dir, 'folder'), FILE])).rejects.toThrow(
      new RegExp(line),
    );
  });
});
