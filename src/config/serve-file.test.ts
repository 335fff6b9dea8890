import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../support/errors.ts';
import { isServeFile, readServeFile } from './serve-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'troupe-serve-file-'));
const path = join(folder, 'serve.yaml');
afterAll(() => rmSync(folder, { recursive: true }));

function write(yaml: string): string {
  writeFileSync(path, yaml);
  return path;
}

/** Returns the error message for a serve file, without the folder. */
function errorOf(yaml: string): string {
  try {
    readServeFile(write(yaml));
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, '');
    throw error;
  }
  return expect.fail('expected a ConfigError');
}

describe('readServeFile', () => {
  it('resolves paths relative to the file, and keeps endpoints and models of the hub', () => {
    const { file } = readServeFile(
      write(`team: runs/a
agents:
  - model: models/small
  - model: hf:owner/name@main
  - { model: Qwen/Qwen3-4B, endpoint: "http://127.0.0.1:8000/v1" }
min_agents: 2
server: { keys: keys.json }
`),
    );
    expect(file).toMatchObject({
      team: join(folder, 'runs/a'),
      agents: [
        { model: join(folder, 'models/small') },
        { model: 'hf:owner/name@main' },
        { model: 'Qwen/Qwen3-4B' },
      ],
      min_agents: 2,
      agent_timeout_s: 60,
      server: { keys: join(folder, 'keys.json') },
    });
  });

  it('names the new key in one line for each renamed key', () => {
    expect(errorOf('members: [{ model: a }]\n')).toBe(
      'serve.yaml:1:1 unknown key "members"; it is now "agents"',
    );
    expect(errorOf('team: a\nmin_members: 2\nmember_timeout_s: 1\n')).toBe(
      'serve.yaml:2:1 unknown key "min_members"; it is now "min_agents"\n' +
        'serve.yaml:3:1 unknown key "member_timeout_s"; it is now "agent_timeout_s"',
    );
  });

  it('suggests the nearest key for a misspelled one, and locates wrong values', () => {
    expect(errorOf('team: a\nserver: { prot: 1 }\n')).toBe(
      'serve.yaml:2:11 unknown key "prot"; did you mean "port"?',
    );
    expect(errorOf('agents: 3\n')).toBe('serve.yaml:1:9 agents: expected a list of agents, got 3');
    expect(errorOf('agents: [{ model: a, retries: 1 }]\n')).toBe(
      'serve.yaml:1:31 agents.0.retries: expected it only with an endpoint, got it without',
    );
    expect(errorOf('team: a\nprotocol: { kind: votes }\n')).toBe(
      'serve.yaml:2:19 protocol.kind: expected one of vote, parts, relay, debate, router, module, got "votes"; did you mean "vote"?',
    );
    expect(errorOf('team: a\nprotocol: { kind: relay, round: 2 }\n')).toBe(
      'serve.yaml:2:26 unknown key "round"; did you mean "rounds"?',
    );
    expect(errorOf('name: a\n')).toContain('expected a team or agents, got neither');
  });
});

describe('isServeFile', () => {
  it.each([
    ['team: runs/a\n', true],
    ['agents: [{ model: a }]\n', true],
    ['members: [{ model: a }]\n', true],
    ['agents: 3\nbase: a\ntask: { name: countdown }\n', false],
    ['- 1\n', false],
  ])('%j: %s', (yaml, expected) => {
    expect(isServeFile(write(yaml))).toBe(expected);
  });
});
