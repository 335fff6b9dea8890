import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { saveTinyModel, writeTinyGguf } from '../export/testing/tiny-models.ts';
import { composeServedTeam } from './served-team.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-served-team-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

async function fingerprintOf(teamFile: string): Promise<string> {
  const { team, close } = await composeServedTeam(teamFile, { overrides: [] });
  expect(team.agents.map(({ name }) => name)).toEqual(['file', 'folder']);
  await close();
  return team.fingerprint;
}

it('composes a team of a GGUF file and a folder, whose fingerprint changes with either of them', async () => {
  const [folder, file] = [join(dir, 'folder'), join(dir, 'file.gguf')];
  await saveTinyModel(folder);
  writeTinyGguf(file, folder);
  const teamFile = join(dir, 'team.yaml');
  fs.writeFileSync(
    teamFile,
    `agents:
  - { name: file, model: ./file.gguf }
  - { name: folder, model: ./folder }
task: { name: arithmetic, operands: 2, max_operand: 9 }
train: { max_completion_length: 8 }
engine: { kind: onnx, threads: 1 }
`,
  );
  const first = await fingerprintOf(teamFile);
  expect(await fingerprintOf(teamFile)).toBe(first);
  fs.utimesSync(file, 1, 1);
  const second = await fingerprintOf(teamFile);
  expect(second).not.toBe(first);
  fs.utimesSync(join(folder, 'model.safetensors'), 1, 1);
  expect(await fingerprintOf(teamFile)).not.toBe(second);
});

it('refuses an agent of a serve file without a chat template before weights are read', async () => {
  const [first, folder] = [join(dir, 'first'), join(dir, 'model')];
  await saveTinyModel(first);
  fs.truncateSync(join(first, 'model.safetensors'), 8); // loading it would fail
  await saveTinyModel(folder);
  const settings = join(folder, 'tokenizer_config.json');
  const { chat_template: _, ...others } = JSON.parse(fs.readFileSync(settings, 'utf8')) as {
    chat_template: string;
  };
  fs.writeFileSync(settings, JSON.stringify(others));
  fs.rmSync(join(folder, 'chat_template.jinja'), { force: true });
  fs.truncateSync(join(folder, 'model.safetensors'), 8);
  const serveFile = join(dir, 'serve.yaml');
  fs.writeFileSync(serveFile, 'agents:\n  - { model: ./first }\n  - { model: ./model }\n');
  await expect(composeServedTeam(serveFile, { overrides: [] })).rejects.toThrow(
    /serve\.yaml.*agents.*model.*no chat template; set chat_template to plain/s,
  );
});

it('names the key of a chat template that is not there', async () => {
  await saveTinyModel(join(dir, 'model'));
  const serveFile = join(dir, 'serve.yaml');
  fs.writeFileSync(serveFile, 'agents:\n  - { model: ./model, chat_template: ./missing.jinja }\n');
  await expect(composeServedTeam(serveFile, { overrides: [] })).rejects.toThrow(
    /^\S*serve\.yaml:2:\d+ agents\[?\.?0\]?\.chat_template: (?!.*serve\.yaml)/,
  );
});
