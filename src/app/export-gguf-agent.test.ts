import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resolveConfig } from '../config/resolve.ts';
import { saveTinyAdapter, saveTinyModel, writeTinyGguf } from '../export/testing/tiny-models.ts';
import { withGguf } from '../gguf/container.ts';
import { endOfGeneration } from '../gguf/end-tokens.ts';
import { Metadata } from '../gguf/metadata.ts';
import { type WrittenGguf, writeGgufAgent } from './export-gguf-agent.ts';
import type { SharedBases } from './export-gguf-base.ts';
import type { AgentExport } from './exported-agent.ts';

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-export-gguf-agent-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

interface Exported {
  readonly model: string;
  /** Folder of the trained adapter or model. */
  readonly from: string;
  readonly chatTemplate?: string;
}

/** Exports agents without merging. */
function exportAll(agents: readonly Exported[], isAdapter: boolean): WrittenGguf[] {
  const team = join(dir, 'team.yaml');
  const lines = agents.map(({ model, chatTemplate }) =>
    JSON.stringify({ model, ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }) }),
  );
  fs.writeFileSync(team, `agents: [${lines.join()}]\ntask: { name: arithmetic }\n`);
  const resolved = resolveConfig(team);
  const bases: SharedBases = new Map();
  return agents.map(({ from, model }, id) => {
    const agent = { resolved, id, from, name: `agent_${id}`, out: 'out' } as AgentExport;
    return writeGgufAgent(join(dir, 'out'), agent, {
      ...{ type: 'F16', isAdapter, merged: false, base: model, bases },
    });
  });
}

const modelfileOf = (id: number): string =>
  fs.readFileSync(join(dir, 'out', `agent_${id}`, 'Modelfile'), 'utf8');
/** The base that a Modelfile names, relative to the team's folder, or absolute. */
const baseOf = (id: number): string => /^FROM (?:\.\.\/)?(.*)$/m.exec(modelfileOf(id))?.[1] ?? '';
const templateOf = (file: string): string | undefined =>
  withGguf(file, (gguf) => new Metadata(gguf).string('tokenizer.chat_template'));
const stopOf = (id: number): string[] =>
  [...modelfileOf(id).matchAll(/^PARAMETER stop (.*)$/gm)].map(([, text = '']) => JSON.parse(text));

describe('the bases of adapters', () => {
  async function adapters(...bases: readonly string[]): Promise<Exported[]> {
    const made: Exported[] = [];
    for (const [id, base] of bases.entries()) {
      const model = join(dir, base);
      if (!fs.existsSync(model)) await saveTinyModel(model);
      await saveTinyAdapter(join(dir, `adapter_${id}`), model);
      made.push({ model, from: join(dir, `adapter_${id}`) });
    }
    return made;
  }

  it('are one file per model, also for models of equal name', async () => {
    const agents = await adapters('a/tiny', 'b/tiny', 'a/tiny', 'c/Tiny');
    exportAll(agents, true);
    expect([0, 1, 2, 3].map(baseOf)).toEqual([
      'base/tiny-F16.gguf',
      'base/tiny-F16-2.gguf',
      'base/tiny-F16.gguf',
      'base/Tiny-F16-3.gguf',
    ]);
    expect(fs.readdirSync(join(dir, 'out/base'))).toHaveLength(3);
  });

  it('have the chat template of the setting; a GGUF file is used where it is without one', async () => {
    const [folder] = await adapters('tiny');
    const file = join(dir, 'model.gguf');
    writeTinyGguf(file, folder!.model);
    await saveTinyAdapter(join(dir, 'adapter_file'), file);
    const ofFile = { model: file, from: join(dir, 'adapter_file') };
    const chatTemplate = "{{ 'X' }}{% for m in messages %}{{ m.content }}{% endfor %}";
    const settings = [folder!, { ...folder!, chatTemplate }, ofFile, { ...ofFile, chatTemplate }];
    exportAll(settings, true);
    const bases = [0, 1, 2, 3].map(baseOf);
    expect(bases).toEqual(['base/tiny-F16.gguf', 'base/tiny-F16-2.gguf', file, 'base/model-F16.gguf']);
    const paths = bases.map((path) => (dirname(path) === 'base' ? join(dir, 'out', path) : path));
    expect(paths.map(templateOf)).toEqual([
      templateOf(file),
      `${chatTemplate}\n`,
      templateOf(file),
      `${chatTemplate}\n`,
    ]);
    expect(templateOf(file)).toContain('<|begin|>');
  });
});

describe('chat_template: plain', () => {
  it('is in the file, with the line break as a stop text and an end token', async () => {
    const folder = join(dir, 'tiny');
    await saveTinyModel(folder, { 'chat_template.jinja': undefined });
    const file = join(dir, 'model.gguf');
    writeTinyGguf(file, folder);
    const [first, second] = exportAll(
      [
        { model: folder, from: folder, chatTemplate: 'plain' },
        { model: file, from: folder, chatTemplate: 'plain' },
      ],
      false,
    );
    expect([stopOf(0), stopOf(1)]).toEqual([
      ['<|end|>', '\n'],
      ['<|end|>', '\n'],
    ]);
    for (const [id, { file: name }] of [first!, second!].entries()) {
      const written = join(dir, 'out', `agent_${id}`, name);
      expect(basename(written)).toBe(`agent_${id}-F16.gguf`);
      expect(templateOf(written)).toContain("'Question: '");
      const tokens = withGguf(written, (gguf) => {
        const metadata = new Metadata(gguf);
        const texts = metadata.strings('tokenizer.ggml.tokens') ?? [];
        return endOfGeneration(metadata).map((token) => texts[token]);
      });
      expect(tokens).toEqual(['<|end|>', 'Ċ']);
    }
    expect(first!.warnings).toEqual([]);
  });

  it('names the end tokens that do not fit into the file', async () => {
    const folder = join(dir, 'tiny');
    await saveTinyModel(folder, { 'generation_config.json': '{"eos_token_id":[0,5,6,7]}' });
    const [written] = exportAll([{ model: folder, from: folder, chatTemplate: 'plain' }], false);
    expect(written!.warnings).toEqual([
      expect.stringMatching(/^agent agent_0: .* 3 end tokens, so .*"\\n" end no message in llama\.cpp; /),
    ]);
    expect(stopOf(0)).toContain('\n');
  });
});

describe('the chat template of the model', () => {
  const TEMPLATE = '{% for m in messages %}{{ m.content }}{% endfor %}';
  it.each(['chat_template.json', 'tokenizer_config.json'])('is that of %s', async (name) => {
    const folder = join(dir, 'tiny');
    const text = JSON.stringify({ chat_template: TEMPLATE });
    await saveTinyModel(folder, { 'chat_template.jinja': undefined, [name]: text });
    const [written] = exportAll([{ model: folder, from: folder }], false);
    expect(templateOf(join(dir, 'out/agent_0', written!.file))).toBe(TEMPLATE);
  });

  it('is absent if its text is blank; a begin token of the post-processor is then added', async () => {
    const folder = join(dir, 'tiny');
    const change = (name: string, changes: object): void => {
      const path = join(folder, name);
      const json = JSON.parse(fs.readFileSync(path, 'utf8')) as object;
      fs.writeFileSync(path, JSON.stringify({ ...json, ...changes }));
    };
    const id = '<|begin|>';
    const single = [{ SpecialToken: { id, type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }];
    const special_tokens = { [id]: { id, ids: [1], tokens: [id] } };
    const begins = { type: 'TemplateProcessing', single, pair: single, special_tokens };
    const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true };
    await saveTinyModel(folder, { 'chat_template.jinja': ' \n' });
    change('config.json', { bos_token_id: 1 });
    change('tokenizer_config.json', { bos_token: id });
    const addsBegin = (): boolean | undefined => {
      const [written] = exportAll([{ model: folder, from: folder }], false);
      const file = join(dir, 'out/agent_0', written!.file);
      expect(templateOf(file)).toBeUndefined();
      return withGguf(file, (gguf) => new Metadata(gguf).flag('tokenizer.ggml.add_bos_token'));
    };
    expect(addsBegin()).toBe(false);
    change('tokenizer.json', { post_processor: { type: 'Sequence', processors: [byteLevel, begins] } });
    expect(addsBegin()).toBe(true);
    change('tokenizer_config.json', { add_bos_token: false });
    expect(addsBegin()).toBe(false);
  });
});
