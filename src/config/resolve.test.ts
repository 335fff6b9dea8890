import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../support/errors.ts';
import { extractOverrides } from './overrides.ts';
import { resolveConfig, resolveConfigObject, resolveConfigText, resolveRunConfig } from './resolve.ts';

const MINIMAL = 'base: models/base\nagents: 3\ntask:\n  name: arithmetic\n';

function resolved(text: string, ...flags: string[]) {
  const { overrides } = extractOverrides(flags, ['seed', 'agents', 'base']);
  return resolveConfigText(text, { path: '/team/team.yaml', overrides });
}

/** Returns the lines of the error message for a team file and flags. */
function errorLines(text: string, ...flags: string[]): string[] {
  try {
    resolved(text, ...flags);
  } catch (error) {
    if (error instanceof ConfigError) {
      expect(error.exitCode).toBe(2);
      return error.message.split('\n').map((line) => line.replace('/team/', ''));
    }
    throw error;
  }
  throw new Error('expected a ConfigError');
}

describe('a team file', () => {
  it('needs models and a task only; all other fields have defaults', () => {
    const { config } = resolved(MINIMAL);
    expect(config.agents.map(({ name }) => name)).toEqual(['agent_0', 'agent_1', 'agent_2']);
    expect(config.agents[2]?.model).toBe('/team/models/base');
    expect(config.trust_region).toEqual({
      target_kl: 0.3,
      quantile: 0.99,
      target_kl_message: 0.5,
      slack: 'none',
      slack_confidence: 0.05,
      max_backtracks: 5,
      step_shrink: 'auto',
      gate: 'enforce',
    });
    expect(config.train.order).toBe('static');
    expect(config.loss).toMatchObject({ epsilon: 0.2, dual_clip: 3, ratio_norm: 'sum', beta: 0.001 });
    expect(config.gate).toMatchObject({ kind: 'promotion', alpha: 0.05 });
  });

  it('has defaults that depend on other fields', () => {
    const { config } = resolved(
      MINIMAL,
      '--train.rollout_mode',
      'reuse',
      '--train.max_completion_length=501',
    );
    expect(config.train.order).toBe('reverse');
    expect(config.loss.ratio_norm).toBe('mean');
  });

  it('resolves to a YAML that resolves to itself', () => {
    const { config, resolvedYaml } = resolved(`${MINIMAL}  digits: [1, 2]\ntrain:\nloss: {dual_clip: off}\n`);
    const again = resolveConfigText(resolvedYaml, { path: '/elsewhere/config.yaml' });
    expect(again.config).toEqual(config);
    expect(again.resolvedYaml).toBe(resolvedYaml);
    expect(resolvedYaml).toContain('dual_clip: "off"');
    expect(resolvedYaml).toContain('max_backtracks: 5');
  });

  it('suggests the nearest valid key with file, line and column', () => {
    expect(errorLines(`${MINIMAL}trust_region:\n  quantil: 0.9\n  slakc: none\n`)).toEqual([
      'team.yaml:6:3 trust_region: unknown key "quantil"; did you mean "quantile"?',
      'team.yaml:7:3 trust_region: unknown key "slakc"; did you mean "slack"?',
    ]);
    expect(errorLines(`${MINIMAL}trian: {}\n`)).toEqual([
      'team.yaml:5:1 unknown key "trian"; did you mean "train"?',
    ]);
    expect(errorLines('task: {name: a}\nagents:\n  - modle: x\n')[0]).toBe(
      'team.yaml:3:5 agents.0: unknown key "modle"; did you mean "model"?',
    );
    expect(errorLines(`${MINIMAL}protocol: {kind: vote, xyzzy: 2}\n`)[0]).toMatch(
      /^team.yaml:5:24 protocol: unknown key "xyzzy"; the keys here are kind/,
    );
  });

  it('names the new key for a renamed one, in the file and in flags', () => {
    expect(errorLines(`${MINIMAL}reward: {member: 0.5}\n`)).toEqual([
      'team.yaml:5:10 reward: unknown key "member"; it is now "agent"',
    ]);
    expect(errorLines(MINIMAL, '--reward.member', '0.5')).toEqual([
      '--reward.member: unknown key "member"; it is now "agent"',
    ]);
  });

  it('names the new name of a renamed split', () => {
    const line = 'eval: {benchmarks: [{name: own, task: {name: a}, split: heldout}]}\n';
    expect(errorLines(`${MINIMAL}${line}`)).toEqual([
      expect.stringMatching(
        /^team.yaml:5:21 eval.benchmarks.0: expected .*; the split heldout is now called test$/,
      ),
    ]);
    expect(errorLines(MINIMAL, '--scheme.order_split', 'test')).toEqual([
      '--scheme.order_split: expected one of train, validation, got "test"; the split is now called validation',
    ]);
  });

  it('suggests a key of another section', () => {
    expect(errorLines(`${MINIMAL}train: {target_kl: 1}\n`)).toEqual([
      'team.yaml:5:9 train: unknown key "target_kl"; did you mean "trust_region.target_kl"?',
    ]);
  });

  it.each([
    ['train: {stages: many}', '5:17 train.stages: expected an integer >= 0, got "many"'],
    ['train: {stages: 1.5}', '5:17 train.stages: expected an integer >= 0, got 1.5'],
    ['train: 5', '5:8 train: expected a section (keys and values), got 5'],
    ['optimizer: {adapt_to_radius: 1}', '5:30 optimizer.adapt_to_radius: expected true or false, got 1'],
    [
      'train: {order: statik}',
      '5:16 train.order: expected one of static, random, reverse, greedy, got "statik"; did you mean "static"?',
    ],
    [
      'protocol: {kind: 3}',
      '5:18 protocol.kind: expected one of vote, parts, relay, debate, router, module, got 3',
    ],
    [
      'protocol: {kind: votes}',
      '5:18 protocol.kind: expected one of vote, parts, relay, debate, router, module, got "votes"; did you mean "vote"?',
    ],
    [
      'protocol: {}',
      '5:11 protocol.kind: expected one of vote, parts, relay, debate, router, module, got nothing',
    ],
    ['trust_region: {quantile: 1}', '5:26 trust_region.quantile: expected a number > 0 and < 1, got 1'],
    ['loss: {dual_clip: 1}', '5:19 loss.dual_clip: expected a number > 1, or off, got 1'],
    ['gate: {n_plan: 0}', '5:16 gate.n_plan: expected an integer >= 1, got 0'],
    ['gate: {alpha: .nan}', '5:15 gate.alpha: expected a number > 0 and < 1, got NaN'],
    ['name: 7', '5:7 name: expected a text, got 7'],
  ])('rejects %s', (line, expected) => {
    expect(errorLines(`${MINIMAL}${line}\n`)).toEqual([`team.yaml:${expected}`]);
  });

  it('reports all invalid and missing fields together', () => {
    expect(errorLines('seed: -1\ntrain: {stages: x}\n')).toEqual([
      'team.yaml:1:7 seed: expected an integer >= 0, got -1',
      'team.yaml:1:1 agents: expected a list of agents or their number, got nothing',
      'team.yaml:1:1 task: expected a section with the name of a task, got nothing',
      'team.yaml:2:17 train.stages: expected an integer >= 0, got "x"',
    ]);
    expect(errorLines('')[0]).toMatch(/^team.yaml:1:1 agents: expected a list/);
    expect(errorLines('- 1\n')).toEqual(['team.yaml:1:1 expected a section (keys and values), got [1]']);
  });

  it('reports the position of YAML syntax errors', () => {
    expect(errorLines('a: 1\nb: [1,\n')[0]).toMatch(/^team.yaml:3:1 expected YAML: /);
    expect(errorLines('a: 1\na: 2\n')[0]).toBe('team.yaml:2:1 expected YAML: Map keys must be unique');
  });

  it('may share settings with anchors and merge keys, whose values have positions', () => {
    const single = `base: m\nagents: 1\ntask: {name: countdown}\ntrain: {<<: {stages: 4, save_steps: 3}, save_steps: 2}\n`;
    expect(resolveConfigText(single, { path: 't.yaml' }).config.train).toMatchObject({
      stages: 4,
      save_steps: 2,
    });
    expect(() => resolveConfigText(single.replace('stages: 4', 'stages: x'), { path: 't.yaml' })).toThrow(
      /^t\.yaml:4:22 train\.stages: expected an integer >= 0, got "x"$/,
    );
  });

  it.each([
    ['name: &a [*a]', /^t\.yaml: expected YAML: aliases \(\*name\) that do not contain themselves/],
    ['a: &a\n  <<: *a', /^t\.yaml: expected YAML: aliases \(\*name\) that do not contain themselves/],
    ['train: {<<: 3}', /^t\.yaml: expected YAML: sections after the merge key "<<", got another value$/],
    ['name: !foo t', /^t\.yaml:1:7 expected YAML: Unresolved tag: !foo$/],
    ['{{{: :', /^t\.yaml:1:6 expected YAML: .*$/],
  ])('rejects %j in one line', (text, message) => {
    expect(() => resolveConfigText(`${text}\n`, { path: 't.yaml' })).toThrow(message);
  });

  it('rejects aliases without an anchor, and several documents', () => {
    expect(errorLines(`${MINIMAL}name: *who\n`)).toEqual([
      'team.yaml: expected YAML: Unresolved alias (the anchor must be set before the alias): who',
    ]);
    expect(errorLines(`${MINIMAL}---\nname: two\n`)).toEqual([
      'team.yaml:5:1 expected YAML: one document, got several',
    ]);
  });

  it('reports keys of another kind of the section', () => {
    expect(errorLines(`${MINIMAL}protocol: {kind: vote, rounds: 2}\n`)).toEqual([
      'team.yaml:5:24 protocol: unknown key "rounds"; kind vote does not have this key',
    ]);
    expect(errorLines(MINIMAL, '--protocol.rounds', '2')[0]).toMatch(
      / protocol.kind: expected one of vote, /,
    );
  });

  it('has ~ in paths expanded', () => {
    const text = `base: ~/m\nagents: [{}, {model: ~/n}]\ntask: {name: jsonl, path: ~/d.jsonl, verifier: numeric}
protocol: {kind: module, path: ~/p.ts}\nengine: {kind: torch}\ntorch: {python: ~/v/bin/python}
eval: {data: ~/b, benchmarks: [{name: z, data: ~/z.jsonl}]}\n`;
    const overrides = [{ flag: '--task.test_path', path: ['task', 'test_path'], value: '~/t.jsonl' }];
    const { config, resolvedYaml } = resolveConfigText(text, { path: 'a/t.yaml', overrides });
    expect(resolvedYaml).not.toContain('~');
    expect(config).toMatchObject({
      base: join(homedir(), 'm'),
      agents: [{ model: join(homedir(), 'm') }, { model: join(homedir(), 'n') }],
      task: { path: join(homedir(), 'd.jsonl'), test_path: join(homedir(), 't.jsonl') },
      protocol: { path: join(homedir(), 'p.ts') },
      torch: { python: join(homedir(), 'v/bin/python') },
      eval: { data: join(homedir(), 'b'), benchmarks: [{ data: join(homedir(), 'z.jsonl') }] },
    });
  });

  it('is read from a file; a missing file is a ConfigError', () => {
    const dir = mkdtempSync(join(tmpdir(), 'troupe-config-'));
    const path = join(dir, 'team.yaml');
    writeFileSync(path, MINIMAL);
    expect(resolveConfig(path).config.base).toBe(join(dir, 'models/base'));
    expect(() => resolveConfig(join(dir, 'no.yaml'))).toThrow(
      /no.yaml: expected a team file \(YAML\), got nothing there/,
    );
    expect(() => resolveConfig(dir)).toThrow(
      /expected a team file \(YAML\), got a folder; resume a run with/,
    );
    rmSync(dir, { recursive: true });
  });
});

describe('invalid combinations', () => {
  it.each([
    [
      ['--trust_region.slack', 'binom', '--train.prompts_per_step', '32'],
      /^--trust_region.slack: expected at least 299 trajectories per step for binom \(ln.*\), got 256 = /,
    ],
    [
      ['--trust_region.slack', 'dkw', '--train.prompts_per_step', '1000'],
      /^--trust_region.slack: expected at least 14979 trajectories per step for dkw \(ln.*or use binom$/,
    ],
    [['--train.num_generations', '1'], /^--train.num_generations: expected an integer >= 2 \(one episode/],
    [
      ['--reward.agent', '0.5', '--set', 'protocol.kind=relay'],
      /^--reward.agent: expected 0 with protocol relay/,
    ],
    [
      ['--scheme.estimator', 'gae'],
      /^--scheme.estimator: expected group with engine onnx, .* no value head for a critic, got gae$/,
    ],
    [['--scheme.estimator', 'vtrace'], /no value head .* got vtrace$/],
    [['--scheme.lam', '0.95'], /^--scheme.lam: expected 1 with the ratio of a whole sequence.*got 0.95$/],
    [['--scheme.gamma', '0.99'], /^--scheme.gamma: expected 1 with estimator group.*, got 0.99$/],
    [['--scheme.order_split', 'validation'], /^--scheme.order_split: expected train: .*, got validation$/],
    [['--certificate.prompts', '1'], /^--certificate.prompts: expected 0, or at least 2 .*, got 1$/],
    [['--pretrain.heads', '5'], /^--pretrain.heads: expected heads of an even width/],
    [['--pretrain.kv_heads', '3'], /^--pretrain.kv_heads: expected a divisor of heads = 4, got 3/],
  ])('are rejected: %j', (flags, expected) => {
    expect(errorLines(MINIMAL, ...flags)[0]).toMatch(expected);
  });

  it('include agents without a model and agents with equal names', () => {
    const noModel = 'base: expected a model folder for all agents, got nothing; or set model for every agent';
    expect(errorLines('agents: 2\ntask: {name: a}\n')).toEqual([`team.yaml:1:1 ${noModel}`]);
    expect(errorLines('agents: 2\nbase:\ntask: {name: a}\n')).toEqual([`team.yaml:2:6 ${noModel}`]);
    expect(errorLines('agents: [{model: m}, {}]\ntask: {name: a}\n')).toEqual([
      'team.yaml:1:22 agents.1: expected a model folder, got nothing; set model here, or base for all agents',
    ]);
    expect(errorLines(`${MINIMAL.replace('3', '[{name: a}, {}, {name: a}]')}`)).toEqual([
      'team.yaml:2:32 agents.2.name: expected a unique name, got "a", the name of agent 0',
    ]);
  });

  it('are accepted at the bound', () => {
    const flags = [
      '--trust_region.slack',
      'binom',
      '--train.prompts_per_step',
      '23',
      '--train.num_generations',
      '13',
    ];
    expect(resolved(MINIMAL, ...flags).config.trust_region.slack).toBe('binom'); // 299
  });
});

describe('flags', () => {
  it('override the file in all three spellings; the last one wins', () => {
    const flags = ['--train.stages', '3', '--set', 'train.stages=4', '--train.stages=5', '--seed', '9'];
    const { config } = resolved(MINIMAL, ...flags);
    expect(config.train.stages).toBe(5);
    expect(config.seed).toBe(9);
  });

  it('can set entries of lists, after a number of agents was expanded', () => {
    const { config } = resolved(MINIMAL, '--agents', '2', '--agents.1.name', 'second');
    expect(config.agents.map((agent) => agent.name)).toEqual(['agent_0', 'second']);
  });

  it('have paths relative to the current folder', () => {
    const { config } = resolved(MINIMAL, '--agents.0.model', 'here');
    expect(config.agents[0]?.model).toBe(resolve('here'));
    expect(config.agents[1]?.model).toBe('/team/models/base');
    expect(resolved(MINIMAL, '--base', 'b').config.agents[1]?.model).toBe(resolve('b'));
  });

  it('have paths of task files relative to the current folder', () => {
    const text = `${MINIMAL}  path: data/train.jsonl\n  validation_path: /abs/test.jsonl\n`;
    expect(resolved(text).config.task).toMatchObject({
      path: '/team/data/train.jsonl',
      validation_path: '/abs/test.jsonl',
    });
    expect(resolved(text, '--task.path', 'x.jsonl').config.task.path).toBe(resolve('x.jsonl'));
  });

  it('are named in errors', () => {
    expect(errorLines(MINIMAL, '--train.stages', 'x')).toEqual([
      '--train.stages: expected an integer >= 0, got "x"',
    ]);
    expect(errorLines(MINIMAL, '--set', 'train.stage=1')).toEqual([
      '--set train.stage: unknown key "stage"; did you mean "stages"?',
    ]);
    expect(errorLines(MINIMAL, '--name.x', '1')).toEqual(['--name.x: expected a text, got {"x":1}']);
  });

  it.each([
    [['--train.stages'], '--train.stages: expected a value, got nothing'],
    [['--train.stages', '--debug'], '--train.stages: expected a value, got "--debug"'],
    [['--set', 'stages'], '--set: expected KEY=VALUE, got "stages"'],
    [['--a.b', '[1'], '--a.b: expected a value in YAML, got "[1"; quote it'],
  ])('without a valid value are rejected: %j', (flags, message) => {
    expect(() => extractOverrides(flags)).toThrow(message);
  });

  it('leave all other arguments to the command, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^(-[a-z]|--[a-z]+|[a-z./]+)$/)), (words) => {
        fc.pre(!words.includes('--set'));
        const mixed = words.flatMap((word, i) => (i % 2 ? ['--x.y=1', word] : [word]));
        const { rest, overrides } = extractOverrides(mixed);
        expect(rest).toEqual(words);
        expect(overrides).toHaveLength(Math.floor(words.length / 2));
      }),
    );
    expect(extractOverrides(['a', '--', '--x.y=1']).rest).toEqual(['a', '--', '--x.y=1']);
  });
});

it('reports later problems of tasks and models with their position in the file or their flag', () => {
  const { problem } = resolved(`${MINIMAL}  digits: 7\n`, '--task.size', '3');
  const problems = [
    { path: ['task', 'digits'], message: 'expected x, got 7' },
    { path: ['task', 'size'], message: 'expected y, got 3' },
  ];
  expect(problem(problems).message).toBe(
    '/team/team.yaml:5:11 task.digits: expected x, got 7\n--task.size: expected y, got 3',
  );
});

describe('a team file as an object', () => {
  const team = { base: 'models/base', agents: 3, task: { name: 'arithmetic' } };

  it('resolves like the same file, with paths relative to the folder', () => {
    const fromObject = resolveConfigObject(team, { folder: '/team' });
    expect(fromObject.config).toEqual(resolved(MINIMAL).config);
    expect(fromObject.resolvedYaml).toBe(resolved(MINIMAL).resolvedYaml);
    expect(resolveConfigObject(team).config.base).toBe(resolve('models/base'));
  });

  it('reports problems with keys instead of positions', () => {
    expect(() => resolveConfigObject({ ...team, train: { stages: -1 } })).toThrow(
      /^train\.stages: expected an integer >= 0, got -1$/,
    );
    expect(() => resolveConfigObject({ ...team, train: { steps: 3 } } as never)).toThrow(
      /^train: unknown key "steps"/,
    );
  });
});

describe('resolveRunConfig', () => {
  it('reads a configuration without train.truncated as judge, the rule of the version that wrote it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'troupe-run-config-'));
    const path = join(dir, 'config.yaml');
    try {
      const resolved = resolveConfigText(MINIMAL, { path: 'team.yaml' }).resolvedYaml;
      writeFileSync(path, resolved.replace(/^ {2}truncated: wrong\n/m, ''));
      const old = resolveRunConfig(path);
      expect(old.config.train.truncated).toBe('judge');
      expect(old.resolvedYaml).toContain('truncated: judge');
      expect(resolveConfig(path).config.train.truncated).toBe('wrong');
      writeFileSync(path, resolved);
      expect(resolveRunConfig(path).config.train.truncated).toBe('wrong');
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('lora_alpha', () => {
  it('is twice the rank by default', () => {
    const engineOf = (engine: string) =>
      resolveConfigText(`${MINIMAL}engine: {${engine}}\n`, { path: 'team.yaml' }).config.engine;
    expect(engineOf('lora_rank: 8').lora_alpha).toBe(16);
    expect(engineOf('lora_rank: 8, lora_alpha: 32').lora_alpha).toBe(32);
    expect(engineOf('threads: 1')).not.toHaveProperty('lora_alpha');
  });
});
