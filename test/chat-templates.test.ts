import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, spawnTroupe } from './spawn-troupe.ts';

const BASE = fileURLToPath(new URL('../recipes/quickstart-base', import.meta.url));
/** Timeout of tests with several processes on a busy machine, ms. */
const PATIENCE_MS = 240_000;

const TURN = "{{- '<|' + message.role + '|>' + message.content -}}";
const OPENING = '{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}';
const loop = (body: string, end = OPENING): string =>
  `{%- for message in messages -%}${body}{%- endfor -%}${end}`;
const refuse = (condition: string, why: string): string =>
  `{%- if ${condition} -%}{{ raise_exception('${why}') }}{%- endif -%}`;

let dir: string;

beforeAll(() => {
  dir = fs.mkdtempSync(join(tmpdir(), 'troupe-chat-'));
});
afterAll(() => fs.rmSync(dir, { recursive: true, force: true }));

const troupe = (...args: string[]): CommandResult => spawnTroupe(dir, args);

/** Writes a copy of the base model with another chat template; undefined removes it. Returns its name. */
function model(name: string, template: string | undefined, { weights = true } = {}): string {
  const folder = join(dir, name);
  fs.cpSync(BASE, folder, { recursive: true });
  fs.rmSync(join(folder, 'chat_template.jinja'));
  if (template !== undefined) fs.writeFileSync(join(folder, 'chat_template.jinja'), template);
  if (!weights) fs.rmSync(join(folder, 'model.safetensors'));
  return name;
}

/** Writes a team file and returns its name. */
function team(base: string, { more = '', agents = '2' } = {}): string {
  const text = `
name: t
base: ${base}
agents: ${agents}
task: {name: arithmetic, operands: 2, max_operand: 9, operations: "+"}
engine: {threads: 1}
train: {stages: 1, prompts_per_step: 2, num_generations: 2, max_completion_length: 8}
gate: {kind: "off"}
eval: {prompts: 2, k: 1}
${more}`;
  fs.writeFileSync(join(dir, `${base}.yaml`), text);
  return `${base}.yaml`;
}

const trained = (file: string, run: string, ...flags: string[]) =>
  troupe('train', file, '--run', run, ...flags);

describe('a model is refused before its weights are read', () => {
  const line = (file: string): string => {
    const { status, stderr } = trained(file, 'never');
    expect(status).toBe(2);
    expect(fs.existsSync(join(dir, 'never'))).toBe(false);
    expect(stderr.trimEnd()).not.toContain('\n');
    return stderr;
  };

  it(
    'without a chat template, also if the file is empty or no template is the default',
    () => {
      const fix = /set chat_template to plain, which is for base models, or to a Jinja file$/m;
      expect(line(team(model('none', undefined, { weights: false })))).toMatch(
        /^none\.yaml:3:7 base: .*none: the model has no chat template;/,
      );
      for (const [name, config] of [
        ['empty', undefined],
        ['unnamed', { chat_template: [{ name: 'rag', template: 'x' }] }],
      ] as const) {
        model(name, config === undefined ? '' : undefined, { weights: false });
        const path = join(dir, name, 'tokenizer_config.json');
        const known = JSON.parse(fs.readFileSync(path, 'utf8')) as object;
        fs.writeFileSync(path, JSON.stringify({ ...known, ...config }));
        expect(line(team(name))).toMatch(fix);
      }
      for (const command of ['eval', 'serve', 'tasks check'])
        expect(troupe(...command.split(' '), 'none.yaml')).toMatchObject({
          status: 2,
          stderr: expect.stringMatching(fix),
        });
    },
    PATIENCE_MS,
  );

  it(
    'whose template cannot express a conversation of the protocol',
    () => {
      const drops = model('drops', loop(`{%- if message.role == 'user' -%}${TURN}{%- endif -%}`), {
        weights: false,
      });
      const debate = team(drops, { more: 'protocol: {kind: debate}' });
      expect(line(debate)).toMatch(
        /it leaves out message 2 \(assistant\); set chat_template to another one \(turn 2 of protocol debate\)$/m,
      );
      const counts = model('counts', `{{ messages | length }}${loop(TURN, '')}`, { weights: false });
      expect(line(team(counts))).toMatch(
        /it ignores add_generation_prompt, and the beginning .* cannot be derived/,
      );
    },
    PATIENCE_MS,
  );

  it(
    'whose setting chat_template names no template',
    () => {
      const file = team(model('other', loop(TURN), { weights: false }), {
        more: 'chat_template: nowhere.jinja',
      });
      expect(line(file)).toMatch(
        /^other\.yaml:10:16 chat_template: expected plain or a Jinja file, got .*nowhere\.jinja/,
      );
    },
    PATIENCE_MS,
  );
});

describe('a model is trained', () => {
  it.each<[string, string, { more?: string; agents?: string }]>([
    ['nogenprompt', loop(TURN, ''), {}],
    [
      'rejectsys',
      loop(refuse("message.role == 'system'", 'System role not supported') + TURN),
      { agents: '[{name: a, instruction: add}, {name: b}]' },
    ],
    [
      'alternate',
      loop(refuse("(message.role == 'user') != (loop.index0 % 2 == 0)", 'roles must alternate') + TURN),
      { agents: '3', more: 'protocol: {kind: debate}' },
    ],
  ])(
    'whose template is %s',
    (name, template, options) => {
      expect(trained(team(model(name, template), options), `run-${name}`)).toMatchObject({
        status: 0,
        stderr: '',
      });
    },
    PATIENCE_MS,
  );

  it(
    'with the templates of chat_template.json and additional_chat_templates, which checkpoints keep',
    () => {
      const saved = (base: string): string => {
        expect(trained(team(base), `run-${base}`)).toMatchObject({ status: 0, stderr: '' });
        return join(dir, `run-${base}`, 'checkpoints', 'stage-0001', 'agent_0');
      };
      model('json', undefined);
      const json = JSON.stringify({ chat_template: loop(TURN) });
      fs.writeFileSync(join(dir, 'json', 'chat_template.json'), json);
      expect(fs.readFileSync(join(saved('json'), 'chat_template.json'), 'utf8')).toBe(json);
      const named = join('additional_chat_templates', 'tool_use.jinja');
      model('folder', loop(TURN));
      fs.mkdirSync(join(dir, 'folder', 'additional_chat_templates'));
      fs.writeFileSync(join(dir, 'folder', named), 'T');
      expect(fs.readFileSync(join(saved('folder'), named), 'utf8')).toBe('T');
    },
    PATIENCE_MS,
  );

  it(
    'without a template by chat_template: plain, which checkpoints and exports contain',
    () => {
      const file = team(model('plain', undefined), { more: 'chat_template: plain' });
      expect(trained(file, 'run-plain')).toMatchObject({ status: 0, stderr: '' });
      const template = fs.readFileSync(
        join(dir, 'run-plain', 'checkpoints', 'stage-0001', 'agent_0', 'chat_template.jinja'),
        'utf8',
      );
      expect(template).toContain("'Question: '");
      expect(troupe('eval', 'run-plain', '--prompts', '2')).toMatchObject({ status: 0 });
      expect(troupe('export', 'run-plain', '--out', 'exported')).toMatchObject({ status: 0 });
      expect(fs.readFileSync(join(dir, 'exported', 'agent_0', 'chat_template.jinja'), 'utf8')).toBe(template);
      expect(troupe('train', '--resume', 'run-plain', '--chat_template', 'x.jinja')).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('expected "plain", the value of this run'),
      });
    },
    PATIENCE_MS,
  );

  it(
    'with a template file of one agent, whose text the run keeps, also with adapters',
    () => {
      fs.writeFileSync(join(dir, 'own.jinja'), `{#- mine -#}${loop(TURN)}`);
      const file = team(model('own', undefined), {
        agents: '[{name: a, chat_template: own.jinja}]',
        more: 'protocol: {kind: vote}',
      });
      expect(trained(file, 'run-own', '--engine.lora_rank', '2')).toMatchObject({ status: 0, stderr: '' });
      fs.rmSync(join(dir, 'own.jinja'));
      expect(troupe('train', '--resume', 'run-own', '--train.stages', '2')).toMatchObject({
        status: 0,
        stderr: '',
      });
      expect(troupe('export', 'run-own', '--out', 'adapter')).toMatchObject({ status: 0 });
      expect(fs.readFileSync(join(dir, 'adapter', 'a', 'chat_template.jinja'), 'utf8')).toContain(
        '{#- mine -#}',
      );
    },
    PATIENCE_MS,
  );
});

describe('a swap', () => {
  it(
    'of models with different chat templates is refused before weights are read',
    () => {
      const run = trained(team(model('incumbent', loop(TURN))), 'run-incumbent', '--train.stages', '0');
      expect(run).toMatchObject({ status: 0 });
      const other = model('different', loop(`${TURN}1`), { weights: false });
      const swapped = troupe('swap', 'run-incumbent', '--agent', '0', '--with', other, '--out', 'swapped');
      expect(swapped.status).toBe(2);
      expect(swapped.stderr).toMatch(
        /^agent 0: expected two models with the same vocabulary and chat template, got chat templates that render/,
      );
      expect(fs.existsSync(join(dir, 'swapped'))).toBe(false);
    },
    PATIENCE_MS,
  );
});

describe('prompts that are too long', () => {
  const rows = Array.from({ length: 60 }, (_, i) => ({ prompt: `${i}+1+2=`, answer: i + 3 }));
  const long = { prompt: `${'1+'.repeat(100)}1=`, answer: 101 };
  let file: string;

  beforeAll(() => {
    fs.cpSync(BASE, join(dir, 'long'), { recursive: true });
    const lines = rows.flatMap((row, i) => (i === 20 ? [long, row] : [row]));
    fs.writeFileSync(join(dir, 'long.jsonl'), `${lines.map((row) => JSON.stringify(row)).join('\n')}\n`);
    file = team('long', { agents: '1' });
    const text = fs.readFileSync(join(dir, file), 'utf8');
    const task = 'task: {name: jsonl, path: long.jsonl, verifier: numeric}';
    fs.writeFileSync(join(dir, file), text.replace(/^task: .*$/m, task));
  });

  it(
    'are skipped and counted, also when the run is resumed',
    () => {
      const flags = ['--train.prompts_per_step', '8', '--train.stages'];
      expect(trained(file, 'run-long', ...flags, '12')).toMatchObject({ status: 0, stderr: '' });
      const report = fs.readFileSync(join(dir, 'run-long', 'report.md'), 'utf8');
      expect(report).toMatch(
        /prompts too long for the context, never used for training: 1 of 41 train prompts; the first is train:21 with 204 tokens, and agent "agent_0" has 64/,
      );
      expect(trained(file, 'run-parts', ...flags, '4')).toMatchObject({ status: 0 });
      expect(troupe('train', '--resume', 'run-parts', '--train.stages', '12')).toMatchObject({ status: 0 });
      const drawn = (run: string): number[] =>
        fs
          .readFileSync(join(dir, run, 'events.jsonl'), 'utf8')
          .split('\n')
          .filter((line) => line.includes('"rollout"'))
          .map((line) => (JSON.parse(line) as { readonly tokens: number }).tokens);
      expect(drawn('run-long')).toHaveLength(12);
      expect(drawn('run-parts')).toEqual(drawn('run-long'));
    },
    PATIENCE_MS,
  );

  it(
    'are refused at the start with overlong_prompts: error',
    () => {
      const { status, stderr } = trained(file, 'never', '--train.overlong_prompts', 'error');
      expect(status).toBe(2);
      expect(stderr).toMatch(
        /^long\.yaml:5:7 task: expected prompts that leave room for max_completion_length = 8 tokens, got 1 of 41 train prompts that do not; the first is train:21 with 204 tokens/,
      );
      expect(fs.existsSync(join(dir, 'never'))).toBe(false);
    },
    PATIENCE_MS,
  );

  it(
    'are shown by tasks check',
    () => {
      const { status, stdout } = troupe('tasks', 'check', file);
      expect(status).toBe(0);
      expect(stdout).toMatch(/^train, agent_0 +9 +9 +204 \(train:21\) +56 +1 of 41$/m);
      expect(stdout).toMatch(/^warning: 1 train prompt longer than the 56 tokens/m);
    },
    PATIENCE_MS,
  );

  it(
    'count as wrong in an evaluation, which names them',
    () => {
      const { status, stdout } = troupe('eval', file, '--split', 'train', '--prompts', '41');
      expect(status).toBe(0);
      expect(stdout).toMatch(/^1 of \d+ episodes wrong because the context of an agent was full$/m);
    },
    PATIENCE_MS,
  );
});
