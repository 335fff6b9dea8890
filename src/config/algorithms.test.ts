import { describe, expect, it } from 'vitest';
import { ConfigError } from '../support/errors.ts';
import { ALGORITHM_NAMES, ALGORITHMS, type AlgorithmName } from './algorithms.ts';
import { extractOverrides } from './overrides.ts';
import { resolveConfigText } from './resolve.ts';
import { PLAIN_KEYS } from './schema.ts';
import { trainOptions } from './train-options.ts';

function resolved(text: string, ...flags: string[]) {
  const { overrides } = extractOverrides(flags, PLAIN_KEYS);
  return resolveConfigText(text, { path: 'team.yaml', overrides });
}

const team = (agents: number, more = '') => `base: b\nagents: ${agents}\ntask: {name: t}\n${more}`;

function errorOf(text: string, ...flags: string[]): string {
  try {
    resolved(text, ...flags);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('expected a ConfigError');
}

/** Returns the value at a dotted path. */
function at(config: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], config);
}

describe('an algorithm', () => {
  it.each(ALGORITHM_NAMES)('%s changes exactly the settings of its table', (algorithm) => {
    const agents = algorithm === 'single' ? 1 : 3;
    const { config } = resolved(team(agents, `algorithm: ${algorithm}\n`));
    const { config: plain } = resolved(team(agents));
    const expected = structuredClone(plain) as Record<string, unknown>;
    expected.algorithm = algorithm;
    for (const [path, value] of ALGORITHMS[algorithm].settings) {
      expect(at(config, path), path).toBe(value);
      const [section, key] = path.split('.') as [string, string];
      (expected[section] as Record<string, unknown>)[key] = value;
    }
    expect(config).toEqual(expected);
  });

  it('is sat by default, which changes no default', () => {
    expect(resolved(team(2)).config.algorithm).toBe('sat');
    expect(ALGORITHMS.sat.settings).toEqual([]);
  });

  it("is overridden by the user's settings in the file and in flags, in any order", () => {
    const { config } = resolved(
      team(2, 'algorithm: sat-paper\nloss: {dual_clip: 4}\ntrain:\n  order: random\n'),
      '--trust_region.step_shrink',
      '0.25',
    );
    expect(config.loss).toMatchObject({ dual_clip: 4, ratio_norm: 'sum' });
    expect(config.train).toMatchObject({ order: 'random', rollout_mode: 'reuse' });
    expect(config.trust_region).toMatchObject({ step_shrink: 0.25, target_kl_message: 'off' });
    const flagged = resolved(team(2, 'scheme: {credit: team}\n'), '--algorithm=independent');
    expect(flagged.config).toMatchObject({ algorithm: 'independent', scheme: { credit: 'team' } });
  });

  it('is in the resolved file, which resolves to itself', () => {
    const { config, resolvedYaml } = resolved(team(2, 'algorithm: teamtr\nloss: {beta: 0.01}\n'));
    expect(resolvedYaml).toContain('algorithm: teamtr');
    expect(resolveConfigText(resolvedYaml, { path: '/elsewhere/config.yaml' }).config).toEqual({
      ...config,
      base: config.base,
    });
  });

  it('determines the options of the training loop', () => {
    const options = (algorithm: AlgorithmName, agents = 2) =>
      trainOptions(resolved(team(agents, `algorithm: ${algorithm}\n`)).config);
    expect(options('sat')).toMatchObject({ updateSchedule: 'sequential', credit: 'team', stateWeight: true });
    expect(options('simultaneous').updateSchedule).toBe('simultaneous');
    expect(options('independent')).toMatchObject({ credit: 'own', beta: 0, trustRegion: { gate: 'record' } });
    const paper = options('sat-paper');
    expect(paper).toMatchObject({ rolloutMode: 'reuse', stateWeight: false, gate: { kind: 'off' } });
    expect(paper).not.toHaveProperty('dualClip');
    expect(paper.trustRegion).not.toHaveProperty('targetKlMessage');
    expect(trainOptions(resolved(team(1), '--loss.epsilon_high', '0.28').config).epsilonHigh).toBe(0.28);
  });
});

describe('an invalid algorithm', () => {
  it('is reported with the nearest valid name', () => {
    expect(errorOf(team(2, 'algorithm: sat_paper\n'))).toBe(
      'team.yaml:4:12 algorithm: expected one of sat, sat-paper, simultaneous, independent, single, teamtr, got "sat_paper"; did you mean "sat-paper"?',
    );
  });

  it('is single with three agents', () => {
    expect(errorOf(team(3), '--algorithm', 'single')).toBe(
      '--algorithm: expected one agent with algorithm single, got 3',
    );
  });

  it('is reported at the key algorithm if the algorithm set the invalid value', () => {
    const relay = team(2, 'protocol: {kind: relay}\n');
    expect(errorOf(`${relay}algorithm: independent\n`)).toBe(
      'team.yaml:5:12 algorithm: sets scheme.credit: expected team with protocol relay, in which single agents give no answers, got own',
    );
    expect(errorOf(`${relay}scheme: {credit: own}\n`)).toMatch(
      /^team.yaml:5:18 scheme.credit: expected team/,
    );
    expect(errorOf(team(2, 'train: {rollout_mode: reuse}\nscheme: {credit: own}\n'))).toMatch(
      /^team.yaml:5:18 scheme.credit: expected team with rollout_mode reuse/,
    );
    expect(errorOf(team(2, 'algorithm: simultaneous\n'), '--gate.kind', 'step')).toBe(
      'team.yaml:4:12 algorithm: sets scheme.update_schedule: expected sequential with gate.kind step, which tests updates one after the other, got simultaneous',
    );
  });
});
