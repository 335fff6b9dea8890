import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../../config/resolve.ts';
import { agentFileCheck, readAgentTexts } from './agent-text.ts';

const FILE = join(import.meta.dirname, '../../../test/fixtures/gguf/llama.gguf');

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-agent-text-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

/** Writes a team file and returns its path. */
function teamFile(text: string): string {
  const path = join(dir, 'team.yaml');
  fs.writeFileSync(path, text);
  return path;
}

describe('a GGUF file', () => {
  it.each(['torch', 'ray'])('is refused for engine %s, at its place in the team file', async (kind) => {
    const agents = JSON.stringify([{ model: './folder' }, { model: FILE }]);
    const team = teamFile(`agents: ${agents}\ntask: { name: arithmetic }\nengine: { kind: ${kind} }\n`);
    const line = `${team}:1:\\d+ agents.1.model: .*llama\\.gguf: expected a model folder, because engine ${kind} does not`;
    // files of the folder, which does not exist, are the worker's
    await expect(readAgentTexts(resolveConfig(team), [join(dir, 'folder'), FILE])).rejects.toThrow(
      new RegExp(line),
    );
  });
});

describe('agentFileCheck', () => {
  const checkOf = (settings: string) =>
    agentFileCheck(
      resolveConfig(
        teamFile(`base: m\nagents: 1\ntask: { name: arithmetic }\nchat_template: plain\n${settings}`),
      ),
      0,
    );

  it('refuses an architecture that the engine does not run', async () => {
    fs.writeFileSync(
      join(dir, 'config.json'),
      JSON.stringify({ model_type: 'rwkv', architectures: ['RwkvForCausalLM'] }),
    );
    fs.writeFileSync(join(dir, 'tokenizer.json'), '{}');
    await expect(checkOf('')(dir)).rejects.toThrow(/architecture "RwkvForCausalLM" is not supported/);
  });

  it('refuses a context that a message fills', async () => {
    await expect(checkOf('train: { max_completion_length: 100000 }')(FILE)).rejects.toThrow(
      /^expected max_completion_length below the \d+ tokens of the context window of agent "agent_0"/,
    );
    await expect(checkOf('train: { max_completion_length: 8 }')(FILE)).resolves.toBeUndefined();
  });
});
